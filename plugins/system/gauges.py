"""The machine and the gateway as sensors, measured every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autocore.api import N_, BinarySensor, Entity, Limits, PluginHost, Sensor, Severity, slug

from . import machine

NS = 1_000_000_000


class Gauges:
    """Everything that is measured.

    Args:
        host: the plugin's host.
        limits: by `cpu_temperature`, `memory`, `disk`, `disk_written` and `plugin`; None has none.
        folder: on the file system that is watched.
        supply: where the kernel notes a low supply, None on a machine that does not.
    """

    def __init__(self, host: PluginHost, limits: Mapping[str, Limits | None], folder: Path, supply: Path | None) -> None:
        self._host = host
        self._limits = limits
        self._folder = folder
        self._supply = supply
        self._started_ns = host.clock.monotonic_ns()
        self._figures: Mapping[str, Any] | None = None
        self._costs: dict[str, Entity] = {}
        self._temperature = self._sensor(
            "cpu_temperature", N_("CPU temperature"), "°C", "cpu", "temperature", limits["cpu_temperature"], precision=1
        )
        self._load = self._sensor("cpu_used", N_("CPU in use"), "%", "cpu")
        self._memory = self._sensor("memory_used", N_("Memory in use"), "%", "gauge", limits=limits["memory"])
        self._own_memory = self._sensor("gateway_memory", N_("Memory of the gateway"), "MB", "gauge")
        self._disk = self._sensor("disk_used", N_("Disk in use"), "%", "gauge", limits=limits["disk"])
        self._written = self._sensor(
            "disk_written", N_("Written to disk in an hour"), "MB/h", "gauge", limits=limits["disk_written"], precision=1
        )
        self._received = self._sensor("messages_received", N_("Messages received"), "msg/s", "activity", precision=1)
        self._published = self._sensor("messages_published", N_("Messages published"), "msg/s", "activity", precision=1)
        self._uptime = host.entities.add(
            Sensor(
                "system_uptime",
                name=N_("Uptime"),
                unit="s",
                device_class="duration",
                state_class="total_increasing",
                icon="clock",
            )
        )
        self._low_supply = (
            None
            if supply is None
            else host.entities.add(
                BinarySensor("system_undervoltage", name=N_("Supply voltage too low"), device_class="problem", icon="bolt")
            )
        )

    async def measure(self) -> None:
        """Measure everything once."""
        self._set(self._temperature, machine.cpu_temperature())
        self._load.set(machine.cpu_used())
        self._memory.set(machine.memory_used())
        self._own_memory.set(round(machine.own_memory_mb(), 1))
        self._uptime.set((self._host.clock.monotonic_ns() - self._started_ns) // NS)
        self._set(self._disk, await asyncio.to_thread(machine.disk_used, self._folder))  # a dying card answers late
        if self._supply is not None and self._low_supply is not None:
            self._report_supply(self._low_supply, is_low=machine.has_undervoltage(self._supply))
        figures = await self._host.services.call("gateway.figures", {})
        per_hour = figures["written"]["bytes_per_hour"]
        self._set(self._written, None if per_hour is None else round(per_hour / 1e6, 2))
        self._report_rates(figures)

    def _report_supply(self, sensor: Entity, *, is_low: bool | None) -> None:
        if is_low is None:
            sensor.lose()
            return
        if is_low and sensor.state.value is not True:
            self._host.notify(
                "The supply of the gateway's board is below 4.63 V; look at its converter and cable before the card is damaged",
                title="Supply voltage too low",
                severity=Severity.WARNING,
            )
        sensor.set(is_low)

    def _report_rates(self, new: Mapping[str, Any]) -> None:
        old, self._figures = self._figures, new
        if old is None or new["seconds"] <= old["seconds"]:
            return
        seconds = new["seconds"] - old["seconds"]
        for sensor, name in ((self._received, "received"), (self._published, "published")):
            sensor.set(round((new["messages"][name] - old["messages"][name]) / seconds, 2))
        for name, cost in new["plugins"].items():
            before = old["plugins"].get(name)
            if before is None or cost["seconds"] < before["seconds"]:  # it was reloaded
                continue
            share = 100 * (cost["seconds"] - before["seconds"]) / seconds
            self._cost_of(name).set(round(min(share, 100.0), 2))

    def _cost_of(self, plugin: str) -> Entity:
        if plugin not in self._costs:
            self._costs[plugin] = self._sensor(
                f"cost_{slug(plugin)}", f"Time that {plugin} takes", "%", "puzzle", limits=self._limits["plugin"], precision=2
            )
        return self._costs[plugin]

    def _sensor(
        self,
        key: str,
        name: str,
        unit: str,
        icon: str,
        device_class: str | None = None,
        limits: Limits | None = None,
        *,
        precision: int = 0,
    ) -> Entity:
        return self._host.entities.add(
            Sensor(
                f"system_{key}",
                name=name,
                unit=unit,
                icon=icon,
                device_class=device_class,
                limits=limits,
                state_class="measurement",
                precision=precision,
            )
        )

    def _set(self, sensor: Entity, value: float | None) -> None:
        if value is None:
            sensor.lose()
        else:
            sensor.set(value)

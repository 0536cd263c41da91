"""The gateway itself: CPU temperature and uptime as sensors and dashboard cards."""

from __future__ import annotations

import psutil
import voluptuous as vol

from autocore.api import N_, Entity, Panel, PluginHost, Sensor, Slot, duration, hookimpl

NS = 1_000_000_000


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `system`."""
    return vol.Schema({vol.Optional("every", default=10.0): vol.All(duration, vol.Range(1, 3600, msg="use 1s to 1h"))})


@hookimpl
def setup(host: PluginHost, config: dict[str, float]) -> None:
    """Add the sensors, measure now and then every `every` seconds, and show two dashboard cards."""
    temperature = host.entities.add(
        Sensor(
            "system_cpu_temperature",
            name="CPU temperature",
            unit="°C",
            device_class="temperature",
            state_class="measurement",
            icon="cpu",
            precision=1,
        )
    )
    uptime = host.entities.add(
        Sensor(
            "system_uptime",
            name="Uptime",
            unit="s",
            device_class="duration",
            state_class="total_increasing",
            icon="clock",
        )
    )
    started_ns = host.clock.monotonic_ns()

    def measure() -> None:
        _report_temperature(temperature)
        uptime.set((host.clock.monotonic_ns() - started_ns) // NS)

    measure()
    host.schedule.every(config["every"], measure)
    host.panels.add(Panel(N_("CPU temperature"), icon="cpu", template="temperature.html", slot=Slot.DASHBOARD, order=30))
    host.panels.add(Panel(N_("Uptime"), icon="clock", template="uptime.html", slot=Slot.DASHBOARD, order=40))


def _report_temperature(sensor: Entity) -> None:
    celsius = cpu_temperature()
    if celsius is None:
        sensor.lose()
    else:
        sensor.set(celsius)


def cpu_temperature() -> float | None:
    """Give the CPU's temperature in °C, None on a machine that does not tell.

    A Pi names its sensor `cpu_thermal`, PCs `coretemp` or `k10temp`.
    """
    read = getattr(psutil, "sensors_temperatures", None)  # not on every system
    sensors = read() if read else {}
    for name in ("cpu_thermal", "coretemp", "k10temp"):
        if sensors.get(name):
            return float(sensors[name][0].current)
    return None

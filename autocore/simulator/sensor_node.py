"""A device that only measures: it publishes its readings every so often, in either form that carries several."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from autocore.simulator.link import DeviceLink, wait_for

Reading = float | int | bool | str
Readings = Mapping[str, Reading]


class SensorNode:
    """What measures behind a link.

    Args:
        link: how it speaks.
        read: gives the readings at a time, in seconds since the device was built.
        interval_s: between two of them.
        units: sends a list of readings with these units; None sends one object of plain readings.
    """

    def __init__(
        self,
        link: DeviceLink,
        read: Callable[[float], Readings],
        interval_s: float,
        units: Mapping[str, str] | None = None,
    ) -> None:
        self._link = link
        self._read = read
        self._interval_s = interval_s
        self._units = units

    async def run(self, stop: asyncio.Event) -> None:
        """Measure and publish until `stop` is set; what is measured without a link is lost."""
        due_ms = self._link.clock_ms()
        while not stop.is_set():
            now_ms = self._link.clock_ms()
            if self._link.is_linked:
                self._link.publish("telemetry/{id}/data", self._document(now_ms / 1_000))
            due_ms = max(due_ms + round(self._interval_s * 1_000), now_ms)
            await wait_for(stop, (due_ms - now_ms) / 1_000)

    def _document(self, time_s: float) -> object:
        readings = self._read(time_s)
        if self._units is None:
            return readings
        return [
            {"sensor": key, "value": value} | ({"unit": self._units[key]} if key in self._units else {})
            for key, value in readings.items()
        ]

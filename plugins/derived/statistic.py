"""Statistics: a number worked out over what a sensor said within a window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autocore.api import Description, Entity, PluginHost, Sensor, State

from .measure import number_of, sensor_of
from .window import Window

UPDATES_PER_WINDOW = 60  # an hour's mean moves once a minute
FASTEST_S, SLOWEST_S = 1.0, 60.0


class Statistic:
    """One item of `statistics`; unavailable while its sensor is.

    Attributes:
        entity: what it became.
        made_of: the sensor.
    """

    def __init__(self, host: PluginHost, item: Mapping[str, Any], written: Mapping[str, str]) -> None:
        self._host = host
        self._item = item
        self._written = written
        self._window = Window(item["window"])
        self.how: str = item["function"]
        self.made_of: Sequence[str] = [item["entity"]]
        self._like: Description | None = None
        self.entity: Entity = host.entities.add(self._describe(None))

    def start(self) -> None:
        """Follow the sensor, and work the number out so often that it moves smoothly."""
        self._host.states.on(self.made_of[0], self._on_reading)
        step_s = min(SLOWEST_S, max(FASTEST_S, self._item["window"] / UPDATES_PER_WINDOW))
        self._host.schedule.every(step_s, self._work_out)

    def _on_reading(self, sensor: Entity, _old: State, new: State) -> None:
        number = number_of(new)
        if number is None:
            self._window.clear()
            self.entity.lose()
            return
        if sensor.description is not self._like:
            self._like = sensor.description
            self._host.entities.describe(self.entity, self._describe(self._like))
        is_first = not len(self._window)
        self._window.add(new.updated_ns, number)
        if is_first:
            self._work_out()

    def _work_out(self) -> None:
        value = self._window.work_out(self.how, self._host.clock.monotonic_ns())
        if value is not None:
            self.entity.set(value)

    def _describe(self, like: Description | None) -> Sensor:
        described = sensor_of(self._item, self._written, like)
        if self.how == "count":  # of readings, whatever they measure
            return replace(described, unit=self._item["unit"], device_class=None, precision=0)
        if self.how == "rate":
            unit = self._item["unit"] or (f"{described.unit}/s" if described.unit else None)
            return replace(described, unit=unit, device_class=self._item["device_class"])
        return described

"""Template entities: what a template of other entities' states gives, worked out when one of them changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autocore.api import BinarySensor, Description, Entity, InvalidData, PluginHost, State, Template

from .measure import face, key_of, sensor_of

LEAST_GAP_S = 0.1  # what people read; a signal that comes a hundred times a second is worked out ten times


class TemplateEntity:
    """One item of `templates`.

    Attributes:
        entity: what it became; unavailable while the template cannot be worked out or gives nothing.
        made_of: the entities that the template names.
        problem: why it cannot be worked out, None when it can.
    """

    how = "template"

    def __init__(self, host: PluginHost, item: Mapping[str, Any], written: Mapping[str, str]) -> None:
        self._host = host
        self._template: Template = item["value"]
        self._every_s: float | None = item["every"]
        self._is_sensor = item["kind"] == "sensor"
        self._pending: Callable[[], None] | None = None
        self._is_dirty = False
        self.problem: str | None = None
        self.made_of: Sequence[str] = sorted(self._template.entities)
        description: Description = (
            sensor_of(item, written, is_measured=item["unit"] is not None)
            if self._is_sensor
            else BinarySensor(key_of(item), device_class=item["device_class"], **face(item, written))
        )
        self.entity: Entity = host.entities.add(description)

    def start(self) -> None:
        """Work it out now, at every change of what it names, and every so often when the section says so."""
        for entity_id in self.made_of:
            self._host.states.on(entity_id, self._on_state)
        if self._every_s is not None:
            self._host.schedule.every(self._every_s, self._work_out)
        self._work_out()

    def _on_state(self, _entity: Entity, old: State, new: State) -> None:
        if old.value == new.value and old.available == new.available:
            return
        if self._pending is None:
            self._work_out()
            self._pending = self._host.schedule.after(LEAST_GAP_S, self._rest)
        else:
            self._is_dirty = True

    def _rest(self) -> None:
        self._pending = None
        if self._is_dirty:
            self._is_dirty = False
            self._work_out()
            self._pending = self._host.schedule.after(LEAST_GAP_S, self._rest)

    def _work_out(self) -> None:
        try:
            value = self._template.value(self._lookup)
            if value is not None:
                self.entity.set(value if self._is_sensor else _truth(value))
        except InvalidData as error:
            self._fail(error.message)
            return
        self.problem = None
        if value is None:
            self.entity.lose()

    def _fail(self, problem: str) -> None:
        self.entity.lose()
        unknown = [one for one in self.made_of if (state := self._lookup(one)) is None or not state.available]
        if unknown:  # nothing is wrong with the template: it waits
            problem = f"waits for {', '.join(unknown)}"
        elif problem != self.problem:
            self._host.log.warning("the template of %s: %s", self.entity.id, problem)
        self.problem = problem

    def _lookup(self, entity_id: str) -> State | None:
        entity = self._host.states.find(entity_id)
        return None if entity is None else entity.state


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value != 0
    words = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise InvalidData(f"a binary sensor is true or false, not {value!r}")

"""Watches the limits of entities: a value beyond one is a level, an event and a notice; hysteresis keeps it from flickering."""

from __future__ import annotations

from collections.abc import Callable

from autocore.core.bus import Bus, Event
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.host import Notify
from autocore.core.kinds import Limits
from autocore.core.model import State
from autocore.core.notices import Severity

SOURCE = "limits"
WARN, CRITICAL = "warn", "critical"
_RANK = {None: 0, WARN: 1, CRITICAL: 2}


def level_of(value: float, limits: Limits, was: str | None) -> str | None:
    """Give `critical`, `warn` or None for a value.

    A level is entered at its limit and left only when the value has come back by more than the hysteresis.
    """
    for level, above, below in (
        (CRITICAL, limits.critical_above, limits.critical_below),
        (WARN, limits.warn_above, limits.warn_below),
    ):
        back = limits.hysteresis if _RANK[was] >= _RANK[level] else 0.0
        if (above is not None and value > above - back) or (below is not None and value < below + back):
            return level
    return None


def crossed(value: float, limits: Limits, level: str) -> tuple[str, float]:
    """Give the word (`above` or `below`) and the limit that a value at `level` is beyond, or was within the hysteresis."""
    above = limits.critical_above if level == CRITICAL else limits.warn_above
    below = limits.critical_below if level == CRITICAL else limits.warn_below
    if above is None:
        return ("below", below or 0.0)
    if below is None or abs(value - above) <= abs(value - below):
        return ("above", above)
    return ("below", below)


class LimitWatch:
    """Listens to every entity that has limits, and to no other."""

    def __init__(self, entities: EntityRegistry, bus: Bus, notify: Notify | None) -> None:
        self._entities = entities
        self._bus = bus
        self._notify = notify
        self._watched: dict[str, Callable[[], None]] = {}
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Watch from now on, also entities that come later or get limits later."""
        for event in ("entity.added", "entity.changed", "entity.removed"):
            self._undo.append(self._bus.on(event, self._on_entity))
        for entity in self._entities:
            self._wire(entity)

    def stop(self) -> None:
        """Watch no more."""
        for undo in (*self._undo, *self._watched.values()):
            undo()
        self._undo, self._watched = [], {}

    def _on_entity(self, event: Event) -> None:
        entity_id = event.data["entity"]
        if event.type == "entity.removed":
            self._unwire(entity_id)
        elif entity_id in self._entities:
            self._wire(self._entities.get(entity_id))

    def _wire(self, entity: Entity) -> None:
        if entity.description.limits is None:
            self._unwire(entity.id)
            self._become(entity, None)
            return
        if entity.id not in self._watched:
            self._watched[entity.id] = self._entities.on(entity.id, self._on_state)
        self._on_state(entity, entity.state, entity.state)

    def _unwire(self, entity_id: str) -> None:
        remove = self._watched.pop(entity_id, None)
        if remove is not None:
            remove()

    def _on_state(self, entity: Entity, _old: State, new: State) -> None:
        limits, value = entity.description.limits, new.value
        if limits is None or not new.available or isinstance(value, bool) or not isinstance(value, (int, float)):
            return  # a value that is not live says nothing about now: the level stays
        level = level_of(value, limits, entity.level)
        if level != entity.level:
            self._become(entity, level)

    def _become(self, entity: Entity, level: str | None) -> None:
        was, entity.level = entity.level, level
        value, limits = entity.state.value, entity.own.limits if entity.description.limits is None else entity.description.limits
        if was == level:
            return
        self._bus.emit("entity.limit", {"entity": entity.id, "level": level, "was": was, "value": value})
        if self._notify is None or limits is None or not isinstance(value, (int, float)):
            return
        name = entity.description.name or entity.id
        unit = getattr(entity.description, "unit", None)
        shown = f"{value:g} {unit}" if unit else f"{value:g}"
        if level is None:
            self._notify(
                f"{name} is {shown}, within its limits again", title=name, severity=Severity.INFO, source=SOURCE, key=None
            )
            return
        word, limit = crossed(value, limits, level)
        severity = Severity.CRITICAL if level == CRITICAL else Severity.WARNING
        self._notify(f"{name} is {shown}, {word} {limit:g}", title=name, severity=severity, source=SOURCE, key=None)

"""Chosen entities on `{root}/entities/{entity_id}/state` (retained) and chosen events on `{root}/events/{type}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from autocore.builtin.eventtypes import EventClass, class_of
from autocore.core.bus import ALL, Bus, Event
from autocore.core.clock import NS, Clock, Timeline
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import Refused
from autocore.core.model import State, Value
from autocore.core.mqtt.hub import MqttHub

OWNER = "core"
FRAME_S = 0.1  # a display draws ten times a second at most: of many changes the newest is told


class EntityState(msgspec.Struct, frozen=True):
    """`entities/{entity_id}/state`: what an entity is now."""

    value: Value
    available: bool
    unit: str | None
    seq: int
    at: float | None
    """Unix time of the report, None while the clock was never set."""


class Happening(msgspec.Struct, frozen=True):
    """`events/{type}`: something happened."""

    type: str
    data: dict[str, Any]
    seq: int


class Mirror:
    """Publishes what the configuration chose.

    Args:
        entities: patterns of entity ids, e.g. `sensor.engine_*`.
        events: patterns of event types, e.g. `device.*`.
    """

    def __init__(self, hub: MqttHub, registry: EntityRegistry, bus: Bus, clock: Clock, timeline: Timeline) -> None:
        self._hub = hub
        self._registry = registry
        self._bus = bus
        self._clock = clock
        self._timeline = timeline
        self._patterns: Sequence[str] = ()
        self._event_patterns: Sequence[str] = ()
        self._changed: dict[str, Entity] = {}
        self._listening: dict[str, Callable[[], None]] = {}
        self._is_due = False
        self._undo: list[Callable[[], None]] = []

    def start(self, entities: Sequence[str], events: Sequence[str]) -> None:
        """Publish from now on; the hub tells what is retained anew at each connection."""
        self._patterns, self._event_patterns = entities, events
        self._undo = [
            self._hub.claim(f"{self._hub.root}/entities/+/state", OWNER),
            self._hub.claim(f"{self._hub.root}/events/+", OWNER),
        ]
        if entities:
            self._undo.append(self._bus.on("entity.added", self._on_added))
            for entity in self._registry:
                self._listen(entity)
        if events:
            self._undo.append(self._bus.on(ALL, self._on_event))

    def stop(self) -> None:
        """Publish no more."""
        for undo in (*self._undo, *self._listening.values()):
            undo()
        self._undo, self._listening = [], {}

    def _listen(self, entity: Entity) -> None:
        if entity.id not in self._listening and any(fnmatchcase(entity.id, one) for one in self._patterns):
            self._listening[entity.id] = self._registry.on(entity.id, self._on_state)
            self._on_state(entity, entity.state, entity.state)

    def _on_added(self, event: Event) -> None:
        self._listen(self._registry.get(event.data["entity"]))

    def _on_state(self, entity: Entity, _old: State, _new: State) -> None:
        self._changed[entity.id] = entity
        if not self._is_due:
            self._is_due = True
            self._clock.call_later(FRAME_S, self._publish)

    def _publish(self) -> None:
        self._is_due = False
        changed, self._changed = self._changed, {}
        for entity in changed.values():
            state = entity.state
            wall_ns = self._timeline.wall_ns(state.boot, state.updated_ns)
            body = EntityState(
                state.value,
                state.available,
                getattr(entity.description, "unit", None),
                state.seq,
                None if wall_ns is None else wall_ns / NS,
            )
            self._hub.publish(f"{self._hub.root}/entities/{entity.id}/state", body, retain=True, owner=OWNER)

    def _on_event(self, event: Event) -> None:
        if not any(fnmatchcase(event.type, one) for one in self._event_patterns):
            return
        if class_of(event.type, event.data) is EventClass.SECURITY:
            return  # security.md 6: who logs in, and who may, is for the administrator only
        body = Happening(event.type, dict(event.data), event.seq)
        try:
            self._hub.publish(f"{self._hub.root}/events/{event.type}", body, owner=OWNER)
        except Refused:
            return  # the broker is away: an event is for those who are there

"""The entity registry: what the vehicle is now. `Entity.set` is the hot path of the gateway.

One way in for values (`set`), one way out (listeners by entity or by kind). It refuses values of the wrong type and never
shows a stale one as live. It stores nothing and knows no MQTT.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from autocore.core.bus import Bus
from autocore.core.clock import NS, Clock, Sequence
from autocore.core.errors import InvalidData, NameTaken, UnknownName
from autocore.core.kinds import Description
from autocore.core.model import UNKNOWN, Caller, Cause, State, Value
from autocore.core.names import check_readable, nearest


class Command(msgspec.Struct, frozen=True):
    """Somebody wants an entity to do something.

    Args:
        entity: its id.
        verb: one of the kind's verbs, e.g. `turn_on`.
        data: what else was said, e.g. `confirm`.
        caller: who wants it, already allowed to.
        waits: False when the caller wants an answer as soon as the command left.
    """

    entity: str
    verb: str
    data: Mapping[str, Any]
    caller: Caller
    waits: bool = True


CommandHandler = Callable[[Command], Awaitable[Mapping[str, Any]]]
"""Carries a command out and gives its outcome; raises `Refused` or `NoAnswer`."""

StopHandler = Callable[[bool], object]
"""Called with True when everything is stopped: the entity goes to its safe state at once; with False at the reset: it stays."""

StateListener = Callable[["Entity", State, State], object]
"""Called with (entity, old state, new state), at once, and does not raise."""

DESCRIBED = ("name", "icon", "area", "limits")
OVERRIDES = (*DESCRIBED, "recording")
"""What people may say of an entity in the web."""

Identity = tuple[str, str, str]
"""(plugin, device or ``, unique name): what makes an entity the same one after a restart."""


class Entity:
    """One entity: its description, its present state, and who listens to it."""

    __slots__ = (
        "_registry",
        "description",
        "handler",
        "id",
        "is_claimed",
        "level",
        "listeners",
        "on_stop",
        "overrides",
        "own",
        "owner",
        "series",
        "state",
    )

    def __init__(self, registry: EntityRegistry, entity_id: str, owner: str, description: Description) -> None:
        self._registry = registry
        self.listeners: tuple[StateListener, ...] = ()
        self.id = entity_id
        self.owner = owner
        self.own = description
        """What its plugin says of it."""
        self.overrides: Mapping[str, Any] = {}
        """What people said of it in the web: some of `OVERRIDES`."""
        self.description = description
        """What holds: its own description under the overrides."""
        self.handler: CommandHandler | None = None
        self.on_stop: StopHandler | None = None
        self.is_claimed = False
        self.state = UNKNOWN
        self.level: str | None = None
        """`warn` or `critical` while its value is beyond a limit; set by whoever watches the limits."""
        self.series: Any = None
        """How the history keeps it; set by the history."""

    @property
    def kind(self) -> str:
        """The part of the id before the dot."""
        return self.description.kind

    @property
    def identity(self) -> Identity:
        """What it is found by after a restart."""
        description = self.description
        return (self.owner, description.device or "", description.unique or description.key)

    def set(self, value: Value, cause: Cause | None = None) -> None:
        """Take a reported value and tell every listener before this returns.

        Raises:
            InvalidData: the value is not of this kind; the state stays as it was.
        """
        value = self.description.read(value)
        old = self.state
        registry = self._registry
        now = registry.monotonic_ns()
        boot = registry.boot
        # 1 == True == 1.0: a change of type is a change, so that a chart never mixes them silently.
        same = (
            old.available
            and old.value == value
            and old.boot == boot
            and type(old.value) is type(value)
            and not self.description.is_occurrence
        )
        state = State(value, True, old.changed_ns if same else now, now, boot, registry.next_seq(), cause)  # noqa: FBT003  # positional is faster
        self.state = state
        for listener in self.listeners:
            listener(self, old, state)

    def lose(self, cause: Cause | None = None) -> None:
        """Make it unavailable: its last value stays, marked as not live. Harmless when it already is."""
        old = self.state
        if not old.available:
            return
        registry = self._registry
        now = registry.monotonic_ns()
        self.state = State(
            old.value,
            available=False,
            changed_ns=now,
            updated_ns=old.updated_ns,
            boot=old.boot,
            seq=registry.next_seq(),
            cause=cause,
        )
        for listener in self.listeners:
            listener(self, old, self.state)

    @property
    def is_recorded(self) -> bool:
        """Say whether the history keeps its reports; people may switch that off."""
        return bool(self.overrides.get("recording", True))

    def describe(self, own: Description, overrides: Mapping[str, Any]) -> None:
        """Take what its plugin says of it, and what people said in the web; the configuration's word stands above both."""
        written = own.written or {}
        self.own = own
        self.overrides = {name: value for name, value in overrides.items() if name not in written}
        self.description = replace(own, **{name: value for name, value in self.overrides.items() if name in DESCRIBED})
        self.series = None  # so that the history looks anew whether it is recorded

    def is_expired(self, now_ns: int) -> bool:
        """Say whether its source has been silent for longer than its description allows."""
        limit_s = self.description.expires_after_s
        state = self.state
        return limit_s is not None and state.available and now_ns - state.updated_ns > limit_s * NS


class EntityRegistry:
    """All entities, by id and by identity."""

    def __init__(self, clock: Clock, sequence: Sequence, bus: Bus, boot: int) -> None:
        self.monotonic_ns = clock.monotonic_ns
        self.next_seq = sequence.next
        self.boot = boot
        self._bus = bus
        self._by_id: dict[str, Entity] = {}
        self._by_identity: dict[Identity, Entity] = {}
        self._by_name: dict[str, tuple[StateListener, ...]] = {}  # entity id, kind, or "" for all

    def __iter__(self) -> Iterator[Entity]:
        """Give the entities sorted by id."""
        return iter([self._by_id[key] for key in sorted(self._by_id)])

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, entity_id: object) -> bool:
        return entity_id in self._by_id

    def get(self, entity_id: str) -> Entity:
        """Give the entity.

        Raises:
            UnknownName: with the nearest id.
        """
        try:
            return self._by_id[entity_id]
        except KeyError:
            raise UnknownName("entity", entity_id, nearest(entity_id, self._by_id)) from None

    def add(self, owner: str, description: Description, handler: CommandHandler | None = None) -> Entity:
        """Add an entity of the plugin `owner`, or take up the one it had before a restart, with its last value.

        An id that is taken by another gets `_2`, `_3` … behind it.

        Raises:
            NameTaken: the plugin already has an entity of this device and name.
        """
        fresh = Entity(self, description.id, owner, description)
        known = self._by_identity.get(fresh.identity)
        if known is not None and known.is_claimed:
            raise NameTaken(f"{owner} already has {known.id}; give the second one another key")
        if known is not None and known.kind != description.kind:  # it came back as another kind: another entity
            self.remove(known)
            known = None
        entity = known or self._place(fresh)
        entity.describe(description, entity.overrides)
        entity.handler = handler
        entity.is_claimed = True
        self._bus.emit("entity.added", {"entity": entity.id, "plugin": owner})
        return entity

    def restore(
        self,
        entity_id: str,
        owner: str,
        description: Description,
        state: State | None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Entity:
        """Put back what an earlier start knew, unavailable, until its plugin claims it; call it before any plugin starts."""
        entity = Entity(self, entity_id, owner, description)
        entity.describe(description, overrides or {})
        if state is not None:
            entity.state = msgspec.structs.replace(state, available=False)
        return self._place(entity)

    def release(self, entity: Entity) -> None:
        """Let a plugin's entity go: it stays known, unavailable and without a handler, until it is claimed again."""
        entity.lose()
        entity.handler = entity.on_stop = None
        entity.is_claimed = False
        self._bus.emit("entity.released", {"entity": entity.id, "plugin": entity.owner})

    def override(self, entity_id: str, changes: Mapping[str, Any], cause: Cause) -> Entity:
        """Set what people say of an entity: its `name`, `icon`, `area`, `limits` and whether it is kept (`recording`).

        None takes a word back, so that the plugin's own holds again.

        Raises:
            UnknownName: no such entity.
            NameTaken: the configuration owns one of the facts; the sentence says where it stands.
            InvalidData: something is hidden in a word.
        """
        check_readable(changes)
        entity = self.get(entity_id)
        for name in changes:
            place = (entity.own.written or {}).get(name)
            if place is not None:
                raise NameTaken(f"the {name} of {entity_id} stands in {place}; change it there")
        words = {**entity.overrides, **changes}
        entity.describe(entity.own, {name: value for name, value in words.items() if value is not None})
        self._bus.emit("entity.changed", {"entity": entity_id, "changed": sorted(changes)}, cause)
        return entity

    def redescribe(self, entity: Entity, description: Description) -> None:
        """Take what an entity's plugin says of it now, and tell it when something changed.

        Raises:
            InvalidData: it would become another entity.
        """
        if entity.own == description:
            return
        if Entity(self, description.id, entity.owner, description).identity != entity.identity or description.kind != entity.kind:
            raise InvalidData(f"{entity.id} cannot become {description.id}; add that one instead")
        entity.describe(description, entity.overrides)
        self._bus.emit("entity.changed", {"entity": entity.id, "changed": ["description"]})

    def remove(self, entity: Entity) -> None:
        """Forget an entity for good; its history stays."""
        if self._by_id.pop(entity.id, None) is None:
            return
        self._by_identity.pop(entity.identity, None)
        self._bus.emit("entity.removed", {"entity": entity.id, "plugin": entity.owner})

    def on(self, name: str, listener: StateListener) -> Callable[[], None]:
        """Call `listener` at every report of one entity (`sensor.rpm`), one kind (`sensor`) or all (``).

        It may listen for an entity that does not exist yet. The answer takes the listener off again.
        """
        self._by_name[name] = (*self._by_name.get(name, ()), listener)
        self._rewire(name)

        def remove() -> None:
            kept = list(self._by_name.get(name, ()))
            if listener in kept:
                kept.remove(listener)
            self._by_name[name] = tuple(kept)
            self._rewire(name)

        return remove

    def changed_since(self, seq: int) -> list[Entity]:
        """Give those whose state has a higher sequence number, in no order."""
        return [entity for entity in self._by_id.values() if entity.state.seq > seq]

    def expire(self) -> None:
        """Make unavailable what has been silent for too long; the composition root calls it once a second."""
        now = self.monotonic_ns()
        for entity in list(self._by_id.values()):
            if entity.is_expired(now):
                entity.lose()

    def _place(self, entity: Entity) -> Entity:
        wished, number = entity.id, 2
        while entity.id in self._by_id:
            entity.id = f"{wished}_{number}"
            number += 1
        self._by_id[entity.id] = entity
        self._by_identity[entity.identity] = entity
        self._wire(entity)
        return entity

    def _wire(self, entity: Entity) -> None:
        names = (entity.id, entity.kind, "")
        entity.listeners = tuple(one for name in names for one in self._by_name.get(name, ()))

    def _rewire(self, name: str) -> None:
        for entity in self._affected(name):
            self._wire(entity)

    def _affected(self, name: str) -> Iterable[Entity]:
        if "." in name:
            return [self._by_id[name]] if name in self._by_id else []
        return [entity for entity in self._by_id.values() if name in ("", entity.kind)]

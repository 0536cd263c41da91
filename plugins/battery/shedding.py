"""Which loads are off for one battery, as a state machine: levels, looks and touches in, orders out. No clock, no I/O.

What it turned off it turns on again, the most important first; what a person touched since is the person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from .level import NS, Level

T = TypeVar("T")

MOST_TRIES = 3  # a load that is refused so often stays off, and people are told


@dataclass(frozen=True, slots=True)
class Load:
    """A load as it is now.

    Args:
        priority: 1 is the most important, 9 is shed first.
        is_on: what it reported last.
        is_live: whether that report counts: its board is there.
        is_restorable: it stays as it is set, so that it can be turned on again.
    """

    priority: int
    is_on: bool
    is_live: bool
    is_restorable: bool = True


@dataclass(frozen=True, slots=True)
class Off:
    """A load that was turned off for the battery; `tries` counts how often it could not be turned on again."""

    priority: int
    is_restorable: bool = True
    tries: int = 0


@dataclass(frozen=True, slots=True)
class LevelIs:
    """The battery is at another level."""

    level: Level


@dataclass(frozen=True, slots=True)
class Look:
    """The loads, looked at from time to time.

    Args:
        at_ns: now.
        heard_ns: when the voltage was read last: a group after the first one needs a reading of after its hold time.
        loads: all of them by entity, those with `keep` left out.
        under_s: for how long the voltage has been at or under that of SHED; 0 when it is not, or stale.
        over_s: for how long it has been over that at which SHED ends.
        hold_s: between one group and the next.
    """

    at_ns: int
    heard_ns: int
    loads: Mapping[str, Load]
    under_s: float
    over_s: float
    hold_s: float


@dataclass(frozen=True, slots=True)
class Touched:
    """A person, at whatever place, asked for a load to be on or off."""

    entity: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class CameOn:
    """A load went on without a person: by an automation, or with its board (`is_back`)."""

    entity: str
    is_back: bool


@dataclass(frozen=True, slots=True)
class Done:
    """An order was carried out."""

    entity: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """An order was not carried out; `is_away`: its board was not there."""

    entity: str
    is_on: bool
    is_away: bool
    at_ns: int


Event = LevelIs | Look | Touched | CameOn | Done | Failed


@dataclass(frozen=True, slots=True)
class TurnOff:
    """Turn these off."""

    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TurnOn:
    """Turn these on again."""

    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waits:
    """These should be off and cannot be reached; they are turned off when they are back."""

    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GaveUp:
    """This load could not be turned on again; nothing more is tried."""

    entity: str


Output = TurnOff | TurnOn | Waits | GaveUp


@dataclass(frozen=True, slots=True)
class Shedding:
    """What is off for the battery, and why something is not.

    Args:
        level: the battery's.
        off: what was turned off, and is to be turned on again.
        wills: what a person turned on all the same, and at which level: it is left on until the level gets worse.
        owed: what should be off and could not be reached, and when that was tried; None: to be tried again at once.
        last_ns: when the last group was turned off or on, or this was begun; a restart waits for a whole hold time.
        is_due: the level changed a moment ago: the first group does not wait.
    """

    last_ns: int
    level: Level = Level.NORMAL
    off: Mapping[str, Off] = field(default_factory=dict)
    wills: Mapping[str, Level] = field(default_factory=dict)
    owed: Mapping[str, int | None] = field(default_factory=dict)
    is_due: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether a look can lead to nothing."""
        return self.level < Level.SHED and not self.off

    def snapshot(self) -> dict[str, Any]:
        """Give what a restart must know, in JSON types."""
        return {
            "level": self.level.word,
            "off": {entity: [one.priority, one.is_restorable, one.tries] for entity, one in self.off.items()},
            "wills": {entity: level.word for entity, level in self.wills.items()},
            "owed": sorted(self.owed),
        }


def remembered(snapshot: Mapping[str, Any], at_ns: int) -> Shedding:
    """Give the state that `snapshot` told of, as it is after a restart at `at_ns`."""
    return Shedding(
        at_ns,
        Level[str(snapshot["level"]).upper()],
        {entity: Off(*about) for entity, about in snapshot["off"].items()},
        {entity: Level[str(word).upper()] for entity, word in snapshot["wills"].items()},
        dict.fromkeys(snapshot["owed"]),
    )


Step = tuple[Shedding, tuple[Output, ...]]


def step(now: Shedding, event: Event) -> Step:
    """Bring the shedding one event further: the new one, and the orders that follow."""
    match event:
        case LevelIs(level):
            return _level_is(now, level), ()
        case Look():
            return _shed(now, event) if now.level >= Level.SHED else _restore(now, event)
        case Touched(entity, is_on):
            return _touched(now, entity, is_on=is_on), ()
        case CameOn(entity, is_back):
            return _came_on(now, entity, is_back=is_back), ()
        case Done(entity, is_on):
            return (replace(now, off=_without(now.off, (entity,))) if is_on else now), ()
        case Failed():
            return _failed(now, event)


def next_group(now: Shedding, loads: Mapping[str, Load]) -> tuple[str, ...]:
    """Give what would be turned off next, or on next when the battery recovered; empty when nothing would."""
    if now.level >= Level.SHED or not now.off:
        candidates = _candidates(now, loads)
        least = max((loads[one].priority for one in candidates), default=0)
        return tuple(one for one in candidates if loads[one].priority == least)
    first = min(one.priority for one in now.off.values())
    return tuple(sorted(entity for entity, one in now.off.items() if one.priority == first))


def _level_is(now: Shedding, level: Level) -> Shedding:
    if level < Level.SHED:
        return replace(now, level=level, wills={}, owed={}, is_due=now.is_due or now.level >= Level.SHED)
    wills = {entity: at for entity, at in now.wills.items() if level <= at}
    return replace(now, level=level, wills=wills, is_due=level > now.level)


def _candidates(now: Shedding, loads: Mapping[str, Load]) -> list[str]:
    """Give what may be turned off: what is on, as far as anybody knows, and not by a person's will."""
    return sorted(entity for entity, load in loads.items() if load.is_on and entity not in now.owed and entity not in now.wills)


def _shed(now: Shedding, look: Look) -> Step:
    loads = look.loads
    returned = {
        entity
        for entity, tried_ns in now.owed.items()
        if entity in loads and loads[entity].is_live and (tried_ns is None or (look.at_ns - tried_ns) / NS >= look.hold_s)
    }
    chosen = {one for one in returned if loads[one].is_on}
    waits: set[str] = set()
    heard_ns = look.at_ns if now.level is Level.PARK else look.heard_ns
    has_waited = (heard_ns - now.last_ns) / NS >= look.hold_s
    if now.is_due or (has_waited and (now.level is Level.PARK or look.under_s >= look.hold_s)):
        candidates = _candidates(now, loads)
        groups = sorted({loads[one].priority for one in candidates}, reverse=True)
        for priority in groups:
            group = {one for one in candidates if loads[one].priority == priority}
            there = {one for one in group if loads[one].is_live}
            chosen |= there
            waits |= group - there
            if there and now.level is not Level.PARK:
                break
    owed = {**_without(now.owed, returned), **dict.fromkeys(waits, look.at_ns)}
    off = {**_without(now.off, returned | waits), **{one: Off(loads[one].priority, loads[one].is_restorable) for one in chosen}}
    outputs: list[Output] = [TurnOff(tuple(sorted(chosen)))] if chosen else []
    outputs += [Waits(tuple(sorted(waits)))] if waits else []
    last_ns = look.at_ns if chosen else now.last_ns
    return replace(now, off=off, owed=owed, last_ns=last_ns, is_due=False), tuple(outputs)


def _restore(now: Shedding, look: Look) -> Step:
    loads = look.loads
    done = [
        entity
        for entity, one in now.off.items()
        if not one.is_restorable or (entity in loads and loads[entity].is_live and loads[entity].is_on)
    ]
    now = replace(now, off=_without(now.off, done))
    has_waited = (look.heard_ns - now.last_ns) / NS >= look.hold_s
    if not now.is_due and not (has_waited and look.over_s >= look.hold_s):
        return now, ()
    there = {entity: one.priority for entity, one in now.off.items() if entity in loads and loads[entity].is_live}
    if not there:
        return replace(now, is_due=False), ()
    first = min(there.values())
    group = tuple(sorted(entity for entity, priority in there.items() if priority == first))
    return replace(now, last_ns=look.at_ns, is_due=False), (TurnOn(group),)


def _touched(now: Shedding, entity: str, *, is_on: bool) -> Shedding:
    wills = {one: level for one, level in now.wills.items() if one != entity}
    if is_on and now.level >= Level.SHED:
        wills[entity] = now.level
    return replace(now, off=_without(now.off, (entity,)), wills=wills, owed=_without(now.owed, (entity,)))


def _came_on(now: Shedding, entity: str, *, is_back: bool) -> Shedding:
    is_owed = is_back and now.level >= Level.SHED and (entity in now.off or entity in now.owed)
    owed = {**now.owed, entity: None} if is_owed else now.owed
    return replace(now, off=_without(now.off, (entity,)), owed=owed)


def _failed(now: Shedding, event: Failed) -> Step:
    entity = event.entity
    known = now.off.get(entity)
    if known is None:  # a person was faster
        return now, ()
    if not event.is_on:
        if not event.is_away:  # refused: it is a candidate again, after a hold time
            return replace(now, off=_without(now.off, (entity,))), ()
        return replace(now, off=_without(now.off, (entity,)), owed={**now.owed, entity: event.at_ns}), (Waits((entity,)),)
    if event.is_away:
        return now, ()
    tries = known.tries + 1
    if tries >= MOST_TRIES:
        return replace(now, off=_without(now.off, (entity,))), (GaveUp(entity),)
    return replace(now, off={**now.off, entity: replace(known, tries=tries)}), ()


def _without(loads: Mapping[str, T], gone: Iterable[str]) -> dict[str, T]:
    taken = frozenset(gone)
    return {entity: one for entity, one in loads.items() if entity not in taken}

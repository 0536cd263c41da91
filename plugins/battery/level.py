"""The level of one battery as a state machine: voltages and time in, levels out. No clock, no I/O, no loads.

A level is reached or left only upon a reading, after every reading of the hold time said the same: a dip while the engine is
cranked, a gap and a stale voltage change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

NS = 1_000_000_000


class Level(IntEnum):
    """How a battery is; a larger one is worse (safety.md, Battery)."""

    NORMAL = 0
    WARN = 1
    SHED = 2
    PARK = 3

    @property
    def word(self) -> str:
        """As the entity, the events and the configuration call it."""
        return self.name.lower()


STEPS = (Level.WARN, Level.SHED, Level.PARK)


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides: all voltages in V.

    Args:
        warn_v: at or under it, people are told.
        shed_v: at or under it, loads are turned off one group after the other.
        park_v: at or under it, all loads are turned off.
        hysteresis_v: so far above its voltage a level is left.
        hold_s: for so long it must be said without a break.
        stale_after_s: a gap between two readings that is longer breaks it, and is told.
    """

    warn_v: float
    shed_v: float
    park_v: float
    hysteresis_v: float
    hold_s: float
    stale_after_s: float

    def enters_at(self, level: Level) -> float:
        """Give the voltage at or under which a level begins."""
        return {Level.WARN: self.warn_v, Level.SHED: self.shed_v, Level.PARK: self.park_v}[level]

    def leaves_at(self, level: Level) -> float:
        """Give the voltage at or over which a level ends."""
        return self.enters_at(level) + self.hysteresis_v

    def is_plausible(self, volts: float) -> bool:
        """Say whether a battery that feeds the gateway can have this voltage; a wire that came off reads 0 V."""
        return self.park_v / 2 <= volts <= self.warn_v * 1.5


@dataclass(frozen=True, slots=True)
class Reading:
    """The source reported a voltage."""

    volts: float
    at_ns: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The source became unavailable: what was held until now is broken, and nobody is told yet."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""

    at_ns: int


Event = Reading | Gap | Tick


@dataclass(frozen=True, slots=True)
class Changed:
    """The level is another one now."""

    before: Level
    after: Level
    volts: float


@dataclass(frozen=True, slots=True)
class WentStale:
    """Nothing usable was heard for too long; the level stays what it was."""


@dataclass(frozen=True, slots=True)
class CameBack:
    """A usable voltage is heard again."""


Output = Changed | WentStale | CameBack

Since = tuple[int | None, ...]
"""For each of `STEPS`: since when something holds without a break, None when it does not."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is known of the voltage.

    Args:
        rules: what decides.
        heard_ns: when the last usable reading came; at first, when it was begun to listen.
        level: what it is; after a restart what it was before.
        volts: the last usable reading, None before the first.
        is_stale: it was told that nothing usable is heard.
        under_ns: since when, without a break, the voltage is at or under that of WARN, SHED and PARK.
        over_ns: since when it is so far above them that they end.
    """

    rules: Rules
    heard_ns: int
    level: Level = Level.NORMAL
    volts: float | None = None
    is_stale: bool = False
    under_ns: Since = (None, None, None)
    over_ns: Since = (None, None, None)

    def under_s(self, level: Level) -> float:
        """Give for how long the readings, up to the last one, were at or under a level's voltage; 0 when they are not."""
        return self._held_s(self.under_ns[level - 1])

    def over_s(self, level: Level) -> float:
        """Give for how long the readings, up to the last one, were over the voltage that ends a level; 0 when they are not."""
        return self._held_s(self.over_ns[level - 1])

    def _held_s(self, since_ns: int | None) -> float:
        return 0.0 if since_ns is None else (self.heard_ns - since_ns) / NS


Step = tuple[Gauge, tuple[Output, ...]]


def step(gauge: Gauge, event: Event) -> Step:
    """Bring the gauge one event further: the new one, and what follows from it."""
    match event:
        case Reading(volts, at_ns):
            if not gauge.rules.is_plausible(volts):
                return _broken(gauge), ()
            return _read(gauge, volts, at_ns)
        case Gap():
            return _broken(gauge), ()
        case Tick(at_ns):
            if gauge.is_stale or at_ns - gauge.heard_ns <= gauge.rules.stale_after_s * NS:
                return gauge, ()
            return replace(_broken(gauge), is_stale=True), (WentStale(),)


def _broken(gauge: Gauge) -> Gauge:
    return replace(gauge, under_ns=(None, None, None), over_ns=(None, None, None))


def _read(gauge: Gauge, volts: float, at_ns: int) -> Step:
    if at_ns - gauge.heard_ns > gauge.rules.stale_after_s * NS:
        gauge = _broken(gauge)
    outputs: list[Output] = [CameBack()] if gauge.is_stale else []
    under = tuple(_since(volts <= gauge.rules.enters_at(one), gauge.under_ns[one - 1], at_ns) for one in STEPS)
    over = tuple(_since(volts >= gauge.rules.leaves_at(one), gauge.over_ns[one - 1], at_ns) for one in STEPS)
    gauge = replace(gauge, heard_ns=at_ns, volts=volts, is_stale=False, under_ns=under, over_ns=over)
    level = _level(gauge)
    if level is not gauge.level:
        outputs.append(Changed(gauge.level, level, volts))
        gauge = replace(gauge, level=level)
    return gauge, tuple(outputs)


def _since(is_so: bool, before: int | None, at_ns: int) -> int | None:  # noqa: FBT001  # what a reading says
    if not is_so:
        return None
    return at_ns if before is None else before


def _level(gauge: Gauge) -> Level:
    """Give the worst level that was held long enough, or the one to which a recovery that was held long enough leads."""
    hold_s = gauge.rules.hold_s
    reached = max((one for one in STEPS if _is_held(gauge.under_ns[one - 1], gauge, hold_s)), default=Level.NORMAL)
    left = [one for one in STEPS if one <= gauge.level and _is_held(gauge.over_ns[one - 1], gauge, hold_s)]
    stays = gauge.level if gauge.level not in left else Level(min(left) - 1)
    return max(reached, stays)


def _is_held(since_ns: int | None, gauge: Gauge, hold_s: float) -> bool:
    return since_ns is not None and gauge.heard_ns - since_ns >= hold_s * NS

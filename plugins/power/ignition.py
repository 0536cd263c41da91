"""What the ignition says, and what follows from it, as a state machine: no clock, no I/O; time comes in with the events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

NS = 1_000_000_000


class Phase(StrEnum):
    """Where the vehicle is on its way down."""

    UP = "up"
    LOW = "low"
    GOING_DOWN = "going_down"
    DOWN = "down"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Ignition:
    """The ignition is on, off, or nobody knows (`is_on` None): its sensor is unavailable."""

    is_on: bool | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything is on the disk and the boards were told."""


@dataclass(frozen=True, slots=True)
class Stayed:
    """The power could not be taken away: the command failed."""


Event = Ignition | Tick | Synced | Stayed


@dataclass(frozen=True, slots=True)
class Begin:
    """Get ready to lose the power."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The power may go now."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The ignition is on again, or the power stays: go on."""


Output = Begin | Leave | Resume


@dataclass(frozen=True, slots=True)
class Power:
    """What is known.

    Args:
        low_for_ns: the ignition must be off for so long without a break.
        phase: where it is.
        is_armed: the ignition was on since the power came: who starts the gateway with the ignition off wants it up.
        is_on: what the ignition said last, None when nobody knows.
        low_ns: since when it is off.
    """

    low_for_ns: int
    phase: Phase = Phase.UP
    is_armed: bool = False
    is_on: bool | None = None
    low_ns: int | None = None

    @property
    def due_ns(self) -> int | None:
        """When it has been off long enough; None while it is not off, or does not count."""
        return self.low_ns + self.low_for_ns if self.phase is Phase.LOW and self.low_ns is not None else None


Step = tuple[Power, tuple[Output, ...]]


def step(power: Power, event: Event) -> Step:
    """Bring it one event further, and say what follows."""
    match event:
        case Ignition(is_on, at_ns):
            return _turned(replace(power, is_on=is_on), at_ns)
        case Tick(at_ns):
            if power.due_ns is None or at_ns < power.due_ns:
                return power, ()
            return replace(power, phase=Phase.GOING_DOWN, low_ns=None), (Begin(),)
        case Synced():
            return _synced(power)
        case Stayed():
            return replace(power, phase=Phase.UP, is_armed=False), (Resume(),)


def leaving(power: Power) -> Power:
    """Give the state once the power is being taken away: from here on there is no way back."""
    return replace(power, phase=Phase.LEAVING)


def _synced(power: Power) -> Step:
    if power.phase is not Phase.GOING_DOWN:
        return power, ()
    if power.is_on:
        return replace(power, phase=Phase.UP), (Resume(),)
    return replace(power, phase=Phase.DOWN), (Leave(),)


def _turned(power: Power, at_ns: int) -> Step:
    if power.is_on:
        armed = replace(power, is_armed=True, low_ns=None)
        if power.phase is Phase.LOW:
            return replace(armed, phase=Phase.UP), ()
        if power.phase is Phase.DOWN:
            return replace(armed, phase=Phase.UP), (Resume(),)
        return armed, ()  # on the way down it is looked at when all is synced
    if power.phase is Phase.LOW and power.is_on is None:
        return replace(power, phase=Phase.UP, low_ns=None), ()
    if power.phase is Phase.UP and power.is_on is False and power.is_armed:
        return replace(power, phase=Phase.LOW, low_ns=at_ns), ()
    return power, ()

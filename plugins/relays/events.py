"""What a channel's state machine hears, and what it has done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class ChannelType(StrEnum):
    """How a channel behaves (safety.md)."""

    TOGGLE = "toggle"
    MOMENTARY = "momentary"
    PULSE = "pulse"
    TIMED = "timed"

    @property
    def ends_itself(self) -> bool:
        """Say whether the board turns it off after a duration."""
        return self in (ChannelType.PULSE, ChannelType.TIMED)


class SafeState(StrEnum):
    """What a channel does at power-up, at every new connection of its board, and when everything is stopped."""

    OFF = "off"
    KEEP = "keep"
    ON = "on"


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants the channel on or off; `hold` is that of the hand that holds it on."""

    request: int
    is_on: bool
    at_ns: int
    hold: str | None = None


@dataclass(frozen=True, slots=True)
class Beat:
    """The hand is still there: the number of the beat, and the stamp of the holder in ms."""

    hold: str
    number: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """The hand is gone."""

    hold: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class Report:
    """The board says what the channel is; `is_fresh` is False for a stored (retained) report."""

    is_on: bool
    is_fresh: bool
    at_ns: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The board says what became of a request: `accepted`, `applied`, `refused` or `expired`."""

    request: int
    status: str
    reason: str | None
    at_ns: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Halt:
    """Everything is stopped: the channel goes to its safe state and stays there."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Halted:
    """The board says that it did what the stop asked of it."""


@dataclass(frozen=True, slots=True)
class Resume:
    """The stop was reset: it may be turned on again, and is not."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The board is gone: nothing it said before is known to hold."""

    at_ns: int


ChannelEvent = Ask | Beat | LetGo | Report | Answer | Tick | Halt | Halted | Resume | Lost


@dataclass(frozen=True, slots=True)
class Send:
    """Send the board a command; `request` is None for one that the gateway itself originates, and `why` is its reason then.

    Args:
        why: `late`: it was on longer than it should be; `stop`: everything is stopped; `None`: a hand let go.
    """

    request: int | None
    is_on: bool
    duration_ms: int | None = None
    hold: str | None = None
    why: Literal["late", "stop"] | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Pass a beat on to the board, with its stamp."""

    hold: str
    number: int
    t_ms: int


@dataclass(frozen=True, slots=True)
class Drop:
    """The hold is over, and its hand does not know yet: why is one of the endings of a hold."""

    hold: str
    why: Literal["board", "turned_off", "stopped"]


@dataclass(frozen=True, slots=True)
class Settle:
    """The request was carried out; `is_confirmed` says whether the board's reported state shows it."""

    request: int
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Fail:
    """The request came to nothing; the codes are those of the errors, such as `refused`, `held_by` or `offline`."""

    request: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Show:
    """The channel is on or off; `request` is the one that caused it, None when the board did it of itself."""

    is_on: bool
    request: int | None


@dataclass(frozen=True, slots=True)
class Hide:
    """Nobody knows what the channel is."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Everything is stopped, and the board does not say that the channel is where it shall be: tell people."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Bring a `Tick` at that time."""

    at_ns: int


Output = Send | Pass | Drop | Settle | Fail | Show | Hide | Alarm | Wake

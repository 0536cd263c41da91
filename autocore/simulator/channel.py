"""One relay channel of a board: whether it is on, who holds it, and when it turns itself off."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from autocore.simulator.rules import ChannelRules
from autocore.simulator.wire import ChannelType


class Cause(StrEnum):
    """Why a channel changed."""

    COMMAND = "command"
    DURATION = "duration"
    MAX_ON = "max_on"
    DEAD_MAN = "dead_man"
    LINK_LOST = "link_lost"
    RECONNECTED = "reconnected"
    POWER_UP = "power_up"
    CONFIGURED = "configured"


@dataclass(slots=True)
class Hold:
    """Somebody's thumb on a momentary channel.

    Args:
        off_at_ms: when the dead-man lets go, by the board's clock: another gateway's stamps may begin elsewhere.
        n: of the last beat.
    """

    id: str | int
    off_at_ms: int
    n: int = -1


@dataclass(slots=True)
class Channel:
    """A channel between two changes.

    Args:
        over_at_ms: when its pulse or timed command ends.
        cut_at_ms: when the hold of its link-loss action ends.
    """

    is_on: bool = False
    on_since_ms: int = 0
    over_at_ms: int | None = None
    cut_at_ms: int | None = None
    hold: Hold | None = None

    def is_on_as(self, kind: ChannelType | None) -> bool:
        """Say whether it is on in the way of a type: held, for a time, or until it is turned off."""
        if self.hold is not None:
            return kind is ChannelType.MOMENTARY
        if self.over_at_ms is not None:
            return kind in (ChannelType.PULSE, ChannelType.TIMED)
        return kind in (ChannelType.TOGGLE, None)

    def due(self, rules: ChannelRules) -> tuple[int, Cause] | None:
        """Give when and why it turns itself off, None while nothing is set to do so."""
        if not self.is_on:
            return None
        ends: list[tuple[int, Cause]] = []
        if self.hold is not None:
            ends.append((self.hold.off_at_ms, Cause.DEAD_MAN))
        if self.over_at_ms is not None:
            ends.append((self.over_at_ms, Cause.DURATION))
        if rules.max_on_ms is not None:
            ends.append((self.on_since_ms + rules.max_on_ms, Cause.MAX_ON))
        if self.cut_at_ms is not None:
            ends.append((self.cut_at_ms, Cause.LINK_LOST))
        return min(ends, default=None)

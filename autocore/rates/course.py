"""How the flood of one source goes, second by second. Pure: what was left out in, what to do out; no clock, no I/O."""

from __future__ import annotations

from enum import StrEnum

from autocore.rates.bucket import NS

SUSTAINED = 3  # seconds in a row: a board that starts, or says again what it had kept, is over sooner
PAUSE_S, LONGEST_PAUSE_S = 10, 320  # it doubles: 10, 20, … 320
QUIET_S, LONGEST_QUIET_S = 10, 320  # without too much, until it is over; it doubles, so that a board that flaps is told of rarely
FORGOTTEN_S = 600


class Act(StrEnum):
    """What to do."""

    TELL = "tell"
    """It began."""
    SLOW = "slow"
    """It goes on: stop it where it comes from, for `pause_s` seconds, and say `slowed`."""
    LET_GO = "let go"
    """The pause is over: let it send again, and say `let_go`."""
    END = "end"
    """It is over."""
    FORGET = "forget"
    """Nothing happened for so long that the next one is a first one."""


class Course:
    """One source's."""

    def __init__(self) -> None:
        self.dropped = 0
        """Left out since it began."""
        self.began_ns = 0
        self.is_flooding = False
        self.slowed_until_ns: int | None = None
        """Until when it is stopped where it comes from; None when it is not."""
        self.pause_s = PAUSE_S
        self.is_refused = False
        """Whether the one who could stop it did not, the last time."""
        self._quiet_s = QUIET_S
        self._in_a_row = 0
        self._last_ns = 0

    def second(self, now_ns: int, dropped: int) -> list[Act]:
        """Take what was left out in the last second, and give what to do."""
        acts: list[Act] = []
        self._in_a_row = self._in_a_row + 1 if dropped else 0
        if dropped:
            self._last_ns = now_ns
            if not self.is_flooding:
                self.is_flooding, self.began_ns, self.dropped = True, now_ns, 0
                acts.append(Act.TELL)
            self.dropped += dropped
        if self.slowed_until_ns is not None:
            if now_ns >= self.slowed_until_ns:
                acts.append(Act.LET_GO)
        elif self._in_a_row >= SUSTAINED:
            acts.append(Act.SLOW)
        elif self.is_flooding and now_ns - self._last_ns >= self._quiet_s * NS:
            self.is_flooding = False
            self._quiet_s = min(2 * self._quiet_s, LONGEST_QUIET_S)
            acts.append(Act.END)
        elif not self.is_flooding and now_ns - self._last_ns >= FORGOTTEN_S * NS:
            acts.append(Act.FORGET)
        return acts

    def slowed(self, now_ns: int) -> None:
        """Take note that it is stopped where it comes from; the next pause is twice as long."""
        self.slowed_until_ns = now_ns + self.pause_s * NS
        self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
        self._in_a_row = 0

    def let_go(self, now_ns: int) -> None:
        """Take note that it may send again."""
        self.slowed_until_ns, self._in_a_row, self._last_ns = None, 0, now_ns

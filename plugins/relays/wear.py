"""How long a channel may work and must rest: its duty cycle and its rest after being on. Pure: time comes from the caller."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

NS = 1_000_000_000
MOST_TURNS = 64  # that are remembered; of more, two neighbours become one, with the rest between them counted as work
READY = 0.1  # of the work it may do: less than that is no use, and would only make it chatter


@dataclass(frozen=True, slots=True)
class Duty:
    """The work that a channel may do: on for at most `on_s` in any `per_s` (IEC 60034-1 calls it intermittent duty, S3)."""

    on_s: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Wear:
    """When a channel worked.

    Args:
        turns: from when to when it was on, in ns, oldest first.
        on_since_ns: since when it is on, None while it is off.
        off_since_ns: since when it is off, as far as anybody knows.
    """

    turns: tuple[tuple[int, int], ...] = ()
    on_since_ns: int | None = None
    off_since_ns: int | None = None

    def came_on(self, now_ns: int) -> Wear:
        """Give the wear of one that is on from now."""
        return self if self.on_since_ns is not None else replace(self, on_since_ns=now_ns, off_since_ns=None)

    def went_off(self, now_ns: int) -> Wear:
        """Give the wear of one that is off from now; nobody knows how long it was when its first word is that it is off."""
        if self.on_since_ns is None:
            return self if self.off_since_ns is not None else replace(self, off_since_ns=now_ns)
        turns = (*self.turns, (self.on_since_ns, now_ns))
        if len(turns) > MOST_TURNS:
            gaps = [after[0] - before[1] for before, after in pairwise(turns)]
            at = gaps.index(min(gaps))
            turns = (*turns[:at], (turns[at][0], turns[at + 1][1]), *turns[at + 2 :])
        return Wear(turns, None, now_ns)

    def forget_rest(self) -> Wear:
        """Give the wear of one of which nobody knows any more what it is: it may work, so it does not rest."""
        return replace(self, off_since_ns=None)

    def since(self, start_ns: int) -> Wear:
        """Give the wear without what ended before `start_ns`."""
        return replace(self, turns=tuple(one for one in self.turns if one[1] > start_ns))

    def worked_ns(self, per_s: float, now_ns: int) -> int:
        """Give how long it was on within the last `per_s`."""
        start_ns = now_ns - round(per_s * NS)
        turns = self.turns if self.on_since_ns is None else (*self.turns, (self.on_since_ns, now_ns))
        return sum(max(0, min(end, now_ns) - max(begin, start_ns)) for begin, end in turns)

    def rests_ns(self, min_off_s: float, now_ns: int) -> int:
        """Give how long it has to rest yet, 0 when it may work or does."""
        if self.off_since_ns is None:
            return 0
        return max(0, self.off_since_ns + round(min_off_s * NS) - now_ns)

    def left_ns(self, duty: Duty, now_ns: int) -> int:
        """Give how long it may work from now, at least; 0 when it has done its work."""
        return max(0, round(duty.on_s * NS) - self.worked_ns(duty.per_s, now_ns))

    def ready_ns(self, duty: Duty, now_ns: int) -> int:
        """Give when one that is off may work again, `now_ns` when it may now: it needs a tenth of its work for that."""
        over_ns = self.worked_ns(duty.per_s, now_ns) - round(duty.on_s * NS * (1 - READY))
        per_ns = round(duty.per_s * NS)
        for begin, end in self.turns:  # the oldest work leaves the window first
            begins_ns = max(begin, now_ns - per_ns)
            inside_ns = max(0, end - begins_ns)
            if over_ns <= 0:
                break
            if over_ns <= inside_ns:
                return begins_ns + over_ns + per_ns
            over_ns -= inside_ns
        return now_ns


NEW = Wear()
"""Of a channel of which nothing is known yet."""

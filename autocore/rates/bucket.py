"""A token bucket. Pure: times in, yes or no out; no clock, no names."""

from __future__ import annotations

NS = 1_000_000_000


class Bucket:
    """Lets so many through at once, and so many a second after that.

    It is kept as the time at which it would be full again (the generic cell rate algorithm, ITU-T I.371): two whole numbers
    and no timer. What is refused takes nothing out, so that a flood does not keep out what comes after it.

    Args:
        per_s: how many a second.
        burst: how many at once, after silence; 1 or more.
    """

    __slots__ = ("_depth_ns", "_each_ns", "full_ns")

    def __init__(self, per_s: float, burst: int) -> None:
        self._each_ns = round(NS / per_s)
        self._depth_ns = burst * self._each_ns
        self.full_ns = 0
        """When it is full again, or was."""

    def take(self, now_ns: int) -> bool:
        """Say whether one more may pass at this monotonic time."""
        full_ns = self.full_ns
        after_ns = (max(now_ns, full_ns)) + self._each_ns
        if after_ns - now_ns > self._depth_ns:
            return False
        self.full_ns = after_ns
        return True

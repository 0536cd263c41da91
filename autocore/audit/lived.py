"""How old a row is, without believing any one clock. Pure: starts of the gateway in, ages out.

A clock may say 1970, or twelve years on, and be synchronised. So an age is counted in time that the vehicle has lived through:
all of what passed within a start, and between two starts what their dates say, but at most `MOST_BETWEEN_NS`, and nothing for a
date that lies before one that was seen already. One wrong clock makes a row a month older at most, and a vehicle that stood for
a winter keeps its rows longer than it has to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autocore.core.clock import NS

DAY_NS = 86_400 * NS
MOST_BETWEEN_NS = 31 * DAY_NS


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the gateway: its number, its monotonic beginning, and wall minus monotonic time; None when never known."""

    number: int
    started_ns: int
    offset_ns: int | None


class Lived:
    """The time that was lived through, by start.

    Args:
        starts: all that are known, the present one last.
    """

    def __init__(self, starts: Sequence[Start]) -> None:
        self._began: dict[int, int] = {}
        self._starts: Mapping[int, Start] = {one.number: one for one in starts}
        lived, highest = 0, None
        undated: list[int] = []
        for one in starts:
            undated.append(one.number)
            if one.offset_ns is None:
                continue
            wall_ns = one.started_ns + one.offset_ns
            if highest is not None:
                lived += min(max(0, wall_ns - highest), MOST_BETWEEN_NS)
            highest = wall_ns if highest is None else max(highest, wall_ns)
            # Those without a date lie before this one: no older than it.
            self._began |= dict.fromkeys(undated, lived)
            undated.clear()
        self._began |= dict.fromkeys(undated, lived)

    def age_ns(self, boot: int, at_ns: int, now_boot: int, now_ns: int) -> int:
        """Give how old a moment is at least; 0 for one of a start that nobody knows, or of the future."""
        if boot == now_boot:
            return max(0, now_ns - at_ns)
        then, now = self._starts.get(boot), self._starts.get(now_boot)
        if then is None or now is None:
            return 0
        here = self._began[boot] + max(0, at_ns - then.started_ns)
        return max(0, self._began[now_boot] + max(0, now_ns - now.started_ns) - here)

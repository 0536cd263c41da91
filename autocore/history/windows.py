"""Wall time asked for, as stretches of monotonic time in each boot. Pure but for the timeline that it asks."""

from __future__ import annotations

from autocore.core.clock import MS, NS, Timeline
from autocore.history.shelf import Window

DAY_NS = 86_400 * NS
END_MS = 1 << 62


def windows_of(timeline: Timeline, boot: int, now_ns: int, from_ns: int | None = None, to_ns: int | None = None) -> list[Window]:
    """Give the stretches, oldest boot first, that lie between two wall times; the last 24 hours when none is said.

    A boot whose clock was never trusted belongs to the answer when a dated boot before and after it does, or when it is the
    present one.

    Args:
        timeline: dates the boots.
        boot: the present one.
        now_ns: monotonic time.
        from_ns: wall time of the first.
        to_ns: wall time of the last.
    """
    if to_ns is None:
        to_ns = timeline.wall_ns(boot, now_ns)
    if from_ns is None:
        from_ns = None if to_ns is None else to_ns - DAY_NS
    windows: list[Window] = []
    for number in range(boot, 0, -1):
        offset_ns = timeline.offset_ns(number)
        if offset_ns is None:
            windows.append(Window(number, max(0, now_ns - DAY_NS) // MS if number == boot else 0, END_MS))
            continue
        if from_ns is None or to_ns is None:
            break
        if to_ns >= offset_ns:  # else the boot began after the end of what was asked for
            windows.append(Window(number, max(0, from_ns - offset_ns) // MS, (to_ns - offset_ns) // MS))
    while len(windows) > 1 and timeline.offset_ns(windows[-1].boot) is None:
        windows.pop()  # undated boots older than every dated one: nobody can say that they belong here
    return windows[::-1]

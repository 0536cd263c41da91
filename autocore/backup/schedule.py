"""When the gateway makes a backup by itself. Pure: no clock, no files.

Wall time jumps and may be unknown, so within one start of the gateway only its running time counts. Across starts the time that
the gateway ran since the last backup is added up; a trusted clock may say that more has passed (the vehicle stood), never less.
"""

from __future__ import annotations

from dataclasses import dataclass

from autocore.core.clock import NS

FIRST_AFTER_S = 300.0  # the start itself is not slowed down by it
RETRY_S = 3600.0  # after one that failed
LOOK_EVERY_S = 60.0
KEEP_EVERY_S = 600.0  # how often the running time is written down: what a power cut takes of it


@dataclass(frozen=True, slots=True)
class Last:
    """The newest backup that the gateway made by itself.

    Args:
        number: its number; 0 when there is none.
        wall_ns: when, None when the clock could not be trusted.
        is_of_this_start: whether the gateway has run without a break since.
    """

    number: int = 0
    wall_ns: int | None = None
    is_of_this_start: bool = False


def is_due(every_s: float, last: Last, *, up_s: float, ran_s: float, wall_ns: int | None) -> bool:
    """Say whether a backup shall be made now.

    Args:
        every_s: at most one in so many seconds; 0 makes none.
        last: the newest one.
        up_s: how long the gateway has been running.
        ran_s: how long it has been running since the newest one, over all starts.
        wall_ns: the time now, None while the clock cannot be trusted.
    """
    if every_s <= 0 or up_s < FIRST_AFTER_S:
        return False
    if last.number == 0 or ran_s >= every_s:
        return True
    if last.is_of_this_start or wall_ns is None or last.wall_ns is None:
        return False
    return wall_ns - last.wall_ns >= every_s * NS

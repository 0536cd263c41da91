"""Wall time that can be believed: what the machine's clock says is held against what can be, and a better source corrects it.

Nothing here decides anything: timers, time-outs and order live on the monotonic clock, whatever this finds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pony import orm

from autocore.core.bus import Bus
from autocore.core.clock import EARLIEST_WALL_NS, LATEST_WALL_NS, NS, Clock, Timeline, Timer
from autocore.core.errors import StorageError
from autocore.core.model import Quality
from autocore.core.scheduler import Every
from autocore.core.storage.database import Database

LOOK_S = 10.0
DECADES_NS = 20 * 31_557_600 * NS  # no vehicle stands so long: a battery clock that says so has lost its memory
SMALL_NS = NS  # a correction that nobody needs to hear of
RANK = list(Quality)  # from unset to ntp, each more to be believed than those before
SYNCHRONISED = (Quality.GPS, Quality.NTP)

log = logging.getLogger("autocore.clock")


class BelievableClock:
    """A clock whose wall time is None where it cannot be: before 2026, after 2056, or decades off what was synchronised once.

    A clock that is synchronised now is believed whatever was known: there is no better witness.

    Args:
        clock: the machine's.
    """

    def __init__(self, clock: Clock) -> None:
        self.monotonic_ns: Callable[[], int] = clock.monotonic_ns  # no call between: it is asked for every message
        self.call_later: Callable[[float, Callable[[], object]], Timer] = clock.call_later
        self.sleep = clock.sleep
        self._clock = clock
        self._known_ns: int | None = None

    def wall_ns(self) -> tuple[int | None, Quality]:
        """Give wall time and how far it can be trusted; None when the clock was never set, or says what cannot be."""
        wall_ns, quality = self._clock.wall_ns()
        return (None, Quality.UNSET) if wall_ns is None or not self._is_believable(wall_ns, quality) else (wall_ns, quality)

    def disbelieved_ns(self) -> int | None:
        """Give the time that the machine's clock says and that is not believed; None when it says none, or one that can be."""
        wall_ns, quality = self._clock.wall_ns()
        return None if wall_ns is None or self._is_believable(wall_ns, quality) else wall_ns

    async def remember(self, database: Database) -> None:
        """Know from state.db when a synchronised clock was last heard, in an earlier start."""
        db: Any = database.pony

        def work() -> int | None:
            times = orm.select(
                one.started_ns + one.offset_ns
                for one in db.Boot
                if one.offset_ns is not None and one.quality in (Quality.GPS.value, Quality.NTP.value)
            )
            newest: int | None = times.max()
            return newest

        self._known_ns = await database.read(work)

    def _is_believable(self, wall_ns: int, quality: Quality) -> bool:
        if not EARLIEST_WALL_NS <= wall_ns < LATEST_WALL_NS:
            return False
        return quality in SYNCHRONISED or self._known_ns is None or abs(wall_ns - self._known_ns) < DECADES_NS


class TimeKeeper:
    """Learns how wall time and monotonic time of this start belong together, and anew when a better source says so.

    Args:
        clock: the gateway's.
        timeline: is told what is learned, and so dates every row of this start.
        bus: hears `clock.set`, `clock.corrected` and `clock.implausible`.
        boot: the present start.
        keep: makes what was learned durable.
    """

    def __init__(
        self,
        clock: BelievableClock,
        timeline: Timeline,
        bus: Bus,
        boot: int,
        keep: Callable[[int, int, Quality], Any],
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._bus = bus
        self._boot = boot
        self._keep = keep
        # The start was noted with the clock as it was then; a moment later it is hardly another one.
        self._quality = clock.wall_ns()[1] if timeline.offset_ns(boot) is not None else Quality.UNSET
        self._is_kept = True
        self._is_told = False
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now, and every ten seconds."""
        self.look()
        self._timer = Every(self._clock, LOOK_S, self.look)

    async def stop(self) -> None:
        """Look no more; what was learned is on disk, or the disk takes nothing."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task

    def look(self) -> None:
        """Learn what the clock says when it can be believed more than what is known."""
        self._tell_disbelief()
        wall_ns, quality = self._clock.wall_ns()
        if wall_ns is not None and RANK.index(quality) > RANK.index(self._quality):
            self._learn(wall_ns - self._clock.monotonic_ns(), quality)
        offset_ns = self._timeline.offset_ns(self._boot)
        if not self._is_kept and offset_ns is not None and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._write(offset_ns, self._quality))

    def _learn(self, offset_ns: int, quality: Quality) -> None:
        before_ns = self._timeline.offset_ns(self._boot)
        self._timeline.learn(self._boot, offset_ns)
        self._quality = quality
        self._is_kept = False
        if before_ns is None or abs(offset_ns - before_ns) <= SMALL_NS:
            self._bus.emit("clock.set", {"quality": quality.value})
        else:
            by_s = round((offset_ns - before_ns) / NS, 1)
            self._bus.emit("clock.corrected", {"quality": quality.value, "by_s": by_s})

    async def _write(self, offset_ns: int, quality: Quality) -> None:
        self._is_kept = True
        try:
            await self._keep(self._boot, offset_ns, quality)
        except StorageError as error:
            self._is_kept = False  # at the next look again
            log.warning("that the clock is right could not be written down yet: %s", error)

    def _tell_disbelief(self) -> None:
        said_ns = self._clock.disbelieved_ns()
        if said_ns is not None and not self._is_told:
            self._bus.emit("clock.implausible", {"at": _date(said_ns)})
        self._is_told = said_ns is not None


def _date(wall_ns: int) -> str:
    try:
        return datetime.fromtimestamp(wall_ns / NS, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{wall_ns // NS} s after 1970"

"""history.db: what was measured. A reading costs one append here; one write for many rows happens in the database's thread.

Rows are appended in the order of their sequence number and carry (boot, monotonic time); the timeline dates them when asked.
"""

from __future__ import annotations

import asyncio
import bisect
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pony.orm import PrimaryKey, Required

from autocore.core.clock import NS, Clock, Timeline
from autocore.core.entities import Entity
from autocore.core.errors import StorageError
from autocore.core.model import Position, State
from autocore.core.scheduler import Every
from autocore.core.storage.database import Database
from autocore.core.storage.downsample import Point, down_sample

MIGRATIONS = Path(__file__).parent / "migrations" / "history"
MOST_WAITING = 2_000_000  # rows kept while the disk does not take them: 33 s at 60 000 a second, about 250 MB
DAY_NS = 86_400 * NS
NOT_RECORDED = -1  # the series of an entity whose owner switched its history off
TURN_S = 1.0  # decisions.md: a batch that holds QoS 1 is on disk within a second

Kept = float | int | str | bool | None
Row = tuple[int, int, int, int, Kept]
"""(seq, series, boot, mono_ns, value)"""

log = logging.getLogger("autocore.history")


def _define(db: Any) -> None:
    class Series(db.Entity):  # type: ignore[misc]
        _table_ = "series"
        number = PrimaryKey(int, size=64)
        entity = Required(str, unique=True)


class History:
    """Takes every report of every entity, and answers what was.

    Args:
        clock: times the flushes.
        folder: the data folder.
        timeline: dates the rows.
        boot: the present start of the gateway.
        flush_s: how long a row may wait for the disk.
        begin_commit: called before a flush; what it gives is called after the rows are on disk (it acknowledges the
            devices' messages).
        is_awaited: says whether a device waits for that.
    """

    def __init__(
        self,
        clock: Clock,
        folder: Path,
        timeline: Timeline,
        *,
        boot: int,
        flush_s: float,
        begin_commit: Callable[[], Callable[[], None]] = lambda: lambda: None,
        is_awaited: Callable[[], bool] = lambda: False,
    ) -> None:
        self.database = Database("history", folder / "history.db", synchronous="NORMAL")
        self.rows_written = 0
        self.flushes = 0
        self.dropped = 0
        self._clock = clock
        self._timeline = timeline
        self.boot = self._boot = boot
        self.now_ns = clock.monotonic_ns
        self._flush_ns = round(flush_s * NS)
        self._begin_commit = begin_commit
        self._is_awaited = is_awaited
        self._rows: list[Row] = []
        self._writing: list[Row] = []
        self._series: dict[str, int] = {}
        self._new_series: list[tuple[int, str]] = []
        self._flushed_ns = clock.monotonic_ns()
        self._turn = asyncio.Lock()
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_failing = False

    async def open(self) -> None:
        """Open and migrate the file; raises StorageError when it cannot be used."""
        await self.database.open(MIGRATIONS, _define)
        db = self.database.pony
        rows = await self.database.run(lambda: [(row.entity, row.number) for row in db.Series.select()])
        self._series = dict(rows)

    def start(self) -> None:
        """Flush from now on."""
        self._timer = Every(self._clock, TURN_S, self._on_turn)

    async def close(self) -> None:
        """Write what waits and close the file."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task
        await self.flush()
        await self.database.close()

    def record(self, entity: Entity, old: State, state: State) -> None:
        """Take one report: numbers always, text and booleans when they changed, the loss of an entity as a gap."""
        told = state.value if state.available else None
        value = str(told) if isinstance(told, Position) else told
        if type(value) not in (float, int) and old.available == state.available and old.changed_ns == state.changed_ns:
            return
        series = entity.series
        if series is None:
            series = entity.series = self._number_of(entity.id) if entity.is_recorded else NOT_RECORDED
        if series == NOT_RECORDED:
            return
        self._rows.append((state.seq, series, self._boot, state.updated_ns if state.available else state.changed_ns, value))

    @property
    def waiting(self) -> int:
        """How many rows are not on disk yet."""
        return len(self._rows) + len(self._writing)

    async def flush(self) -> None:
        """Write what waits; when the disk does not take it, keep it and try again at the next flush."""
        async with self._turn:
            self._flushed_ns = self._clock.monotonic_ns()
            if not self._rows:
                self._begin_commit()()
                return
            committed = self._begin_commit()
            self._writing, self._rows = self._rows, []
            names, self._new_series = self._new_series, []
            try:
                await self.database.run(lambda: self._write(names, self._writing))
            except StorageError as error:
                self._keep(names, error)
                return
            self.rows_written += len(self._writing)
            self.flushes += 1
            self._writing = []
            if self.is_failing:
                self.is_failing = False
                log.warning("history is written again; %d rows were dropped", self.dropped)
            committed()

    async def query(
        self, entity_id: str, *, from_ns: int | None = None, to_ns: int | None = None, points: int = 1_000
    ) -> list[Point]:
        """Give what an entity was between two wall times, as at most `points` points in order, no spike lost.

        Without times it is the last 24 hours. Rows of a boot whose clock was never trusted belong to the answer when
        that boot lies among those asked for.
        """
        series = self._series.get(entity_id)
        if series is None:
            return []
        windows = self._windows(from_ns, to_ns)
        waiting = [Point(*_without_series(row)) for row in (*self._writing, *self._rows) if row[1] == series]
        stored = await self.database.read(lambda: self._stored(series, windows))
        newest = stored[-1].seq if stored else -1
        fresh = [one for one in waiting if one.seq > newest and _is_in(windows, one)]
        return await asyncio.to_thread(down_sample, stored + fresh, points)

    def _on_turn(self) -> None:
        is_due = self._clock.monotonic_ns() - self._flushed_ns >= self._flush_ns
        is_idle = self._task is None or self._task.done()
        if is_idle and (self._is_awaited() or (is_due and self._rows)):
            self._task = asyncio.get_running_loop().create_task(self.flush())

    def _number_of(self, entity_id: str) -> int:
        number = self._series.get(entity_id)
        if number is None:
            number = self._series[entity_id] = len(self._series) + 1
            self._new_series.append((number, entity_id))
        return number

    def _write(self, names: Sequence[tuple[int, str]], rows: Sequence[Row]) -> None:
        connection = self.database.pony.get_connection()
        connection.executemany("INSERT OR IGNORE INTO series VALUES (?, ?)", names)
        connection.executemany("INSERT OR IGNORE INTO sample VALUES (?, ?, ?, ?, ?)", rows)

    def _keep(self, names: list[tuple[int, str]], error: StorageError) -> None:
        self._rows = self._writing + self._rows
        self._new_series = names + self._new_series
        self._writing = []
        too_many = len(self._rows) - MOST_WAITING
        if too_many > 0:
            del self._rows[:too_many]
            self.dropped += too_many
        if not self.is_failing:
            self.is_failing = True
            log.error("history cannot be written and waits in memory: %s", error)

    def _windows(self, from_ns: int | None, to_ns: int | None) -> list[tuple[int, int, int]]:
        """Give (boot, first, last monotonic ns) of every boot that the wall times touch."""
        now_ns = self._clock.monotonic_ns()
        wall_now_ns = self._timeline.wall_ns(self._boot, now_ns)
        if to_ns is None:
            to_ns = wall_now_ns
        if from_ns is None:
            from_ns = None if to_ns is None else to_ns - DAY_NS
        windows = []
        for boot in range(self._boot, 0, -1):
            offset_ns = self._timeline.offset_ns(boot)
            if offset_ns is None:  # undated: it belongs to the answer while a later boot does, or it is the present one
                windows.append((boot, max(0, now_ns - DAY_NS) if boot == self._boot else 0, 1 << 62))
                continue
            if from_ns is None or to_ns is None:
                break
            windows.append((boot, max(0, from_ns - offset_ns), to_ns - offset_ns))
        return _until_first_dated(windows, self._timeline)

    def _stored(self, series: int, windows: Iterable[tuple[int, int, int]]) -> list[Point]:
        connection = self.database.pony.get_connection()
        points: list[Point] = []
        for boot, first_ns, last_ns in windows:
            low = _first_seq(connection, (boot, first_ns))
            high = _first_seq(connection, (boot, last_ns + 1))
            if low is None:
                continue
            rows = connection.execute(
                "SELECT seq, boot, mono_ns, value FROM sample WHERE seq >= ? AND seq < ? AND series = ? ORDER BY seq",
                (low, 1 << 62 if high is None else high, series),
            )
            points += [Point(*row) for row in rows]
        return points


def _until_first_dated(windows: list[tuple[int, int, int]], timeline: Timeline) -> list[tuple[int, int, int]]:
    """Give the windows in order of boots, without those that end before their boot began and what lies before them."""
    kept: list[tuple[int, int, int]] = []
    for window in windows:  # newest first
        if window[2] < 0:  # this boot began after the end of what was asked for
            continue
        kept.append(window)
    while kept and timeline.offset_ns(kept[-1][0]) is None and len(kept) > 1:
        kept.pop()  # undated boots older than every dated one: nobody can say that they belong here
    return kept[::-1]


def _first_seq(connection: Any, target: tuple[int, int]) -> int | None:
    """Give the first seq whose (boot, mono_ns) is not before `target`; both grow with seq, so this halves the range."""

    def at(seq: int) -> tuple[int, int, int] | None:
        row = connection.execute("SELECT seq, boot, mono_ns FROM sample WHERE seq >= ? ORDER BY seq LIMIT 1", (seq,)).fetchone()
        return tuple(row) if row else None

    newest = connection.execute("SELECT max(seq) FROM sample").fetchone()[0]
    oldest = connection.execute("SELECT min(seq) FROM sample").fetchone()[0]
    if newest is None:
        return None

    def is_there(seq: int) -> bool:
        row = at(seq)
        return row is None or row[1:] >= target

    place = bisect.bisect_left(range(oldest, newest + 1), True, key=is_there)  # noqa: FBT003  # the predicate turns true once
    row = at(oldest + place)
    return row[0] if row else None


def _is_in(windows: Iterable[tuple[int, int, int]], point: Point) -> bool:
    return any(boot == point.boot and first <= point.mono_ns <= last for boot, first, last in windows)


def _without_series(row: Row) -> tuple[int, int, int, Kept]:
    return row[0], row[2], row[3], row[4]

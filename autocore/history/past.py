"""What was: points for a chart, readings for a file, statistics. It reads, in the reader's thread, and writes nothing.

The server chooses how fine an answer is: every reading where the chart can show them, else minutes, else hours; of each
stretch the lowest and the highest are given, so no spike is lost.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import TypeVar

from autocore.core.clock import MS, Clock, Timeline
from autocore.core.errors import StorageError
from autocore.core.storage.damage import is_damage
from autocore.core.storage.database import Database
from autocore.history.columns import Run
from autocore.history.downsample import Point, down_sample
from autocore.history.recorder import Recorder
from autocore.history.rolling import Rolling
from autocore.history.rollup import RollUp, joined, minutes_of
from autocore.history.shelf import HOURS, MINUTES, RAW, Losses, Shelf, Window
from autocore.history.windows import windows_of

T = TypeVar("T")

MINUTES_IN_SPAN = 60
FEW = 4  # times the points asked for: so many readings are read as they are
PIECE = 2_000  # readings of a file that are in memory at once: about half a megabyte
MOST_READ = 200_000  # readings read for one chart; beyond it the minutes serve


class Resolution(StrEnum):
    """How fine an answer is."""

    READINGS = "readings"
    MINUTES = "minutes"
    HOURS = "hours"


_LEVELS = {Resolution.READINGS: RAW, Resolution.MINUTES: MINUTES, Resolution.HOURS: HOURS}


@dataclass(frozen=True, slots=True)
class Answer:
    """Points in order, and how fine they are."""

    points: list[Point]
    resolution: Resolution


class Past:
    """Answers what was.

    Args:
        clock: says what now is.
        timeline: dates the boots.
        boot: the present one.
        database: history.db.
        recorder: what waits for the disk.
        rolling: the roll-ups of the span that is being written.
        losses: where damaged rows are noted.
    """

    def __init__(  # what it asks
        self,
        clock: Clock,
        timeline: Timeline,
        boot: int,
        database: Database,
        recorder: Recorder,
        rolling: Rolling,
        losses: Losses,
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._boot = boot
        self._database = database
        self._recorder = recorder
        self._rolling = rolling
        self._losses = losses
        self.damage: str | None = None
        """Why the file cannot be read, when it cannot; whoever mends it sets it back."""
        self.extents: dict[int, int] = {}
        """When each earlier boot ended, as far as readings tell, in ms of its monotonic time."""

    async def query(self, entity_id: str, *, from_ns: int | None = None, to_ns: int | None = None, points: int = 1_000) -> Answer:
        """Give what an entity was between two wall times, as at most `points` points in order; the last day unless said."""
        series = self._recorder.number_of(entity_id)
        if series is None:
            return Answer([], Resolution.READINGS)
        windows = self._windows(from_ns, to_ns)
        # First what waits, then the rolling minutes, then the file: what moves on meanwhile is seen twice, never not.
        waiting = self._recorder.waiting_of(series)
        rolled = self._rolled(series)
        found, resolution = await self._look(lambda shelf: _found(shelf, series, windows, points, rolled))
        newest = max((rolled.last_seq, *(one.seq for one in found[-1:])))
        found += [one for one in _points(self._boot, waiting) if one.seq > newest and _is_in(windows, one)]
        return Answer(await asyncio.to_thread(down_sample, found, points), resolution)

    async def statistics(self, entity_id: str, *, from_ns: int | None = None, to_ns: int | None = None) -> RollUp | None:
        """Give lowest, highest, mean, last and count between two wall times; None when there was nothing.

        Whole minutes count at the two ends where every reading is not there any more.
        """
        series = self._recorder.number_of(entity_id)
        if series is None:
            return None
        windows = self._windows(from_ns, to_ns)
        waiting = self._recorder.waiting_of(series)
        rolled = self._rolled(series)
        parts = await self._look(lambda shelf: _parts(shelf, series, windows, rolled))
        inside = [one for one in _points(self._boot, waiting) if one.seq > rolled.last_seq and _is_in(windows, one)]
        if inside:
            run = Run([one.seq for one in inside], [one.mono_ns // MS for one in inside], [one.value for one in inside])
            parts += minutes_of(run)
        return joined(parts) if parts else None

    async def amount(self, entity_id: str, *, from_ns: int | None = None, to_ns: int | None = None) -> int:
        """Give about how many rows `readings` will give: what a progress bar needs."""
        found = await self.statistics(entity_id, from_ns=from_ns, to_ns=to_ns)
        return 0 if found is None else found.amount

    async def readings(
        self, entity_id: str, *, from_ns: int | None = None, to_ns: int | None = None
    ) -> AsyncIterator[list[tuple[Point, Resolution]]]:
        """Give every reading between two wall times, some at a time; where only minutes or hours are left, those.

        Whoever takes them slowly keeps no more than one piece, and gets what is measured meanwhile too.
        """
        series = self._recorder.number_of(entity_id)
        if series is None:
            return
        newest = -1
        for window in self._windows(from_ns, to_ns):
            done, is_over = -1, False
            while not is_over:
                waiting = self._recorder.waiting_of(series) if window.boot == self._boot else Run([], [], [])
                look = partial(_next_piece, series=series, window=window, after=newest, waiting=waiting, done=done)
                piece, span = await self._look(look)
                if len(piece) < PIECE:
                    is_over, done = span is None, done if span is None else span
                if piece:
                    newest = piece[-1][0].seq
                    yield piece

    def _windows(self, from_ns: int | None, to_ns: int | None) -> list[Window]:
        windows = windows_of(self._timeline, self._boot, self._clock.monotonic_ns(), from_ns, to_ns)
        return [one for one in windows if one.boot == self._boot or self.extents.get(one.boot, -1) >= one.first_ms]

    def _rolled(self, series: int) -> _Rolled:
        return _Rolled(self._boot, self._rolling.span, self._rolling.last_seq, self._rolling.minutes(series))

    async def _look(self, work: Callable[[Shelf], T]) -> T:
        def look(sql: sqlite3.Connection) -> T:
            return work(Shelf(sql, self._losses))

        try:
            return await self._database.look(look)
        except StorageError as error:
            if is_damage(error):
                self.damage = str(error)
            raise


@dataclass(frozen=True, slots=True)
class _Rolled:
    """The minutes of one series in the span that is being written."""

    boot: int
    span: int
    last_seq: int
    minutes: list[RollUp]


def _found(shelf: Shelf, series: int, windows: Sequence[Window], points: int, rolled: _Rolled) -> tuple[list[Point], Resolution]:
    hours = [(window, shelf.hours(window, series)) for window in windows]
    amount = sum(part.amount for _, parts in hours for _, part in parts) + sum(part.amount for part in rolled.minutes)
    spans = sum(len(parts) for _, parts in hours)
    resolution = _chosen(amount, spans, points)
    level = _LEVELS[resolution]
    found: list[Point] = []
    for window, parts in hours:
        for span, part in parts:
            is_inside = window.first_ms <= part.first_ms and part.last_ms <= window.last_ms
            if level == HOURS and is_inside:
                found += _low_and_high(window.boot, part)
            else:  # of a span at the edge only its part inside counts
                found += [point for point, _ in _span_points(shelf, span, series, window, min(level, MINUTES))]
        found += _open_points(shelf, series, window, level, rolled)
    found.sort(key=_seq_of)
    return found, resolution


def _chosen(amount: int, spans: int, points: int) -> Resolution:
    """Give the coarsest resolution that fills at least half of `points` points, each stretch giving two."""
    if amount <= points * FEW:
        return Resolution.READINGS
    if spans * 4 >= points:
        return Resolution.HOURS
    if spans * 4 * MINUTES_IN_SPAN >= points or amount > MOST_READ:
        return Resolution.MINUTES
    return Resolution.READINGS


def _span_points(shelf: Shelf, span: int, series: int, window: Window, level: int) -> list[tuple[Point, Resolution]]:
    """Give the points of a finished span inside a window, as fine as `level` wants and as is still there."""
    run = shelf.run(span, series) if level == RAW else None
    if run is not None:
        return [(one, Resolution.READINGS) for one in _points(window.boot, run) if _is_in([window], one)]
    minutes = shelf.minutes(span, series)
    resolution = Resolution.MINUTES if minutes else Resolution.HOURS
    parts = minutes or [part for number, part in shelf.hours(window, series) if number == span]
    inside = [part for part in parts if part.last_ms >= window.first_ms and part.first_ms <= window.last_ms]
    return [(point, resolution) for part in inside for point in _low_and_high(window.boot, part)]


def _next_piece(  # what it reads of, and how far it has come
    shelf: Shelf, series: int, window: Window, after: int, waiting: Run, done: int
) -> tuple[list[tuple[Point, Resolution]], int | None]:
    """Give the first readings behind a sequence number, and the finished span that they are of, None for those of no such one.

    Of a finished span that has lost its readings all minutes, or hours, come at once. A span may have been finished while its
    readings came from among the others, so it is looked for every time.

    Args:
        shelf: the file.
        series: of which series.
        window: in which stretch of time.
        after: the sequence number.
        waiting: what is not on disk yet.
        done: the last finished span that has been read.
    """
    for span in shelf.spans(window, after=done, limit=1):
        points = _span_points(shelf, span.number, series, window, RAW)
        wanted = (one for one in points if one[0].seq > after or one[1] is not Resolution.READINGS)
        return list(islice(wanted, PIECE)), span.number
    piece: list[tuple[Point, Resolution]] = []
    for run in (shelf.recent(window, series), waiting):
        for one in _points(window.boot, run):
            if one.seq > after and _is_in([window], one) and len(piece) < PIECE:
                after = one.seq
                piece.append((one, Resolution.READINGS))
    return piece, None


def _open_points(shelf: Shelf, series: int, window: Window, level: int, rolled: _Rolled) -> list[Point]:
    if level == RAW or window.boot != rolled.boot:
        run = shelf.recent(window, series)
        if level == RAW:
            return [one for one in _points(window.boot, run) if _is_in([window], one)]
        parts = minutes_of(run)
    else:
        parts = minutes_of(shelf.recent(window, series, besides=rolled.span)) + rolled.minutes
    inside = [part for part in parts if part.last_ms >= window.first_ms and part.first_ms <= window.last_ms]
    return [point for part in inside for point in _low_and_high(window.boot, part)]


def _parts(shelf: Shelf, series: int, windows: Iterable[Window], rolled: _Rolled) -> list[RollUp]:
    parts: list[RollUp] = []
    for window in windows:
        for span, hour in shelf.hours(window, series):
            if window.first_ms <= hour.first_ms and hour.last_ms <= window.last_ms:
                parts.append(hour)
                continue
            run = shelf.run(span, series)
            finer = minutes_of(_cut(run, window)) if run is not None else shelf.minutes(span, series) or [hour]
            parts += [one for one in finer if one.last_ms >= window.first_ms and one.first_ms <= window.last_ms]
        besides = rolled.span if window.boot == rolled.boot else 0
        parts += minutes_of(_cut(shelf.recent(window, series, besides), window))
        if besides:
            parts += [one for one in rolled.minutes if one.last_ms >= window.first_ms and one.first_ms <= window.last_ms]
    return parts


def _cut(run: Run, window: Window) -> Run:
    places = [place for place, at_ms in enumerate(run.times_ms) if window.first_ms <= at_ms <= window.last_ms]
    return Run(*([column[place] for place in places] for column in run))  # type: ignore[arg-type]  # column by column


def _low_and_high(boot: int, part: RollUp) -> list[Point]:
    """Give a stretch as its lowest and its highest, at a quarter and three quarters of it; a gap at its end as a gap."""
    width = part.last_ms - part.first_ms
    points: list[Point] = []
    if part.low is None or part.high is None:
        if part.last is not None:
            points.append(Point(part.seq, boot, part.first_ms * MS, part.last))
    elif part.low == part.high:
        points.append(Point(part.seq, boot, part.first_ms * MS, part.low))
    else:
        points.append(Point(part.seq, boot, (part.first_ms + width // 4) * MS, part.low))
        points.append(Point(part.seq, boot, (part.first_ms + 3 * width // 4) * MS, part.high))
    if part.last is None:
        points.append(Point(part.seq, boot, part.last_ms * MS, None))
    return points


def _points(boot: int, run: Run) -> list[Point]:
    return [Point(seq, boot, at_ms * MS, value) for seq, at_ms, value in zip(*run, strict=True)]


def _is_in(windows: Iterable[Window], point: Point) -> bool:
    at_ms = point.mono_ns // MS
    return any(one.boot == point.boot and one.first_ms <= at_ms <= one.last_ms for one in windows)


def _seq_of(point: Point) -> int:
    return point.seq

"""Keeps history.db small: finishes spans, and holds the quota before every write; in small commits, so that no flush waits."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from enum import Enum
from functools import partial
from typing import Any, TypeVar

from autocore.core.storage.database import Database
from autocore.history.columns import Run, by_series
from autocore.history.recorder import BOOT_BITS, MOST_IN_SPAN, Recorder, Row, batch_of
from autocore.history.shelf import Losses, Shelf

SERIES_AT_ONCE = 50  # of a span that is finished, in one commit
READINGS_AT_ONCE = 20_000  # of them, unless one series has more: about 100 kB
SHRINK_PAGES = 64
OLD_ROWS = 20_000  # of the table that versions before spans wrote, moved in one commit
FRAME_BYTES = 4_120  # of SQLite's log: a page and its head
BYTES_PER_SERIES = 1_700  # of a span of an hour that has no readings any more: 60 minutes and the hour
BYTES_PER_READING = 10  # in a batch and a block beside each other; measured 5 to 6 each

T = TypeVar("T")

log = logging.getLogger("autocore.history")


class _Step(Enum):
    DONE = "done"
    MORE = "more"
    ROLL_UP = "roll up"
    """The oldest readings are not packed yet."""


class Budget:
    """How a quota is divided: the log of SQLite takes a small share, the file the rest.

    Args:
        quota: bytes of history.db and its log together.
    """

    def __init__(self, quota: int) -> None:
        self.log_pages = max(16, min(1_000, quota // 16 // FRAME_BYTES))
        # The log passes its mark by what is written while somebody reads, which `Upkeep` limits to half of the reserve, and then
        # by one commit: a batch, some series of a span, or one long one, which `most_in_span` keeps below the other half.
        reserve = min(quota // 4, 8_000_000)
        self.most_log_bytes = self.log_pages * FRAME_BYTES + reserve // 2
        self.file_bytes = quota - self.log_pages * FRAME_BYTES - reserve
        self.most_in_span = max(5_000, min(MOST_IN_SPAN, self.file_bytes // 8 // BYTES_PER_READING))

    @property
    def pragmas(self) -> tuple[str, ...]:
        """What makes SQLite keep to it."""
        return (f"wal_autocheckpoint = {self.log_pages}", f"journal_size_limit = {self.log_pages * FRAME_BYTES}")


class Upkeep:
    """Works on the file whenever `History` lets it.

    Args:
        database: history.db.
        recorder: says which span is being written.
        budget: what it may take.
        losses: where damaged rows are noted.
    """

    def __init__(self, database: Database, recorder: Recorder, budget: Budget, losses: Losses) -> None:
        self.thrown_out = 0
        """Readings deleted to hold the quota; their roll-ups live on."""
        self._database = database
        self._recorder = recorder
        self._budget = budget
        self._losses = losses

    def shelf(self) -> Shelf:
        """Give the tables, inside a session of the writer."""
        return Shelf(self._database.pony.get_connection(), self._losses)

    async def make_room(self, amount: int) -> None:
        """Throw out the oldest until `amount` more bytes keep the quota.

        Readings go first and leave their minutes and hours, those too that are not packed yet; then the minutes, then the hours,
        and at last what is being written now.
        """
        while (step := await self._limited(partial(self._step, amount))) is not _Step.DONE:
            if step is _Step.ROLL_UP:
                await self._roll_up_oldest()

    async def finish_oldest(self) -> bool:
        """Finish the oldest span that is not being written any more; say whether there was one."""
        span = await self._database.run(self._oldest)
        if span is None:
            return False
        async for some in self._pieces(span):
            await self.make_room(sum(len(run.seqs) for _, run in some) * BYTES_PER_READING)
            if not await self._database.run(partial(self._put, span, some, frozenset(self._recorder.without_raw))):
                return True
        await self._database.run(lambda: self.shelf().finish(span))
        return True

    async def _roll_up_oldest(self) -> None:
        """Finish the oldest span that is not being written any more without its readings: there is no room for them."""
        span = await self._database.run(self._oldest)
        if span is None:
            return
        async for some in self._pieces(span):
            every = frozenset(series for series, _ in some)
            while await self._limited(partial(self._throw_out, BYTES_PER_SERIES * len(some))):
                pass
            if not await self._database.run(partial(self._put, span, some, every)):
                return
        await self._database.run(lambda: self.shelf().finish(span))

    async def _pieces(self, span: int) -> AsyncIterator[list[tuple[int, Run]]]:
        """Give the series of a span, some at a time."""
        batches = await self._database.run(lambda: self.shelf().batches(span))
        some: list[tuple[int, Run]] = []
        amount = 0
        for series, run in by_series(batches).items():
            if some and (len(some) == SERIES_AT_ONCE or amount + len(run.seqs) > READINGS_AT_ONCE):
                yield some
                some, amount = [], 0
            some.append((series, run))
            amount += len(run.seqs)
        if some:
            yield some

    def _oldest(self) -> int | None:
        """Give the oldest span that has batches and is not being written any more."""
        return next((span for span in self.shelf().open_spans() if span < self._recorder.span), None)

    async def _limited(self, work: Callable[[], T]) -> T:
        await self._database.limit_log(self._budget.most_log_bytes)
        return await self._database.run(work)

    async def move_old_rows(self) -> bool:
        """Move some rows of the table that versions before spans wrote; say whether there were any."""
        return await self._database.run(self._move)

    def _put(self, span: int, runs: list[tuple[int, Run]], without_raw: frozenset[int]) -> bool:
        """Write some series of a span, unless it was finished meanwhile; say whether it was still there."""
        shelf = self.shelf()
        if not shelf.is_open(span):
            return False
        shelf.put_series(span, runs, without_raw)
        return True

    def _step(self, amount: int) -> _Step:
        sql = self._database.pony.get_connection()
        pages, free, size = _pages(sql)
        limit = self._budget.file_bytes // size
        if pages - free + amount // size + 4 > limit:
            shelf = self.shelf()
            gone = shelf.throw_out(["block"])
            if gone is None and self._oldest() is not None:
                return _Step.ROLL_UP
            if gone is None:
                gone = shelf.throw_out(["minutes", "hour", "batch"])
            self.thrown_out += gone or 0
            return _Step.DONE if gone is None else _Step.MORE
        if pages > limit and free:
            sql.execute(f"PRAGMA incremental_vacuum({SHRINK_PAGES})").fetchall()
            return _Step.MORE if _pages(sql)[0] < pages else _Step.DONE
        return _Step.DONE

    def _throw_out(self, amount: int) -> bool:
        """Throw out one slice of what is finished when `amount` more bytes would pass the quota; say whether it did."""
        pages, free, size = _pages(self._database.pony.get_connection())
        if pages - free + amount // size + 4 <= self._budget.file_bytes // size:
            return False
        gone = self.shelf().throw_out(["block", "minutes", "hour"])
        self.thrown_out += gone or 0
        return gone is not None

    def _move(self) -> bool:
        sql: Any = self._database.pony.get_connection()
        found = sql.execute("SELECT series, seq, mono_ns, value, boot FROM sample ORDER BY seq LIMIT ?", (OLD_ROWS,)).fetchall()
        if not found:
            return False
        boot, began_ns = found[0][4], found[0][2]
        rows: list[Row] = []
        for *row, of_boot in found:
            if of_boot != boot or row[2] - began_ns > 3_600 * 10**9:
                break
            rows.append(tuple(row))
        # Each moved piece is a span of its own, below all that are written now.
        known = sql.execute("SELECT coalesce(max(number), 0) FROM span WHERE number < ?", (1 << BOOT_BITS,)).fetchone()[0]
        span = int(known) + 1
        shelf = self.shelf()
        shelf.write([], span, boot, batch_of(rows))
        shelf.put_series(span, by_series([batch_of(rows)]).items(), frozenset())
        shelf.finish(span)
        sql.execute("DELETE FROM sample WHERE seq <= ?", (rows[-1][1],))
        return True


def _pages(sql: Any) -> tuple[int, int, int]:
    """Give how many pages the file has, how many of them are free, and the bytes of one."""
    pages, free, size = (sql.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return pages, free, size

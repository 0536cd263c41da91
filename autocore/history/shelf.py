"""history.db: batches as they come, spans as they are finished, the oldest thrown out first. It runs in the file's own threads.

A batch is deleted in the same commit in which its span becomes readable, and readings are told apart by their sequence number, so
a stop at any moment loses and doubles nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from autocore.core.errors import StorageError
from autocore.history.columns import Batch, Run, pack_batch, pack_run, unpack_batch, unpack_run
from autocore.history.rollup import RollUp, joined, minutes_of, pack_roll_ups, unpack_roll_ups

T = TypeVar("T")

SERIES_BITS = 24  # 16 million entities
RAW, MINUTES, HOURS = 0, 1, 2
"""What is still there of a span."""
LEVELS = {"block": RAW, "minutes": MINUTES, "hour": HOURS}
SLICE_ROWS = 300  # thrown out at once: about 150 kB, a few milliseconds on a card


class Window(NamedTuple):
    """A stretch of monotonic time in one boot, both ends included."""

    boot: int
    first_ms: int
    last_ms: int


class Span(NamedTuple):
    """A finished stretch of one boot; the fields are the columns of the table."""

    number: int
    boot: int
    first_ms: int
    last_ms: int
    first_seq: int
    last_seq: int
    samples: int
    level: int


def key_of(span: int, series: int) -> int:
    """Give the key of one series in one span."""
    return (span << SERIES_BITS) | series


class Losses:
    """What could not be read: the blocks and batches whose bytes are damaged, by their place in the file."""

    def __init__(self) -> None:
        self.places: set[tuple[str, int]] = set()

    def add(self, table: str, key: int) -> None:
        """Note one; the same one again counts once."""
        self.places.add((table, key))


class Shelf:
    """The tables of history.db.

    Args:
        sql: a connection in a transaction, in the thread that this is called in.
        losses: where damaged rows are noted.
    """

    def __init__(self, sql: sqlite3.Connection, losses: Losses) -> None:
        self._sql = sql
        self._losses = losses

    def series(self) -> dict[str, int]:
        """Give the number of each entity's series."""
        return dict(self._sql.execute("SELECT entity, number FROM series").fetchall())

    def name(self, names: Sequence[tuple[int, str]]) -> None:
        """Number series."""
        self._sql.executemany("INSERT OR IGNORE INTO series VALUES (?, ?)", names)
        self._sql.executemany("INSERT OR IGNORE INTO series_copy VALUES (?, ?)", names)

    def write(self, names: Sequence[tuple[int, str]], span: int, boot: int, batch: Batch) -> None:
        """Append what came since the last flush, and the names of series that are new."""
        self.name(names)
        if batch.seqs:
            row = (batch.seqs[0], batch.seqs[-1], span, boot, min(batch.times_ms), max(batch.times_ms), len(batch.seqs))
            self._sql.execute("INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, pack_batch(batch)))

    def open_spans(self) -> list[int]:
        """Give the spans that have batches, oldest first."""
        return [row[0] for row in self._sql.execute("SELECT DISTINCT span FROM batch ORDER BY span").fetchall()]

    def is_open(self, span: int) -> bool:
        """Say whether a span still has batches."""
        return self._sql.execute("SELECT 1 FROM batch WHERE span = ? LIMIT 1", (span,)).fetchone() is not None

    def batches(self, span: int) -> list[Batch]:
        """Give the batches of a span in order; damaged ones are left out and counted."""
        return list(self._readable("span = ?", (span,)))

    def extents(self) -> dict[int, int]:
        """Give the monotonic time of the last reading of each boot that has any, in ms."""
        ends = (
            "SELECT boot, last_ms FROM span UNION ALL SELECT boot, last_ms FROM batch"
            " UNION ALL SELECT boot, mono_ns / 1000000 FROM sample"
        )
        sql = f"SELECT boot, max(last_ms) FROM ({ends}) GROUP BY boot"  # noqa: S608  # the text above
        return dict(self._sql.execute(sql).fetchall())

    def put_series(self, span: int, runs: Iterable[tuple[int, Run]], without_raw: frozenset[int]) -> None:
        """Write some series of a span that is being finished: all readings, the minutes and the hour."""
        blocks, minutes, hours = [], [], []
        for series, run in runs:
            key = key_of(span, series)
            parts = minutes_of(run)
            whole = joined(parts)
            if series not in without_raw:
                blocks.append((key, pack_run(run)))
            minutes.append((key, pack_roll_ups(parts)))
            hours.append((key, *whole))
        sql = self._sql
        sql.executemany("INSERT OR REPLACE INTO block VALUES (?, ?)", blocks)
        sql.executemany("INSERT OR REPLACE INTO minutes VALUES (?, ?)", minutes)
        sql.executemany("INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", hours)

    def finish(self, span: int) -> None:
        """Make a span readable as such and delete its batches."""
        sql = self._sql
        sql.execute(
            "INSERT OR REPLACE INTO span SELECT"
            " span, boot, min(first_ms), max(last_ms), min(first_seq), max(last_seq), sum(samples), ?"
            " FROM batch WHERE span = ? GROUP BY span",
            (RAW, span),
        )
        sql.execute("DELETE FROM batch WHERE span = ?", (span,))

    def spans(self, window: Window, *, after: int = -1, limit: int = -1) -> list[Span]:
        """Give the finished spans that a window touches, in order: those behind the number `after`, at most `limit` (-1: all)."""
        sql = "SELECT * FROM span WHERE boot = ? AND first_ms <= ? AND last_ms >= ? AND number > ? ORDER BY number LIMIT ?"
        facts = (window.boot, window.last_ms, window.first_ms, after, limit)
        return [Span(*row) for row in self._sql.execute(sql, facts).fetchall()]

    def run(self, span: int, series: int) -> Run | None:
        """Give the readings of one series of a finished span, None when there are none (any more)."""
        return self._unpacked("block", key_of(span, series), unpack_run)

    def minutes(self, span: int, series: int) -> list[RollUp]:
        """Give the minutes of one series of a finished span."""
        return self._unpacked("minutes", key_of(span, series), unpack_roll_ups) or []

    def hours(self, window: Window, series: int) -> list[tuple[int, RollUp]]:
        """Give (span, roll-up) of one series for each finished span that a window touches, in order."""
        rows = self._sql.execute(
            "SELECT span.number, hour.* FROM span CROSS JOIN hour ON hour.key = (span.number << ?) | ?"
            " WHERE span.boot = ? AND span.first_ms <= ? AND span.last_ms >= ? ORDER BY span.number",
            (SERIES_BITS, series, window.boot, window.last_ms, window.first_ms),
        ).fetchall()
        return [(row[0], RollUp(*row[2:])) for row in rows]

    def recent(self, window: Window, series: int, besides: int = 0) -> Run:
        """Give the readings of one series in batches that a window touches, but those of the span `besides`."""
        found = Run([], [], [])
        where = "boot = ? AND first_ms <= ? AND last_ms >= ? AND span != ?"
        for batch in self._readable(where, (window.boot, window.last_ms, window.first_ms, besides)):
            for place, one in enumerate(batch.series):
                if one == series:
                    found.seqs.append(batch.seqs[place])
                    found.times_ms.append(batch.times_ms[place])
                    found.values.append(batch.values[place])
        return found

    def throw_out(self, tables: Sequence[str]) -> int | None:
        """Delete some of the oldest in the first of these tables that has any (`block`: readings, `batch`: those not packed yet).

        Returns:
            How many readings are gone for good now (roll-ups not counted); None when there is nothing in these tables.
        """
        for table in tables:
            gone = self._throw_out_batch() if table == "batch" else self._throw_out(table)
            if gone is not None:
                return gone
        return None

    def _throw_out(self, table: str) -> int | None:
        level = LEVELS[table]
        row = self._sql.execute("SELECT number, samples FROM span WHERE level = ? ORDER BY number LIMIT 1", (level,)).fetchone()
        return None if row is None else self._strip(row[0], row[1], level, table)

    def _throw_out_batch(self) -> int | None:
        row = self._sql.execute("SELECT first_seq, samples FROM batch ORDER BY first_seq LIMIT 1").fetchone()
        if row is None:
            return None
        self._sql.execute("DELETE FROM batch WHERE first_seq = ?", (row[0],))
        return int(row[1])

    def _strip(self, span: int, samples: int, level: int, table: str) -> int:
        first, last = key_of(span, 0), key_of(span + 1, 0) - 1
        keys = f"SELECT key FROM {table} WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?"  # noqa: S608  # one of three names
        gone = self._sql.execute(f"DELETE FROM {table} WHERE key IN ({keys})", (first, last, SLICE_ROWS)).rowcount  # noqa: S608  # one of three names
        if gone == SLICE_ROWS:
            return 0
        if level == HOURS:
            self._sql.execute("DELETE FROM span WHERE number = ?", (span,))
        else:
            self._sql.execute("UPDATE span SET level = ? WHERE number = ?", (level + 1, span))
        return samples if level == RAW else 0

    def _readable(self, where: str, values: Sequence[int]) -> Iterator[Batch]:
        sql = f"SELECT first_seq, data FROM batch WHERE {where} ORDER BY first_seq"  # noqa: S608  # a text of this file
        for first_seq, data in self._sql.execute(sql, values).fetchall():
            try:
                yield unpack_batch(data)
            except StorageError:
                self._losses.add("batch", first_seq)

    def _unpacked(self, table: str, key: int, unpack: Callable[[bytes], T]) -> T | None:
        row = self._sql.execute(f"SELECT data FROM {table} WHERE key = ?", (key,)).fetchone()  # noqa: S608  # a table of this file
        try:
            return None if row is None else unpack(row[0])
        except StorageError:
            self._losses.add(table, key)
            return None

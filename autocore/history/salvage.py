"""Out of a damaged history into the new one, in the background: rows that can be read and make sense; the rest is counted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autocore.core.errors import StorageError
from autocore.core.storage.damage import UNREADABLE, peek
from autocore.core.storage.database import Database
from autocore.history.columns import unpack_batch, unpack_run
from autocore.history.readable import readable_rows
from autocore.history.recorder import BOOT_BITS
from autocore.history.rollup import RollUp, joined, minutes_of, unpack_roll_ups
from autocore.history.shelf import RAW, SERIES_BITS

MENDED = 200  # hours made anew in one commit
_MEND_SPANS = f"""
INSERT OR IGNORE INTO span
SELECT key >> {SERIES_BITS}, key >> {SERIES_BITS + BOOT_BITS}, min(first_ms), max(last_ms), min(seq), max(seq), sum(count), {RAW}
FROM hour WHERE key >> {SERIES_BITS} NOT IN (SELECT span FROM batch) GROUP BY key >> {SERIES_BITS}
"""  # noqa: S608  # numbers of ours
"""Makes the rows of lost spans from their hours: a span's number holds its boot."""
_END: Any = object()

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What came out of a damaged history.

    Args:
        readings: kept; those of which only minutes and hours were left are not in it.
        rows: kept, of all tables.
        spoiled: rows that were there but held no sense: each is a flush, or an hour of one series.
        gaps: places of the file that could not be read; what was there nobody knows.
    """

    readings: int
    rows: int
    spoiled: int
    gaps: int


def names_in(file: Path) -> dict[str, int]:
    """Give the series that a damaged history still names."""
    with closing(_opened(file)) as sql:
        tables = ("series_copy", "series")
        found = [row for table in tables for rows in readable_rows(sql, table, "number") for row in rows or ()]
    return {entity: number for number, entity in found if isinstance(entity, str)}


async def salvage(file: Path, database: Database, make_room: Callable[[int], Awaitable[None]]) -> Salvaged:
    """Put what can be read of a damaged history into the present one; the damaged file stays as it is.

    Args:
        file: the damaged one.
        database: the present one; its series have the numbers that they have in the damaged one.
        make_room: called with a number of bytes before they are written.

    Raises:
        StorageError: the present one takes no more.
    """
    readings = kept = spoiled = gaps = 0
    with closing(_opened(file)) as sql:
        for table, (key, unpack) in _TABLES.items():
            pieces = readable_rows(sql, table, key)
            while (rows := await asyncio.to_thread(next, pieces, _END)) is not _END:
                if rows is None:
                    gaps += 1
                    continue
                counts = await asyncio.to_thread(_amounts, rows, unpack)
                good = [row for row, amount in zip(rows, counts, strict=True) if amount is not None]
                if good:
                    await make_room(sum(len(one) for row in good for one in row if isinstance(one, bytes)) + 64 * len(good))
                    await database.run(_putter(database, table, good))
                kept += len(good)
                spoiled += len(rows) - len(good)
                if table in ("block", "batch"):
                    readings += sum(amount for amount in counts if amount is not None)
    while await database.run(lambda: _mend_hours(database.pony.get_connection())):
        pass
    await database.run(lambda: database.pony.get_connection().execute(_MEND_SPANS))
    return Salvaged(readings, kept, spoiled, gaps)


def _mend_hours(sql: Any) -> bool:
    """Make anew some hours whose rows were lost, from the readings or the minutes; say whether there were any."""
    made: list[Row] = []
    for table, parts_of in (("block", _minutes_of_block), ("minutes", unpack_roll_ups)):
        lost = f"SELECT key, data FROM {table} WHERE key NOT IN (SELECT key FROM hour) LIMIT {MENDED}"  # noqa: S608  # ours
        made += [(key, *joined(parts_of(data))) for key, data in sql.execute(lost).fetchall()]
    sql.executemany("INSERT OR IGNORE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", made)
    return bool(made)


def _minutes_of_block(data: bytes) -> list[RollUp]:
    return minutes_of(unpack_run(data))


def _putter(database: Database, table: str, rows: Sequence[Row]) -> Callable[[], None]:
    marks = ", ".join("?" * len(rows[0]))

    def put() -> None:
        database.pony.get_connection().executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608  # ours

    return put


def _opened(file: Path) -> sqlite3.Connection:
    try:
        return peek(file, timeout_s=10.0)
    except UNREADABLE as error:
        raise StorageError(f"{file} cannot be opened: {error}") from error


def _amounts(rows: Sequence[Row], unpack: Callable[[bytes], Sized] | None) -> list[int | None]:
    return [_amount(row, unpack) for row in rows]


def _amount(row: Row, unpack: Callable[[bytes], Sized] | None) -> int | None:
    """Give how many readings or roll-ups a row holds, None when it makes no sense."""
    if unpack is None:
        return 1 if all(isinstance(one, int) for one in row[:1]) else None
    try:
        return len(unpack(row[-1]))
    except (StorageError, TypeError):
        return None


def _seqs_of_run(data: bytes) -> list[int]:
    return unpack_run(data).seqs


def _seqs_of_batch(data: bytes) -> list[int]:
    return unpack_batch(data).seqs


_TABLES: dict[str, tuple[str, Callable[[bytes], Sized] | None]] = {
    "series": ("number", None),
    "block": ("key", _seqs_of_run),
    "minutes": ("key", unpack_roll_ups),
    "hour": ("key", None),
    "batch": ("first_seq", _seqs_of_batch),
    "span": ("number", None),  # at last: it makes its series readable
}

"""What can be read of a damaged table: row by row around the places that cannot."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from autocore.core.storage.damage import UNREADABLE

ROWS = 100  # read at once


def readable_rows(sql: sqlite3.Connection, table: str, key: str) -> Iterator[list[tuple[Any, ...]] | None]:
    """Give the rows of a damaged table that can be read, some at a time in the order of their key; None for each gap.

    Args:
        sql: in autocommit mode.
        table: a name of ours.
        key: its INTEGER PRIMARY KEY.
    """
    last, amount = -1, ROWS
    text = f"SELECT {key}, * FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608  # names of ours

    def read(after: int, most: int) -> list[tuple[Any, ...]] | None:
        try:
            return sql.execute(text, (after, most)).fetchall()
        except UNREADABLE:
            return None

    while True:
        rows = read(last, amount)
        if rows is None and amount > 1:
            amount = 1
        elif rows is None:
            yield None
            after = _beyond(last, lambda after: read(after, 1) is not None)
            if after is None:
                return
            last, amount = after, ROWS
        elif rows:
            yield [row[1:] for row in rows]
            last, amount = rows[-1][0], ROWS
        else:
            return


def _beyond(last: int, is_readable: Callable[[int], bool]) -> int | None:
    """Give the smallest key after `last` behind which rows can be read again, None when there is none."""
    step = 1
    while not is_readable(last + step):
        step *= 2
        if last + step >= 1 << 62:
            return None
    low, high = last + step // 2, last + step
    while low + 1 < high:
        middle = (low + high) // 2
        if is_readable(middle):
            high = middle
        else:
            low = middle
    return high

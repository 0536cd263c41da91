"""How long rows of the audit are kept: which of the oldest go. Works in a session's thread."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from autocore.audit.lived import DAY_NS, Lived, Start

SLICE = 2_000  # rows removed at once: some 20 ms on an SD card, and the next turn goes on
SPARE = 20  # one checkpoint for each twentieth of the rows, not for each row


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept.

    Args:
        rows: at most so many rows.
        days: at most so many days that the vehicle lived through; None keeps them whatever their age.
    """

    rows: int
    days: int | None


def too_many(connection: sqlite3.Connection, keep: Keep, boot: int, now_ns: int) -> int:
    """Give how many of the oldest rows are to go now; 0 for none.

    Args:
        connection: to state.db.
        keep: what is kept.
        boot: the present start.
        now_ns: its monotonic time.
    """
    (amount,) = connection.execute("SELECT count(*) FROM audit").fetchone()
    over = amount - keep.rows
    by_rows = over + keep.rows // SPARE if over > 0 else 0
    return int(min(max(by_rows, _too_old(connection, keep.days, boot, now_ns)), SLICE, max(0, amount - 1)))


def _too_old(connection: sqlite3.Connection, days: int | None, boot: int, now_ns: int) -> int:
    if days is None:
        return 0
    starts = [Start(*row) for row in connection.execute("SELECT number, started_ns, offset_ns FROM boot ORDER BY number")]
    lived = Lived(starts)
    found = 0
    for of, at_ns in connection.execute("SELECT boot, at_ns FROM audit ORDER BY seq LIMIT ?", (SLICE,)):
        if not isinstance(at_ns, int) or lived.age_ns(of, at_ns, boot, now_ns) <= days * DAY_NS:
            break
        found += 1
    return found

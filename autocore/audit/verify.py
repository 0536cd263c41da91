"""Looking at the whole chain: the rows of a database against its key and its head, which are read first.

The head is read before the table: so it can be behind what is written meanwhile, never ahead of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from autocore.audit.chain import COLUMNS, DATA, GENESIS, KIND, NUMBER, SEQ, Kind, Link, is_signed, key_id
from autocore.audit.files import HEAD, KEY, Found, look
from autocore.audit.table import EVERY, READ, SIGNED, anchor_of
from autocore.audit.verdict import Fault, Verdict, What
from autocore.audit.walk import Walk
from autocore.core.errors import StorageError
from autocore.core.storage.damage import UNREADABLE, peek
from autocore.rows import facts_of

BUSY_S = 10.0
STRIDE = 1_000
"""Rows between two calls of `rest`: some 10 ms."""
MAC = len(COLUMNS)

Rest = Callable[[], object]


def verify_folder(folder: Path, rest: Rest = lambda: None) -> Verdict:
    """Look at the chain in a data folder, also while a gateway writes to it; nothing is changed.

    Args:
        folder: the data folder.
        rest: called now and then, so that others have their turn.

    Raises:
        StorageError: the database or a file beside it cannot be read at all.
    """
    file = folder / "state.db"
    try:
        found = look(folder)
    except OSError as error:
        raise StorageError(
            f"{folder / KEY} or {HEAD} cannot be read: {error.strerror}; run it as the owner of the folder"
        ) from error
    if not file.is_file():
        raise StorageError(f"there is no {file}; name the data folder with --data")
    try:
        with closing(peek(file, BUSY_S)) as connection:
            connection.text_factory = bytes
            connection.execute("BEGIN")  # one state of the file from the first row to the last
            return verify(connection, found, rest)
    except UNREADABLE as error:
        raise StorageError(f"{file} cannot be read: {error}; `autocore doctor` looks closer") from error


def verify(connection: sqlite3.Connection, found: Found, rest: Rest = lambda: None) -> Verdict:
    """Look at the chain in an open database, whose texts are read as bytes; raises sqlite3.Error."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(audit)").fetchall()}
    if not columns:  # the power was cut before there was a table
        fault = [] if found.is_nothing else [Fault(found.head_fault or What.CUT_OFF)]
        return Verdict(0, 0, 0, None, None, fault, len(fault), [])
    amount, first, newest = connection.execute("SELECT count(*), min(seq), max(seq) FROM audit").fetchone()
    has_chain = b"mac" in columns and connection.execute(f"SELECT 1 FROM audit WHERE {SIGNED} LIMIT 1").fetchone() is not None  # noqa: S608
    if found.key is None or b"mac" not in columns:
        is_clean = not has_chain and found.is_nothing
        fault = [] if is_clean else [Fault(found.key_fault or What.MISSING)]
        return Verdict(amount, 0, 0 if is_clean else amount, first, newest, fault, len(fault), [])
    marks = connection.execute(f"SELECT {READ}, mac FROM audit WHERE kind != 'act' ORDER BY seq DESC").fetchall()  # noqa: S608  # ours
    begun, is_other = _begun(connection, found.key, marks)
    if is_other:
        return Verdict(amount, 0, amount, first, newest, [Fault(What.OTHER_KEY)], 1, [])
    walk, older = _walk(connection, found, begun, marks, rest)
    walk.end(found.head, found.head_fault)
    return walk.verdict(amount, older, first, newest)


def _begun(connection: sqlite3.Connection, key: bytes, marks: Sequence[Any]) -> tuple[Any, bool]:
    """Give the row where the chain of this key begins, None when it is gone; and whether all there is has another key."""
    known = key_id(key)
    named = [(row, facts_of(row[DATA]).get("key")) for row in marks]
    claims = [row for row, name in named if row[KIND] == Kind.BEGUN.value.encode() and name == known]
    sql = f"SELECT mac FROM audit WHERE seq < ? AND {SIGNED} ORDER BY seq DESC LIMIT 1"  # noqa: S608  # ours
    for row in claims:
        before = connection.execute(sql, (row[SEQ],)).fetchone() or (GENESIS,)
        if is_signed(key, before[0], row[:MAC], row[MAC]):
            return row, False
    names = {name for _, name in named if isinstance(name, str)}
    return (claims[0] if claims else None), bool(names) and known not in names


def _walk(connection: sqlite3.Connection, found: Found, begun: Any, marks: Sequence[Any], rest: Rest) -> tuple[Walk, int]:
    """Walk along all rows that this key has signed, and count those of an older one."""
    assert found.key is not None  # noqa: S101  # looked at by `verify`
    is_anew = begun is not None and facts_of(begun[DATA]).get("from") == begun[NUMBER]
    last: Any = None
    older, seq, walk = 0, None, None
    rows = _rows(connection, rest)
    try:
        for row in rows:
            seq = row[SEQ]
            if walk is None:
                if is_anew and seq < begun[SEQ]:
                    older, last = older + 1, row if isinstance(row[NUMBER], int) and row[NUMBER] > 0 else last
                    continue
                upon = _start(row, marks) if last is None else Link(row[NUMBER] - 1 if row is begun else last[NUMBER], last[MAC])
                walk = Walk(found.key, upon)
                if last is not None:
                    walk.meet(last, last[MAC], found.head)
            walk.take(row[:MAC], row[MAC], found.head)
    except UNREADABLE:
        walk = walk or Walk(found.key, None)
        walk.cannot(seq)
    return walk or Walk(found.key, None), older


def _start(first: Any, marks: Sequence[Any]) -> Link | None:
    """Give what the first row hangs on: the last row that retention removed, None where the chain begins."""
    anchors = [one for one in (anchor_of(row[:MAC]) for row in marks) if one is not None and one.number]
    fitting = next((one for one in anchors if one.number + 1 == first[NUMBER]), None)
    return fitting or (max(anchors, key=lambda one: one.number) if anchors else None)


def _rows(connection: sqlite3.Connection, rest: Rest) -> Iterator[Any]:
    for number, row in enumerate(connection.execute(EVERY)):
        if number % STRIDE == STRIDE - 1:
            rest()
        yield row

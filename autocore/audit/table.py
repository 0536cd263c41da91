"""The table of the audit in state.db: what stands there, and adding signed rows. Every function works in a session's thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from autocore.audit.chain import COLUMNS, DATA, GENESIS, KIND, LARGEST_NUMBER, NUMBER, SEQ, Kind, Link, sign
from autocore.audit.opening import Standing
from autocore.rows import facts_of, text_of

WORDS = ("who", "via", "address", "service", "data", "outcome", "detail", "kind")
"""The columns that are read as bytes: a flipped bit makes what is no text any more."""
READ = ", ".join(f"CAST({name} AS BLOB)" if name in WORDS else name for name in COLUMNS)
SIGNED = "typeof(number) = 'integer' AND number > 0"
LARGEST_SEQ = (1 << 63) - 1
INSERT = f"INSERT INTO audit ({', '.join(COLUMNS)}, mac) VALUES ({', '.join('?' * (len(COLUMNS) + 1))})"  # noqa: S608  # names of ours
EVERY = f"SELECT {READ}, mac FROM audit ORDER BY seq"  # noqa: S608  # the same


def newest_of(connection: sqlite3.Connection, before: int = LARGEST_SEQ) -> Link | None:
    """Give the newest row that has a number, of those before the sequence number `before`."""
    sql = f"SELECT number, mac, seq FROM audit WHERE {SIGNED} AND seq < ? ORDER BY seq DESC LIMIT 1"  # noqa: S608  # ours
    row = connection.execute(sql, (before,)).fetchone()
    return None if row is None else Link(row[0], _bytes(row[1]), row[2])


def standing_of(connection: sqlite3.Connection, before: int) -> Standing:
    """Give what a start, whose sequence numbers begin with `before`, has to know of the table."""
    (unsigned,) = connection.execute(f"SELECT count(*) FROM audit WHERE NOT ({SIGNED})").fetchone()  # noqa: S608  # ours
    said = connection.execute("SELECT CAST(data AS BLOB) FROM audit WHERE kind != 'act' ORDER BY seq DESC LIMIT 1").fetchone()
    known = facts_of(said[0]).get("key") if said is not None and isinstance(said[0], bytes) else None
    return Standing(newest_of(connection, before), unsigned, known if isinstance(known, str) else None)


def add(connection: sqlite3.Connection, key: bytes, before: Link, rows: Iterable[Sequence[Any]]) -> Link:
    """Sign rows, each the values of `COLUMNS` up to the kind, write them, and give the newest."""
    signed, link = [], before
    for row in rows:
        fields = (*row, link.number + 1)
        link = Link(link.number + 1, sign(key, link.mac, fields), row[SEQ])
        signed.append((*fields, link.mac))
    connection.executemany(INSERT, signed)
    return link


def take_unsigned(connection: sqlite3.Connection, key: bytes, before: Link) -> Link:
    """Take every row without a number into the chain as it is, behind `before`, and give the newest."""
    sql = f"SELECT {READ} FROM audit WHERE NOT ({SIGNED}) ORDER BY seq"  # noqa: S608  # ours
    signed, link = [], before
    usual, connection.text_factory = connection.text_factory, bytes  # a number that became a text, which is none
    try:
        found = connection.execute(sql).fetchall()
    finally:
        connection.text_factory = usual
    for row in found:
        fields = (*row[:NUMBER], link.number + 1)
        link = Link(link.number + 1, sign(key, link.mac, fields), row[SEQ])
        signed.append((link.number, link.mac, link.seq))
    connection.executemany("UPDATE audit SET number = ?, mac = ? WHERE seq = ?", signed)
    return link


def remove_oldest(connection: sqlite3.Connection, amount: int) -> dict[str, Any] | None:
    """Remove the `amount` oldest rows, and give what the checkpoint has to say of them; None when there was none."""
    sql = "SELECT seq, number, mac FROM audit ORDER BY seq LIMIT ?"
    rows = connection.execute(sql, (amount,)).fetchall()
    if not rows:
        return None
    signed = [row for row in rows if isinstance(row[1], int) and 0 < row[1] < LARGEST_NUMBER]
    _, number, mac = signed[-1] if signed else (0, 0, GENESIS)
    connection.execute("DELETE FROM audit WHERE seq <= ?", (rows[-1][0],))
    return {"first_seq": rows[0][0], "last_seq": rows[-1][0], "rows": len(rows), "number": number, "mac": _bytes(mac).hex()}


def anchor_of(fields: Sequence[Any]) -> Link | None:
    """Give the last row that a checkpoint of retention says was removed."""
    if fields[KIND] != Kind.REMOVED.value.encode():
        return None
    told = facts_of(fields[DATA])
    try:
        return Link(int(told["number"]), bytes.fromhex(told["mac"]), int(told["last_seq"]))
    except (KeyError, TypeError, ValueError):
        return None


def mac_removed(connection: sqlite3.Connection, number: Any) -> bytes:
    """Give the MAC of the row before `number`, which retention removed; `GENESIS` when it did not."""
    sql = f"SELECT {READ} FROM audit WHERE kind = 'removed' ORDER BY seq DESC"  # noqa: S608  # ours
    anchors = (anchor_of(row) for row in connection.execute(sql))
    return next((one.mac for one in anchors if one is not None and one.number + 1 == number), GENESIS)


def checkpoint_row(seq: int, boot: int, at_ns: int, kind: Kind, data: dict[str, Any]) -> tuple[Any, ...]:
    """Give the row of a checkpoint, without its number."""
    return (seq, boot, at_ns, "", "internal", "", f"audit.{kind}", json.dumps(data), "done", "", 0.0, kind.value)


def known_words(connection: sqlite3.Connection, column: str, limit: int) -> list[str]:
    """Give what stands in a column of acts, each once, in order."""
    sql = f"SELECT DISTINCT CAST({column} AS BLOB) FROM audit WHERE kind = 'act' AND {column} != '' ORDER BY 1 LIMIT ?"  # noqa: S608  # ours
    return [words(row[0]) for row in connection.execute(sql, (limit,))]


def words(raw: Any) -> str:
    """Give a column that was read as bytes."""
    return text_of(raw if isinstance(raw, bytes) else str(raw).encode())


def _bytes(raw: Any) -> bytes:
    return raw if isinstance(raw, bytes) else str(raw).encode()

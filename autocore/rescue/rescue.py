"""Looks at the small databases before they are opened; a damaged one is set aside and its last good copy takes its place."""

from __future__ import annotations

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autocore.audit.files import mark_copy
from autocore.core.clock import BLOCK
from autocore.core.model import Role
from autocore.core.storage.damage import PARTS, UNREADABLE, Finding, damage_of, peek, set_aside
from autocore.core.storage.migrate import migrate
from autocore.core.storage.state import MIGRATIONS
from autocore.rescue.snapshots import names_of_copies, put_back, snapshots_of

CHECK_S = 2.0  # bounded: a Pi that starts with a large event log must not be late for its relays
JSON_COLUMNS = (
    ("entity", "description"),
    ("entity", "overrides"),
    ("last_state", "value"),
    ("device", "facts"),
    ("setting", "value"),
    ("api_token", "scopes"),
)
READ_AT_START = ("user", "api_token", "session", "boot", "setting", "entity", "last_state", "device", "credential", "notice")
_ALLOWED = {"TEXT": {"text"}, "INTEGER": {"integer"}, "REAL": {"real", "integer"}, "BLOB": {"blob"}}
INDEX = " index "  # so SQLite names a row that an index lacks, or has too many of
ROLES = frozenset(role.name.lower() for role in Role)
SEQ_MARGIN = 100 * BLOCK  # numbers that a start between the copy and the damage may have used
BOOT_MARGIN = 100

log = logging.getLogger("autocore.storage")


@dataclass(frozen=True, slots=True)
class Rescued:
    """What was done before the databases were opened.

    Args:
        findings: what became of each damaged file.
        floor: boot and sequence number below which the lost state.db may have given out all; (0, 0) when it was not lost.
    """

    findings: tuple[Finding, ...] = ()
    floor: tuple[int, int] = (0, 0)


def rescue(data: Path) -> Rescued:
    """Make the small databases of a data folder usable.

    Raises:
        StorageError: a damaged file cannot be moved away, or a copy cannot be written.
    """
    found: list[Finding] = []
    floor = (0, 0)
    state = data / "state.db"
    reason = _damage_of_state(state)
    if reason is None and not state.exists() and (any(snapshots_of(data, state)) or (data / "history.db").exists()):
        reason = "it is missing"
    if reason is not None:
        _note_copy(data)
        found.append(_replace(data, state, reason))
        floor = _floor(data / "history.db")
    known = {*(data / "plugins").glob("*.db"), *(data / "plugins" / f"{name}.db" for name in names_of_copies(data) - {"state"})}
    for file in sorted(known):
        reason = damage_of(file, CHECK_S) if file.exists() else "it is missing"
        if reason is not None:
            found.append(_replace(data, file, reason))
    return Rescued(tuple(found), floor)


def _note_copy(data: Path) -> None:
    try:
        mark_copy(data)
    except OSError as error:
        log.warning("the audit will not know that a copy took the place of state.db: %s", error)


def _damage_of_state(file: Path) -> str | None:
    return damage_of(file, CHECK_S) or (next(_unreadable(file), None) if file.exists() else None)


def _unreadable(file: Path) -> Iterator[str]:
    """Give what in the registries cannot be understood: a flipped bit inside a row is no fault to SQLite."""
    try:
        with closing(peek(file)) as sql:
            if (lost := _lost_column(sql)) is not None:
                yield f"it has no column {lost} any more"
            yield from _nonsense(sql, _tables(sql))
    except (ValueError, TypeError) as error:
        yield f"it holds what is no JSON ({error})"
    except sqlite3.DatabaseError as error:
        yield f"it cannot be read ({error})"


def _nonsense(sql: sqlite3.Connection, tables: set[str]) -> Iterator[str]:
    for table in READ_AT_START:
        if table in tables:
            yield from _strange(sql, table)
    for table, column in JSON_COLUMNS:
        if table in tables:
            for (text,) in sql.execute(f"SELECT {column} FROM {table} WHERE {column} != ''"):  # noqa: S608  # the names above
                json.loads(text)
    for (role,) in sql.execute("SELECT role FROM user") if "user" in tables else ():
        if role not in ROLES:
            yield f"it knows a user whose role is {role[:20]!r}"


def _strange(sql: sqlite3.Connection, table: str) -> Iterator[str]:
    """Give the columns that hold what their type does not allow: the flip of one bit makes bytes of a text."""
    sql.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # a name of ours; what is no text any more raises
    for _, name, kind, is_needed, *_ in sql.execute("SELECT * FROM pragma_table_info(?)", (table,)).fetchall():
        kinds = {row[0] for row in sql.execute(f"SELECT DISTINCT typeof({name}) FROM {table}")}  # noqa: S608  # names of ours
        wrong = kinds - _ALLOWED.get(kind.upper(), kinds) - ({"null"} if not is_needed else set())
        if wrong:
            yield f"{table}.{name} holds {min(wrong)}"


def _lost_column(sql: sqlite3.Connection) -> str | None:
    """Give a column that its migrations made and that is not there: a flipped bit in a name is no fault to SQLite either."""
    has_version = sql.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone()
    found = sql.execute("SELECT version FROM schema_version WHERE component = 'state'").fetchone() if has_version else None
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as whole:
        if found is None or found[0] != migrate(whole, "state", MIGRATIONS / "state"):
            return None  # a migration is still to come, or this program is too old, which it says itself
        for table in _tables(whole):
            lost = _columns(whole, table) - _columns(sql, table)
            if lost:
                return f"{table}.{min(lost)}"
    return None


def _tables(sql: sqlite3.Connection) -> set[str]:
    return {row[0] for row in sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _columns(sql: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in sql.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _replace(data: Path, file: Path, reason: str) -> Finding:
    # A log without its database is set aside too: SQLite would write it over the copy.
    has_parts = any(file.with_name(file.name + part).exists() for part in PARTS)
    aside = set_aside(file) if has_parts else None
    kept = f"; what was there is kept as {aside.name}" if aside is not None else ""
    if aside is not None and INDEX in reason and _is_mended(aside, file):
        sentence = f"{file.name} was damaged: {reason}. Its indexes are made anew from its rows, of which none is lost{kept}"
        log.error("%s", sentence)
        return Finding("storage.restored", {"file": file.name, "source": aside.name, "reason": reason}, sentence)
    for snapshot in snapshots_of(data, file):
        if _is_sound(snapshot, file.name):
            put_back(snapshot, file)
            sentence = (
                f"{file.name} cannot be used: {reason}. Its copy {snapshot.name} has taken its place; what was changed after that"
                f" copy was made (users, names, approvals) has to be done again{kept}"
            )
            log.error("%s", sentence)
            return Finding("storage.restored", {"file": file.name, "source": snapshot.name, "reason": reason}, sentence)
    sentence = (
        f"{file.name} cannot be used: {reason}. There is no good copy, so it begins empty: restore a backup, or do again what"
        f" stood in it (for state.db: make the administrator with the set-up code){kept}"
    )
    log.error("%s", sentence)
    return Finding("storage.damaged", {"file": file.name, "reason": reason}, sentence)


def _is_mended(aside: Path, file: Path) -> bool:
    """Make a copy of a database with its indexes made anew from the rows, and say whether it is whole; else there is none."""
    copies = [(aside.with_name(aside.name + part), file.with_name(file.name + part)) for part in ("", "-wal")]
    try:
        for source, target in copies:
            if source.exists():
                shutil.copyfile(source, target)
        with closing(sqlite3.connect(file, isolation_level=None)) as sql:
            sql.execute("REINDEX")
            sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        is_mended = _is_sound(file, file.name)
    except (OSError, sqlite3.Error) as error:
        log.warning("the indexes of %s could not be made anew: %s", file.name, error)
        is_mended = False
    if not is_mended:
        for part in PARTS:
            file.with_name(file.name + part).unlink(missing_ok=True)
    return is_mended


def _is_sound(file: Path, name: str) -> bool:
    return (_damage_of_state(file) if name == "state.db" else damage_of(file, CHECK_S)) is None


def _floor(history: Path) -> tuple[int, int]:
    """Give the highest boot and sequence number that the history tells of, with room for what the lost file gave out after it."""
    boot = seq = 0
    try:
        with closing(peek(history)) as sql:
            for table in ("span", "batch"):
                row = sql.execute(f"SELECT coalesce(max(boot), 0), coalesce(max(last_seq), 0) FROM {table}").fetchone()  # noqa: S608  # the two
                boot, seq = max(boot, row[0]), max(seq, row[1])
    except UNREADABLE as error:
        log.warning("%s cannot tell how far the numbers went: %s", history, error)
    return boot + BOOT_MARGIN, seq + SEQ_MARGIN

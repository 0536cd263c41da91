"""Is a database whole? And where a damaged one goes: beside, under another name, byte for byte, and never over it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autocore.core.errors import StorageError

HEADER = b"SQLite format 3\x00"
STEPS = 20_000  # of SQLite's machine between two looks at the clock
SMALL_BYTES = 16_000_000  # up to so much the indexes are held against their tables too: 0.2 s
TRIES, AGAIN_S = 3, 0.3
PIECE = 4_096
WHOLE = ("ok", "interrupted", "database is locked")
"""Interrupted by the clock: what was looked at is whole. Locked: another program is working on it, so it can be used."""
PARTS = ("", "-wal", "-shm")
"""The endings of the files that are one database."""
UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged database raises: the latter for a text, or SQLite's own word with a name of the file in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a damaged file.

    Args:
        event: `storage.damaged`, `storage.restored` or `storage.salvaged`.
        data: the fields of that event.
        sentence: for people: what, what is lost, what to do.
    """

    event: str
    data: Mapping[str, Any]
    sentence: str


def damage_of(file: Path, limit_s: float) -> str | None:
    """Give what is wrong with a database as a clause, None when nothing was found in `limit_s` seconds; it changes nothing.

    Nobody in this process may have it open: closing a file gives up all locks of the process on it (POSIX).
    """
    found = _look_at(file, limit_s)
    for _ in range(TRIES):
        if found is None or _is_readable(file):
            break
        time.sleep(AGAIN_S)  # SQLite calls it damage, too, when the disk does not give the bytes (IOERR_CORRUPTFS)
        found = _look_at(file, limit_s)
    return found


def _is_readable(file: Path) -> bool:
    try:
        with file.open("rb", buffering=0) as source:
            while source.read(PIECE):
                pass
    except OSError:
        return False
    return True


def _look_at(file: Path, limit_s: float) -> str | None:
    if not file.exists():
        return None
    try:
        with file.open("rb") as source:
            head = source.read(len(HEADER))
        if head != HEADER:
            return "it is no database" if head else "it is empty"
        connection = peek(file)
    except (OSError, sqlite3.Error) as error:
        return f"it cannot be opened ({error})"
    with closing(connection):
        is_small = file.stat().st_size <= SMALL_BYTES
        found = checked(connection, "PRAGMA integrity_check(1)" if is_small else "PRAGMA quick_check(1)", limit_s)
    return None if found in WHOLE else f"it is damaged ({found})"


def checked(connection: sqlite3.Connection, pragma: str, limit_s: float) -> str:
    """Give what one of SQLite's own checks finds in `limit_s` seconds; `WHOLE` is what it says of a good one."""
    deadline = time.monotonic() + limit_s
    connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
    try:
        return str(connection.execute(pragma).fetchone()[0])
    except UNREADABLE as error:
        return str(error)


def peek(file: Path, timeout_s: float = 1.0) -> sqlite3.Connection:
    """Open a database to look at it: whoever may write takes its log into it at the end, and it is no longer what was found.

    Raises:
        sqlite3.Error: it cannot be opened.
    """
    # A change that was interrupted before there was a log can be taken back only by whoever may write.
    mode = "rw" if file.with_name(f"{file.name}-journal").exists() else "ro"
    address = f"{file.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)


def is_damage(error: BaseException | None) -> bool:
    """Say whether an error, or what caused it, tells of a damaged file rather than of a full disk or a wrong statement."""
    while error is not None:
        name = getattr(getattr(error, "original_exc", error), "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or isinstance(error, UnicodeDecodeError):
            return True
        error = error.__cause__
    return False


def set_aside(file: Path) -> Path:
    """Move a damaged database, with its log, to `<name>.damaged-1` (2, 3 …) beside it, and give the new name.

    Raises:
        StorageError: it cannot be moved.
    """
    number = 1
    while any(
        (target := file.with_name(f"{file.name}.damaged-{number}")).with_name(target.name + part).exists() for part in PARTS
    ):
        number += 1
    try:
        for part in PARTS:
            source = file.with_name(file.name + part)
            if source.exists():
                source.rename(target.with_name(target.name + part))
    except OSError as error:
        raise StorageError(f"{file} is damaged and cannot be moved away: {error.strerror}") from error
    return target

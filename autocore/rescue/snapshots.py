"""Copies of the small databases in `<data>/snapshots`, made while they are used, looked through before they count as good."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from autocore.core.disk import sync_file, sync_folder
from autocore.core.errors import StorageError
from autocore.core.storage.damage import UNREADABLE, damage_of, peek

FOLDER = "snapshots"
KEPT = 2  # the newest ones; beside them stays the one with the most rows
CHECK_S = 5.0
_NAME = re.compile(r"(?P<name>[a-z0-9_]+)-(?P<number>[0-9]{8})\.db")


def take_snapshot(data: Path, file: Path) -> Path | None:
    """Copy a database as it is now; None when the newest copy already is the same.

    Raises:
        StorageError: it cannot be read, or the copy cannot be written; then no older copy was touched.
    """
    folder = data / FOLDER
    known = list(snapshots_of(data, file))
    number = int(known[0].stem[-8:]) + 1 if known else 1
    target = folder / f"{file.stem}-{number:08}.db"
    fresh = target.with_suffix(".new")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with closing(sqlite3.connect(file, timeout=10.0, isolation_level=None)) as sql:
            sql.execute("VACUUM INTO ?", (str(fresh),))
        fresh.chmod(0o600)
        if known and fresh.read_bytes() == known[0].read_bytes():
            fresh.unlink()
            return None
        damage = damage_of(fresh, CHECK_S)
        if damage is not None:
            raise StorageError(f"the copy of {file} cannot be used: {damage}")
        sync_file(fresh)
        fresh.rename(target)
        sync_folder(folder)
        _rotate(list(snapshots_of(data, file)))
    except (OSError, *UNREADABLE) as error:
        raise StorageError(f"{file} cannot be copied to {target}: {error}") from error
    return target


def snapshots_of(data: Path, file: Path) -> Iterator[Path]:
    """Give the copies of a database, newest first."""
    for path in sorted((data / FOLDER).glob(f"{file.stem}-*.db"), reverse=True):
        match = _NAME.fullmatch(path.name)
        if match is not None and match["name"] == file.stem:
            yield path


def names_of_copies(data: Path) -> set[str]:
    """Give the names of the databases, without their endings, that there are copies of."""
    return {match["name"] for path in (data / FOLDER).glob("*.db") if (match := _NAME.fullmatch(path.name))}


def put_back(snapshot: Path, file: Path) -> None:
    """Make a copy the database; the copy stays.

    Raises:
        StorageError: it cannot be written.
    """
    fresh = file.with_name(f"{file.name}.new")
    try:
        with closing(peek(snapshot)) as source:
            fresh.unlink(missing_ok=True)
            with closing(sqlite3.connect(fresh)) as target:
                source.backup(target)
        sync_file(fresh)
        fresh.rename(file)
        sync_folder(file.parent)
    except (OSError, *UNREADABLE) as error:
        raise StorageError(f"{snapshot} cannot be put in the place of {file}: {error}") from error


def _rotate(known: list[Path]) -> None:
    sound = [path for path in known if damage_of(path, CHECK_S) is None]
    fullest = max(sound, key=lambda path: (_weight(path), path))  # an emptier registry never replaces the last full one
    for path in known:
        if path not in sound[:KEPT] and path != fullest:
            path.unlink()


def _weight(file: Path) -> int:
    """Give how many rows the registries in a copy have: what people would miss."""
    with closing(peek(file)) as sql:
        names = [row[0] for row in sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = [name for name in names if name not in ("event", "audit", "notice", "outbox", "session", "boot")]
        return sum(int(sql.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in wanted)  # noqa: S608  # its own names

"""SQLite files: copied as they are at one moment while others write them, and looked over. Everything here runs in a thread."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
import time
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import autocore
from autocore.backup.manifest import Created
from autocore.core.discovery import FOLDER, GROUP, REPOSITORY
from autocore.core.errors import InvalidData, StorageError
from autocore.core.storage.damage import UNREADABLE

PAGES = 500  # copied at once: 2 MB, some milliseconds, then writers and a cancel have their turn
PAUSE_S = 0.002
BUSY_S = 10.0


class Snapshot:
    """A database as it is now: what is written from now on is not seen through it.

    In WAL mode an open reading transaction keeps the moment, and writers go on. In another mode it would hold them up, so there
    SQLite's copying begins again when somebody writes.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._source = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
            if self._source.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                self._source.execute("BEGIN")
                self._source.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        except UNREADABLE as error:
            raise StorageError(f"{file} cannot be copied: {error}; `autocore doctor` says more") from error

    def copy(self, target: Path, progress: Callable[[int], None]) -> None:
        """Copy it into a new file.

        Args:
            target: made anew.
            progress: told the bytes of every step; raises to end it.

        Raises:
            StorageError: the disk is full, or the source is damaged.
        """
        try:
            page = self._source.execute("PRAGMA page_size").fetchone()[0]
            into = sqlite3.connect(target, isolation_level=None)
            try:
                left = -1

                def on_step(_status: int, remaining: int, total: int) -> None:
                    nonlocal left
                    progress(((total if left < 0 else left) - remaining) * page)
                    left = remaining
                    time.sleep(PAUSE_S)  # the disk is the others' too

                self._source.backup(into, pages=PAGES, progress=on_step)
            finally:
                into.close()
        except UNREADABLE as error:
            raise StorageError(f"{self._file} cannot be copied: {error}") from error

    def close(self) -> None:
        """Let go of the moment."""
        self._source.close()


def check(file: Path, *, is_quick: bool = False) -> dict[str, int]:
    """Look a database over that nobody else has open, and give its components with their versions.

    Args:
        file: the database.
        is_quick: leave out whether the indexes fit their tables.

    Raises:
        StorageError: it is damaged.
    """
    try:
        # `immutable`: no file appears beside it, and nothing is written into it.
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            said = connection.execute(f"PRAGMA {'quick_check' if is_quick else 'integrity_check'}(3)").fetchall()
            if said != [("ok",)]:
                raise StorageError(f"the database {file.name} is damaged: {said[0][0]}")
            is_versioned = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone()
            rows = connection.execute("SELECT component, version FROM schema_version").fetchall() if is_versioned else []
            return {str(component): int(version) for component, version in rows}
    except UNREADABLE as error:
        raise StorageError(f"the database {file.name} is damaged: {error}") from error


def check_in_backup(file: Path, name: str, *, is_quick: bool = False) -> None:
    """Look over a database that came in a backup under this name.

    Raises:
        InvalidData: it is damaged, or is no database of AutoCore.
    """
    try:
        components = check(file, is_quick=is_quick)
    except StorageError as error:
        raise InvalidData(f"the backup is damaged: {name} is no sound database ({error})") from error
    wanted = {"data/state.db": "state", "data/history.db": "history"}.get(name)
    if wanted is not None and wanted not in components:
        raise InvalidData(f"{name} in the backup is no database of AutoCore; use another backup")


def newest_boot(file: Path) -> Created:
    """Give the start of the gateway that a state database knows last, without time; nothing where it cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as connection:
            return Created(boot=connection.execute("SELECT max(number) FROM boot").fetchone()[0])
    except UNREADABLE:
        return Created()


def newest_versions(config: Path) -> dict[str, int]:
    """Give the newest version that this AutoCore knows of each component, plugins of `<config>/plugins/` included.

    A component that is not there is one of a plugin that is not installed; the plugin itself refuses what is too new for it.
    """
    house = Path(autocore.__file__).parent
    places = [house, *(house.parent / REPOSITORY).glob("*/"), *(config / FOLDER).glob("*/"), *_installed()]
    known: dict[str, int] = {}
    for place in places:
        for number, component in _migrations(place):
            known[component] = max(known.get(component, 0), number)
    return known


def _installed() -> Iterator[Path]:
    """Give the folders of the plugins that other distributions brought, without importing them."""
    for point in entry_points(group=GROUP):
        package, *rest = point.value.partition(":")[0].split(".")
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place, *rest)


def _migrations(folder: Path) -> Iterator[tuple[int, str]]:
    """Give number and component of every migration: `<component>/migrations/` or `migrations/<component>/`."""
    for file in folder.rglob("[0-9][0-9][0-9][0-9]_*.sql"):
        place = file.parent
        yield int(file.name[:4]), place.parent.name if place.name == "migrations" else place.name

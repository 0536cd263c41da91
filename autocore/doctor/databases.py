"""The databases of a data folder, looked at without writing a byte beside them, and for a bounded time."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from autocore.builtin.dbml import COMPONENTS
from autocore.core.discovery import FOLDER, find_plugins
from autocore.core.storage.damage import UNREADABLE
from autocore.doctor.finding import Finding, ok, problem, size, warning

CHECK_S = 20.0  # a history of 500 MB takes longer on an SD card; what was seen until then counts
STEPS = 20_000  # of SQLite's machine between two looks at the time
LARGEST_COPY = 100_000_000  # bytes of a database whose log is still beside it: it is checked in a copy
ROLLED = "start the gateway: it sets the file aside and saves what it can; or take a backup (`autocore restore`)"


def look_at_databases(data: Path, config: Path, *, is_running: bool) -> Iterator[Finding]:
    """Say of each database whether it is there, sound, known to this program, and how large it is.

    Args:
        data: the data folder.
        config: the configuration folder, for the plugins in it.
        is_running: whether a gateway holds the folder.
    """
    for component in COMPONENTS:
        file = data / f"{component}.db"
        if file.exists():
            yield _look(file, component, newest(COMPONENTS[component]), is_running=is_running)
        elif (data / "state.db").exists() or is_running:
            todo = "the gateway makes it at its start; if it was there before, look for a copy"
            yield warning(file.name, "it is not there", todo)
        else:
            yield ok(file.name, "it is not there yet; the gateway makes it at its first start")
    known = _plugins(config)
    for file in sorted((data / "plugins").glob("*.db")):
        yield _look(file, file.stem, known.get(file.stem), is_running=is_running)


def newest(folder: Path) -> int:
    """Give the newest version that the migrations in `folder` make; 0 when there are none."""
    return max((int(file.name[:4]) for file in folder.glob("[0-9][0-9][0-9][0-9]_*.sql")), default=0)


def boots(file: Path, *, is_running: bool) -> list[tuple[int, str, int, int | None, str]]:
    """Give number, machine boot, monotonic start, offset and quality of the last starts, oldest first; none when unreadable."""
    sql = "SELECT number, machine_boot, started_ns, offset_ns, quality FROM boot ORDER BY number DESC LIMIT 200"
    try:
        with opened(file, is_running=is_running) as connection:
            return connection.execute(sql).fetchall()[::-1]
    except (*UNREADABLE, OSError, TooLarge):
        return []


class TooLarge(Exception):
    """The database would have to be copied, and is too large for that."""


def _look(file: Path, component: str, known: int | None, *, is_running: bool) -> Finding:
    part = str(file.relative_to(file.parents[1])) if file.parent.name == "plugins" else file.name
    if not file.is_file():
        return problem(part, "it is no file", "move it away; the gateway makes a new one at its next start")
    if file.stat().st_size == 0:
        return problem(part, "it is empty: what was in it is gone", ROLLED)
    return _look_inside(file, part, component, known, is_running=is_running)


def _look_inside(file: Path, part: str, component: str, known: int | None, *, is_running: bool) -> Finding:
    facts = f"{size(file.stat().st_size)}, log {size(_log_of(file))}"
    try:
        with opened(file, is_running=is_running) as connection:
            version = _version(connection, component)
            said = _quick_check(connection)
    except TooLarge:
        return warning(part, f"{facts}; its log is not folded in, so it was not checked", "start the gateway, and ask again")
    except sqlite3.OperationalError as error:
        return problem(part, f"{facts}; it cannot be read: {error}", "look at its owner and its permissions")
    except (*UNREADABLE, OSError) as error:
        return problem(part, f"{facts}; it is damaged: {error}", ROLLED)
    if said not in (None, "ok"):
        return problem(part, f"{facts}; it is damaged: {' '.join(str(said).split())[:200]}", ROLLED)
    if known is not None and version is not None and version > known:
        todo = "install the newer AutoCore again, or restore a backup of the older one"
        return problem(part, f"{facts}; its version is {version}, this AutoCore knows {known}", todo)
    state = "sound" if said == "ok" else f"sound as far as it was read in {CHECK_S:.0f} s"
    if known is not None and version is not None and version < known:
        state += f"; the next start makes it version {known}"
    return ok(part, f"{facts}; version {'none' if version is None else version}; {state}")


@contextlib.contextmanager
def opened(file: Path, *, is_running: bool) -> Iterator[sqlite3.Connection]:
    """Open a database for reading so that nothing appears beside it.

    In WAL mode even a reader makes the files of the log when they are not there. While a gateway runs they are there. Else the
    file is opened as one that nobody changes; when a log lies beside it (the gateway was killed), that is done to a copy of both.
    """
    with contextlib.ExitStack() as stack:
        mode = "ro" if is_running and _log_file(file).exists() else "ro&immutable=1"
        place = file
        if not is_running and _log_of(file):
            if file.stat().st_size + _log_of(file) > LARGEST_COPY:
                raise TooLarge
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autocore-doctor-")))
            place, mode = folder / file.name, "rw"
            shutil.copyfile(file, place)
            shutil.copyfile(_log_file(file), _log_file(place))
        connection = sqlite3.connect(f"{place.resolve().as_uri()}?mode={mode}", uri=True, timeout=1.0, isolation_level=None)
        stack.callback(connection.close)
        yield connection


def _quick_check(connection: sqlite3.Connection) -> str | None:
    """Give what SQLite finds, `ok` for nothing, None when the time was over first."""
    until = time.monotonic() + CHECK_S
    connection.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
    try:
        return str(connection.execute("PRAGMA quick_check(3)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return None
        raise
    finally:
        connection.set_progress_handler(None, 0)


def _version(connection: sqlite3.Connection, component: str) -> int | None:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone() is None:
        return None
    row = connection.execute("SELECT version FROM schema_version WHERE component = ?", (component,)).fetchone()
    return None if row is None else int(row[0])


def _plugins(config: Path) -> Mapping[str, int]:
    """Give the newest version of each plugin's tables; nothing of a plugin is run for it."""
    known: dict[str, int] = {}
    for name, point in find_plugins([config / FOLDER]).items():
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(point.module)
            if spec is not None and spec.origin is not None:
                known[name] = newest(Path(spec.origin).parent / "migrations")
    return known


def _log_file(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


def _log_of(file: Path) -> int:
    try:
        return _log_file(file).stat().st_size
    except OSError:
        return 0

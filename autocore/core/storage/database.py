"""One database file through Pony, in threads of its own. A session on the event loop's thread is refused.

Pony's sessions belong to threads: one that is held across an `await` can commit another task's work. So every piece of
work is a plain function that runs from start to end in the writer's or the reader's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from pony import orm

from autocore.core.errors import StorageError
from autocore.core.storage.damage import UNREADABLE
from autocore.core.storage.migrate import migrate

T = TypeVar("T")

BUSY_S = 10.0  # the command line may write to state.db beside a running gateway
PRAGMAS = ("synchronous = FULL", f"busy_timeout = {round(BUSY_S * 1000)}")  # what was committed survives a power cut
_TYPES: dict[str, set[type]] = {"INTEGER": {int, bool}, "REAL": {float}, "TEXT": {str}, "BLOB": {bytes}}


class _Guarded(orm.Database):  # type: ignore[misc]  # Pony ships no types
    """A Pony database that can be used only in the threads that were let in."""

    def let_in(self, name: str) -> None:
        self._let_in = name

    def _get_cache(self) -> Any:  # Pony comes through here whenever a session, a query or a connection is used
        name = getattr(self, "_let_in", None)
        if name is not None and not threading.current_thread().name.startswith(name):
            raise StorageError("a database session on the event loop's thread; use `await host.db.run(function)`")
        return super()._get_cache()


class Database:
    """A file, its Pony database and its two threads.

    Args:
        name: the component: `state`, `history` or a plugin's name.
        file: the SQLite file; made when it is missing.
        pragmas: further ones for each connection, e.g. `wal_autocheckpoint = 64`.
    """

    def __init__(self, name: str, file: Path, *, pragmas: Sequence[str] = ()) -> None:
        self.name = name
        self.file = file
        self.pony = _Guarded()
        self._pragmas = pragmas
        self._eye: sqlite3.Connection | None = None
        prefix = f"db-{name}"
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"{prefix}-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix=f"{prefix}-read")
        self.pony.let_in(prefix)

    async def open(self, migrations: Path, define: Callable[[Any], object]) -> None:
        """Migrate the file and map the entities that `define(pony database)` declares.

        Raises:
            StorageError: the file is no database, is newer than this program, cannot be written, or an entity does not fit.
        """
        await asyncio.get_running_loop().run_in_executor(self._writer, self._open, migrations, define)

    async def run(self, work: Callable[[], T]) -> T:
        """Do `work` in a session in the writer's thread; it commits at the end, or nothing of it stays."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._session, work)

    async def read(self, work: Callable[[], T]) -> T:
        """Do `work`, which only reads, in a session in the reader's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._session, work)

    async def look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in the reader's thread on a plain read-only connection: one state of the file, and no writer waits."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._look, work)

    async def limit_log(self, most: int) -> None:
        """Empty the write-ahead log when it is larger than `most` bytes: a reader who stayed long has kept it from being reused.

        It waits for the reader, at most `BUSY_S`; a log that is still in use then stays as it is.
        """
        await asyncio.get_running_loop().run_in_executor(self._writer, self._limit_log, most)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Do `work` like `run`, without waiting for it."""
        return self._writer.submit(self._session, work)

    async def reopen(self, prepare: Callable[[], T], migrations: Path, define: Callable[[Any], object]) -> T:
        """Let go of the file, do `prepare` (it may move the file away), and open what is there then, or a new one."""
        loop = asyncio.get_running_loop()
        for work in (self.pony.disconnect, self._blind):
            await loop.run_in_executor(self._reader, work)

        def again() -> T:
            self.pony.disconnect()
            answer = prepare()
            self.pony = _Guarded()
            self.pony.let_in(f"db-{self.name}")
            self._open(migrations, define)
            return answer

        return await loop.run_in_executor(self._writer, again)

    async def close(self) -> None:
        """Finish what was asked for and close the file."""
        loop = asyncio.get_running_loop()
        for pool in (self._reader, self._writer):
            await loop.run_in_executor(pool, self.pony.disconnect)
            if pool is self._reader:
                await loop.run_in_executor(pool, self._blind)
            pool.shutdown(wait=False)

    def _look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._eye is None:
                address = f"{self.file.resolve().as_uri()}?mode=ro"
                self._eye = sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)
            self._eye.execute("BEGIN")
            try:
                return work(self._eye)
            finally:
                self._eye.execute("COMMIT")
        except UNREADABLE as error:
            self._blind()  # after an error of the disk a connection may never read again: the next one begins anew
            raise StorageError(f"the {self.name} database: {error}") from error

    def _blind(self) -> None:
        eye, self._eye = self._eye, None
        if eye is not None:
            with contextlib.suppress(sqlite3.Error):
                eye.close()

    def _session(self, work: Callable[[], T]) -> T:
        try:
            with orm.db_session:
                return work()
        except (orm.DatabaseError, orm.core.TransactionError, *UNREADABLE) as error:  # a commit that fails is the latter
            raise StorageError(f"the {self.name} database: {error}") from error

    def _limit_log(self, most: int) -> None:
        try:
            if self.file.with_name(f"{self.file.name}-wal").stat().st_size <= most:
                return
        except FileNotFoundError:
            return
        self._session(self._empty_log)

    def _empty_log(self) -> None:
        connection = self.pony.get_connection()
        connection.rollback()  # Pony has begun a transaction, and in one there is no checkpoint
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _open(self, migrations: Path, define: Callable[[Any], object]) -> None:
        try:
            connection = sqlite3.connect(self.file, timeout=BUSY_S, isolation_level=None)
        except sqlite3.Error as error:
            raise StorageError(f"{self.file} cannot be opened: {error}; can this user write to the folder?") from error
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heard only while the file is new
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection, self.name, migrations)
        except UNREADABLE as error:
            raise StorageError(f"{self.file} cannot be used: {error}") from error
        finally:
            connection.close()
        self._map(define)

    def _map(self, define: Callable[[Any], object]) -> None:
        def configure(_database: Any, connection: sqlite3.Connection) -> None:
            for pragma in (*PRAGMAS, *self._pragmas):
                connection.execute(f"PRAGMA {pragma}")

        self.pony.on_connect(provider="sqlite")(configure)
        self.pony.bind(provider="sqlite", filename=str(self.file.resolve()), create_db=False, timeout=BUSY_S)
        define(self.pony)
        try:
            self.pony.generate_mapping(create_tables=False)
        except (orm.core.OrmError, orm.DatabaseError) as error:
            raise StorageError(f"the {self.name} database does not fit its models: {error}") from error
        self._session(self._check_types)

    def _check_types(self) -> None:
        """Refuse a column of another type than its attribute: Pony itself only finds a missing one."""
        for entity in self.pony.entities.values():
            columns = {
                row[1]: row[2].upper() for row in self.pony.get_connection().execute(f"PRAGMA table_info('{entity._table_}')")
            }
            for attribute in entity._attrs_:
                kinds = _TYPES.get(columns.get(attribute.column or "", ""), set())
                if kinds and attribute.py_type in {int, bool, float, str, bytes} - kinds:
                    raise StorageError(
                        f"{self.name}: {entity._table_}.{attribute.column} is {columns[attribute.column]},"
                        f" but its model says {attribute.py_type.__name__}; add a migration"
                    )

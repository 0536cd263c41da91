"""A database beside the loop: who looks, and how its log is kept small."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.core.errors import StorageError
from autocore.core.storage.database import Database


@pytest.fixture
async def trips(tmp_path: Path) -> AsyncIterator[Database]:
    (tmp_path / "0001_trip.sql").write_text("CREATE TABLE trip (text TEXT);")
    made = Database("trips", tmp_path / "trips.db", pragmas=("wal_autocheckpoint = 4",))
    await made.open(tmp_path, lambda _db: None)
    yield made
    await made.close()


async def write(trips: Database, amount: int) -> None:
    for _ in range(amount):
        await trips.run(lambda: trips.pony.get_connection().execute("INSERT INTO trip VALUES (?)", ("x" * 4_000,)))


def count(sql: sqlite3.Connection) -> int:
    return int(sql.execute("SELECT count(*) FROM trip").fetchone()[0])


async def test_whoever_looks_begins_anew_after_an_error_of_the_disk(trips: Database) -> None:
    await write(trips, 1)
    assert await trips.look(count) == 1
    broken = trips._eye

    def fail(_sql: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(StorageError, match="disk I/O error"):
        await trips.look(fail)
    assert await trips.look(count) == 1
    assert trips._eye is not broken


async def test_a_log_that_a_reader_has_kept_long_is_emptied_once_he_is_done(trips: Database, tmp_path: Path) -> None:
    await write(trips, 2)
    begun, may_end = threading.Event(), threading.Event()

    def stay(sql: sqlite3.Connection) -> int:
        seen = count(sql)
        begun.set()
        may_end.wait(10)
        return seen

    looking = asyncio.create_task(trips.look(stay))
    await asyncio.to_thread(begun.wait, 10)
    await write(trips, 50)
    log = tmp_path / "trips.db-wal"
    assert log.stat().st_size > 200_000  # nothing of it could be used again
    may_end.set()
    assert await looking == 2
    await trips.limit_log(100_000)
    assert log.stat().st_size == 0
    assert await trips.look(count) == 52

"""While the gateway runs: a file that is damaged is set aside, one that the disk only does not give is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autocore.core.clock import EARLIEST_WALL_NS
from autocore.core.errors import StorageError
from autocore.core.storage.damage import damage_of
from autocore.history import history
from autocore.history.history import JUDGE_S, UNREADABLE_S
from autocore.history.judging import damage_in_use
from autocore.testing import FakeClock
from tests.history.bench import Bench


async def opened(folder: Path) -> Bench:
    bench = Bench(folder, FakeClock(), offsets={1: EARLIEST_WALL_NS})
    await bench.history.open()
    bench.rpm.set(800.0)
    await bench.history.flush()
    bench.history.past.damage = "the history database: database disk image is malformed"
    return bench


async def test_a_whole_file_stays_where_it_is(tmp_path: Path) -> None:
    bench = await opened(tmp_path)
    await bench.history._care()
    assert bench.history.past.damage is None
    assert not (tmp_path / "history.db.damaged-1").exists()
    assert await bench.values() == [800.0]
    await bench.history.close()


async def test_a_damaged_one_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = await opened(tmp_path)
    monkeypatch.setattr(history, "damage_in_use", lambda _file, _limit_s: "it is damaged (page 3)")
    await bench.history._care()
    assert (tmp_path / "history.db.damaged-1").exists()
    assert await bench.values() == [800.0]  # salvaged
    await bench.history.close()


async def test_a_disk_that_gives_nothing_is_waited_for_and_a_place_that_never_comes_back_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = await opened(tmp_path)
    looks: list[int] = []

    def silent(_file: Path, _limit_s: float) -> str | None:
        looks.append(1)
        raise StorageError("history.db cannot be read: Input/output error")

    monkeypatch.setattr(history, "damage_in_use", silent)
    for _ in range(round(UNREADABLE_S) - 1):
        await bench.history._care()
        bench.clock.advance(1)
    assert not (tmp_path / "history.db.damaged-1").exists()
    assert len(looks) == round(UNREADABLE_S / JUDGE_S)
    bench.clock.advance(JUDGE_S)
    await bench.history._care()
    assert (tmp_path / "history.db.damaged-1").exists()
    await bench.history.close()


def test_a_file_in_use_is_looked_at_without_giving_up_its_locks(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as sql:
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute("CREATE TABLE t (x)")
        sql.execute("CREATE INDEX i ON t (x)")
        sql.executemany("INSERT INTO t VALUES (?)", [(f"somebody {number}",) for number in range(5_000)])
        assert damage_in_use(file, 10) is None
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        whole = file.read_bytes()
    (tmp_path / "y.db").write_bytes(whole[: 4096 * 5] + bytes(4096 * 2) + whole[4096 * 7 :])
    reason = damage_in_use(tmp_path / "y.db", 10)
    assert reason is not None
    assert damage_of(tmp_path / "y.db", 10) is not None


def test_what_cannot_be_read_is_no_judgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.db"
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("CREATE TABLE t (x)")
    monkeypatch.setattr("autocore.history.judging._READER", "import sys; sys.exit('Input/output error')")
    with pytest.raises(StorageError, match="Input/output error"):
        damage_in_use(file, 10)

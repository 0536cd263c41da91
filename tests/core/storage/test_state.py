"""What must be known again after any stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pony import orm

from autocore.builtin.journal import StateJournal
from autocore.builtin.keeper import RegistryKeeper
from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import StartError, StorageError
from autocore.core.kinds import Limits, Sensor, Switch
from autocore.core.model import Quality
from autocore.core.storage.database import Database
from autocore.core.storage.migrate import migrate, statements
from autocore.core.storage.state import DataFolder, KeyValue, StateStore
from autocore.plugindatabase import open_plugin_database
from autocore.testing import FakeClock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = StateStore(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize("use", ["query", "entity", "connection"])
async def test_a_session_on_the_loops_thread_is_refused(store: StateStore, use: str) -> None:
    db = store.database.pony
    ways = {
        "query": lambda: orm.select(one for one in db.Boot)[:],
        "entity": lambda: db.Setting(owner="a", name="b", value="1"),
        "connection": db.get_connection,
    }
    with pytest.raises(StorageError, match=r"host\.db\.run"), orm.db_session:
        ways[use]()


async def test_starts_are_numbered_and_never_share_a_sequence_number(store: StateStore) -> None:
    clock = FakeClock()
    first = await store.begin_boot(clock)
    second = await store.begin_boot(FakeClock(wall_ns=None))
    assert (first.number, second.number) == (1, 2)
    assert second.first_seq > first.first_seq
    assert set(second.offsets) == {1}
    await store.learn_offset(2, 77, Quality.NTP)
    third = await store.begin_boot(clock)
    assert third.offsets[2] == 77


async def test_entities_come_back_with_their_last_value(store: StateStore, tmp_path: Path) -> None:
    clock, sequence = FakeClock(), Sequence(1, lambda limit: None)
    bus = Bus(clock, sequence)
    entities = EntityRegistry(clock, sequence, bus, boot=1)
    devices = DeviceRegistry(clock, bus, approves_itself=False)
    keeper = RegistryKeeper(store, StateJournal(tmp_path), entities, devices, bus, clock)
    keeper.start()
    oil = entities.add("telemetry", Sensor("oil", device="engine", unit="bar", limits=Limits(warn_below=1.0)))
    oil.set(3.5)
    lamp = entities.add("relays", Switch("lamp", attributes={"channel": 1}))
    lamp.set(True)
    gone = entities.add("relays", Switch("gone"))
    devices.admit("engine")
    devices.approve("engine")
    clock.advance(0.3)
    await keeper._task if keeper._task else None  # type: ignore[func-returns-value]
    entities.remove(gone)
    await keeper.stop()

    again = EntityRegistry(clock, sequence, bus, boot=2)
    await store.restore(again)
    assert [one.id for one in again] == ["sensor.oil", "switch.lamp"]
    restored = again.get("sensor.oil")
    assert (restored.state.value, restored.state.available) == (3.5, False)
    assert restored.description == oil.description
    assert again.get("switch.lamp").description.attributes == {"channel": 1}
    (engine,) = await store.devices()
    assert (engine.id, engine.standing.value) == ("engine", "approved")


async def test_a_disk_that_takes_nothing_is_tried_again(
    store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, sequence = FakeClock(), Sequence(1, lambda limit: None)
    bus = Bus(clock, sequence)
    entities = EntityRegistry(clock, sequence, bus, boot=1)
    keeper = RegistryKeeper(store, StateJournal(tmp_path), entities, DeviceRegistry(clock, bus, approves_itself=True), bus, clock)
    keeper.start()
    working = store.save_entities

    async def full(*args: object) -> None:
        raise StorageError("disk full")

    monkeypatch.setattr(store, "save_entities", full)
    entities.add("telemetry", Sensor("oil")).set(1)
    clock.advance(0.3)
    assert keeper._task is not None
    await keeper._task
    monkeypatch.setattr(store, "save_entities", working)
    await keeper.stop()
    again = EntityRegistry(clock, sequence, bus, boot=2)
    await store.restore(again)
    assert "sensor.oil" in again


async def test_a_plugins_values_are_its_own(store: StateStore) -> None:
    mine, theirs = KeyValue(store, "mine"), KeyValue(store, "theirs")
    await mine.set("last", {"a": [1, None]})
    assert await mine.get("last") == {"a": [1, None]}
    assert await theirs.get("last", "nothing") == "nothing"
    await mine.set("last", None)
    assert await mine.get("last") is None


def test_one_gateway_holds_a_folder(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    first.hold()
    with pytest.raises(StartError, match=str(os.getpid())):
        second.hold()
    first.let_go()
    second.hold()
    second.let_go()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="--data"):
        DataFolder(tmp_path / "file" / "data").make()


def steps(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name[1:]}.sql").write_text(text)
    return folder


def test_a_step_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    folder = steps(
        tmp_path / "m", _0001_a="CREATE TABLE a (x);\nINSERT INTO a VALUES ('a;b');", _0002_b="CREATE TABLE b (x);\nBROKEN;"
    )
    with pytest.raises(StorageError, match="0002_b"):
        migrate(connection, "state", folder)
    assert connection.execute("SELECT x FROM a").fetchall() == [("a;b",)]
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'b'").fetchall() == []
    steps(tmp_path / "m", _0002_b="CREATE TABLE b (x);")
    assert migrate(connection, "state", folder) == 2
    assert migrate(connection, "state", folder) == 2
    connection.execute("UPDATE schema_version SET version = 9")
    with pytest.raises(StorageError, match="install the newer one"):
        migrate(connection, "state", folder)
    connection.close()


def test_statements_are_split_where_they_end() -> None:
    assert list(statements("CREATE TABLE a (\n x\n);\n-- c\nINSERT INTO a VALUES (';');\n\n")) == [
        "CREATE TABLE a (\n x\n);\n",
        "-- c\nINSERT INTO a VALUES (';');\n",
    ]


async def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"this is a photograph" * 100)
    with pytest.raises(StorageError, match=r"state\.db cannot be used"):
        await StateStore(tmp_path).open()


async def test_a_column_of_another_type_or_a_missing_one_is_found(tmp_path: Path) -> None:
    def define(db: orm.Database) -> None:
        class Trip(db.Entity):  # type: ignore[name-defined, misc]
            _table_ = "trip"
            name = orm.Required(str)
            km = orm.Required(float)

    wrong = steps(tmp_path / "w", _0001_a="CREATE TABLE trip (id INTEGER PRIMARY KEY, name TEXT, km TEXT);")
    with pytest.raises(StorageError, match=r"trip\.km is TEXT"):
        await Database("wrong", tmp_path / "w.db").open(wrong, define)
    less = steps(tmp_path / "l", _0001_a="CREATE TABLE trip (id INTEGER PRIMARY KEY, name TEXT);")
    with pytest.raises(StorageError, match="does not fit its models"):
        await Database("less", tmp_path / "l.db").open(less, define)
    steps(tmp_path / "migrations", _0001_a="CREATE TABLE trip (id INTEGER PRIMARY KEY, name TEXT, km REAL);")
    trips = await open_plugin_database(tmp_path, "trips", tmp_path, define)
    await trips.run(lambda: trips.pony.Trip(name="to the sea", km=12.5) and None)
    assert await trips.read(lambda: [one.km for one in trips.pony.Trip.select()]) == [12.5]
    with pytest.raises(StorageError):
        await trips.run(lambda: trips.pony.get_connection().execute("SELECT nonsense"))
    await trips.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from autocore.core.storage.state import StateStore
async def main():
    store = StateStore(Path(sys.argv[1]))
    await store.open()
    number = await store.get("test", "last") or 0
    while True:
        number += 1
        await store.set("test", "last", number)
        print(number, flush=True)
asyncio.run(main())
"""


def writer(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True)


async def kept_in(folder: Path) -> tuple[int, str]:
    store = StateStore(folder)
    await store.open()
    db = store.database.pony
    kept = await store.get("test", "last")
    (integrity,) = await store.database.run(lambda: db.get_connection().execute("PRAGMA integrity_check").fetchone())
    await store.close()
    return kept, integrity


async def test_what_was_said_to_be_saved_is_there_after_kill_minus_nine(tmp_path: Path) -> None:
    last = 0
    for wanted in (3, 40, 11, 90, 7):
        process = writer(tmp_path)
        assert process.stdout is not None
        said = last
        while said < last + wanted:
            said = int(await asyncio.to_thread(process.stdout.readline))
        process.send_signal(signal.SIGKILL)
        said = max([said, *(int(line) for line in process.stdout if line.endswith("\n"))])
        process.wait()
        process.stdout.close()
        kept, integrity = await kept_in(tmp_path)
        assert kept in (said, said + 1)
        assert integrity == "ok"
        last = kept

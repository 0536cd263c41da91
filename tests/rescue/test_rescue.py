"""A damaged file is set aside byte for byte, its last good copy takes over, and the owner is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autocore import running
from autocore.app import Settings
from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.errors import StartError, StorageError
from autocore.core.storage.damage import damage_of, is_damage
from autocore.core.storage.database import Database
from autocore.core.storage.state import DataFolder, StateStore
from autocore.history.readable import readable_rows
from autocore.rescue.keeper import SnapshotKeeper
from autocore.rescue.rescue import BOOT_MARGIN, rescue
from autocore.rescue.snapshots import snapshots_of, take_snapshot
from autocore.testing import Car, FakeClock


async def store_with(folder: Path, **settings: object) -> None:
    store = StateStore(folder)
    await store.open()
    await store.begin_boot(FakeClock())
    for name, value in settings.items():
        await store.set("test", name, value)
    await store.close()


async def setting(folder: Path, name: str) -> object:
    store = StateStore(folder)
    await store.open()
    value = await store.get("test", name)
    await store.close()
    return value


def rows(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as sql:
        return int(sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def flip(file: Path, place: int, value: bytes = b"\xff" * 64) -> bytes:
    data = bytearray(file.read_bytes())
    data[place : place + len(value)] = value
    file.write_bytes(data)
    return bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(file.read_bytes().replace(b"password TEXT", b"passw\xefrd TEXT")),
        lambda file: file.write_bytes(file.read_bytes().replace(b"password TEXT", b"passwprd TEXT")),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"this is a photograph" * 500),
        lambda file: flip(file, 4096, b"\x00" * 4096),
        lambda file: flip(file, 0),
        lambda file: file.write_bytes(file.read_bytes()[: 4096 * 3]),
    ],
    ids=["a name that is no text", "another name", "emptied", "another file", "a page of nought", "its head", "cut"],
)
async def test_a_damaged_state_falls_back_to_the_last_good_copy(tmp_path: Path, damage) -> None:
    await store_with(tmp_path, name="before")
    state = tmp_path / "state.db"
    assert take_snapshot(tmp_path, state) is not None
    await store_with(tmp_path, name="after")
    damage(state)
    left = state.read_bytes()
    found = rescue(tmp_path)
    assert [one.event for one in found.findings] == ["storage.restored"]
    assert "state.db.damaged-1" in found.findings[0].sentence
    assert (tmp_path / "state.db.damaged-1").read_bytes() == left
    assert await setting(tmp_path, "name") == "before"
    assert rescue(tmp_path).findings == ()


async def test_without_a_copy_it_begins_empty_and_beyond_all_numbers_given(tmp_path: Path) -> None:
    await store_with(tmp_path, name="x")
    history = sqlite3.connect(tmp_path / "history.db")
    history.executescript("CREATE TABLE span (boot, last_seq); CREATE TABLE batch (boot, last_seq);")
    history.execute("INSERT INTO batch VALUES (7, 5000)")
    history.commit()
    history.close()
    flip(tmp_path / "state.db", 0)
    found = rescue(tmp_path)
    assert [one.event for one in found.findings] == ["storage.damaged"]
    store = StateStore(tmp_path)
    await store.open()
    boot = await store.begin_boot(FakeClock(), found.floor)
    assert boot.number == 7 + BOOT_MARGIN + 1
    assert boot.first_seq > 5_000
    await store.close()


async def test_a_flipped_bit_in_what_people_wrote_is_found(tmp_path: Path) -> None:
    await store_with(tmp_path, name="before")
    state = tmp_path / "state.db"
    take_snapshot(tmp_path, state)
    with sqlite3.connect(state) as sql:
        sql.execute("UPDATE setting SET value = ? WHERE owner = 'test'", ('"befo',))
    sql.close()
    assert rescue(tmp_path).findings[0].event == "storage.restored"
    assert await setting(tmp_path, "name") == "before"


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE user SET role = 'admi.'",
        "UPDATE user SET password = CAST(password AS BLOB)",
        "UPDATE user SET created_ns = 'x'",
        "UPDATE api_token SET scopes = '[*'",
        "UPDATE device SET facts = CAST(facts AS BLOB)",
    ],
)
async def test_a_flipped_bit_in_who_may_and_what_is_known_is_found(tmp_path: Path, harm: str) -> None:
    await store_with(tmp_path, name="before")
    state = tmp_path / "state.db"
    with closing(sqlite3.connect(state, isolation_level=None)) as sql:
        sql.execute("INSERT INTO user (name, role, password, boot, created_ns) VALUES ('ana', 'admin', 'hash', 1, 2)")
        columns = "id, name, user, digest, scopes, boot, created_ns"
        sql.execute(f"INSERT INTO api_token ({columns}) VALUES ('t', 'script', 'ana', 'digest', '[]', 1, 2)")
        sql.execute("INSERT INTO device VALUES ('bar', '{}')")
    take_snapshot(tmp_path, state)
    assert rescue(tmp_path).findings == ()
    with closing(sqlite3.connect(state, isolation_level=None)) as sql:
        sql.execute(harm)
    assert [one.event for one in rescue(tmp_path).findings] == ["storage.restored"]
    assert rows(state, "user") == 1
    assert rescue(tmp_path).findings == ()


async def test_a_damaged_index_costs_no_row(tmp_path: Path) -> None:
    await store_with(tmp_path, name="before")
    state = tmp_path / "state.db"
    take_snapshot(tmp_path, state)
    with closing(sqlite3.connect(state, isolation_level=None)) as sql:
        for number in range(50):
            sql.execute("INSERT INTO session VALUES (?, ?, 1, 2, 3, NULL, '')", (f"s{number}", f"somebody{number}"))
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = sql.execute("SELECT rootpage FROM sqlite_master WHERE name = 'session_user'").fetchone()[0]
    whole = state.read_bytes()
    at = whole.index(b"somebody7", (page - 1) * 4096)
    left = flip(state, at, b"samebody7")
    found = rescue(tmp_path).findings
    assert [one.event for one in found] == ["storage.restored"]
    assert "of which none is lost" in found[0].sentence
    assert (tmp_path / "state.db.damaged-1").read_bytes() == left
    assert rows(state, "session") == 50
    assert rescue(tmp_path).findings == ()


async def test_a_state_that_is_gone_is_taken_from_its_copy_and_a_first_start_from_nothing(tmp_path: Path) -> None:
    assert rescue(tmp_path).findings == ()
    await store_with(tmp_path, name="before")
    take_snapshot(tmp_path, tmp_path / "state.db")
    (tmp_path / "state.db").unlink()
    assert rescue(tmp_path).findings[0].event == "storage.restored"


async def test_a_damaged_copy_is_passed_over(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    for name in ("first", "second"):
        await store_with(tmp_path, name=name)
        take_snapshot(tmp_path, state)
    newest = next(snapshots_of(tmp_path, state))
    flip(newest, 4096, b"\x00" * 4096)
    flip(state, 0)
    rescue(tmp_path)
    assert await setting(tmp_path, "name") == "first"


async def test_copies_are_few_and_the_fullest_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    await store_with(tmp_path, **{f"name_{number}": number for number in range(30)})
    fullest = take_snapshot(tmp_path, state)
    assert take_snapshot(tmp_path, state) is None
    with sqlite3.connect(state) as sql:
        sql.execute("DELETE FROM setting WHERE owner = 'test'")
    sql.close()
    for number in range(4):
        await store_with(tmp_path, name=number)
        take_snapshot(tmp_path, state)
    kept = list(snapshots_of(tmp_path, state))
    assert len(kept) == 3
    assert fullest in kept


async def test_copies_are_made_after_what_people_would_miss(tmp_path: Path) -> None:
    clock = FakeClock()
    sequence = Sequence(1, lambda limit: None)
    bus = Bus(clock, sequence)
    await store_with(tmp_path, name="a")
    keeper = SnapshotKeeper(tmp_path, bus, clock)
    keeper.start()

    async def minutes(number: int) -> int:
        clock.advance(60 * number)
        if keeper._task is not None:
            await keeper._task
        return len(list(snapshots_of(tmp_path, tmp_path / "state.db")))

    assert await minutes(1) == 1
    await store_with(tmp_path, name="b")
    assert await minutes(30) == 1  # nobody was told of a change
    bus.emit("user.added", {"user": "ana", "role": "admin"})
    assert await minutes(1) == 2
    await store_with(tmp_path, name="c")
    bus.emit("user.removed", {"user": "ana"})
    assert await minutes(1) == 2  # not twice in ten minutes
    newest = next(snapshots_of(tmp_path, tmp_path / "state.db"))
    await keeper.stop()
    assert next(snapshots_of(tmp_path, tmp_path / "state.db")) > newest


@pytest.mark.parametrize(
    ("whole", "flipped"),
    [(b"CREATE TABLE", b"CREATE TABL\xef"), (b"tablepizzapizza", b"tablepi\xefzapizza")],
    ids=["a word", "a name"],
)
async def test_damage_that_no_text_can_tell_is_told_all_the_same(tmp_path: Path, whole: bytes, flipped: bytes) -> None:
    file = tmp_path / "menu.db"
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("CREATE TABLE pizza (a)")
    file.write_bytes(file.read_bytes().replace(whole, flipped))
    assert "damaged" in (damage_of(file, 5.0) or "")
    with pytest.raises(StorageError) as refused:
        await Database("menu", file).open(tmp_path, lambda _db: None)
    assert is_damage(refused.value)


def test_rows_around_a_damaged_page_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.db"
    sql = sqlite3.connect(file, isolation_level=None)
    sql.execute("CREATE TABLE trip (number INTEGER PRIMARY KEY, text TEXT)")
    sql.executemany("INSERT INTO trip VALUES (?, ?)", [(number * 1_000, "x" * 200) for number in range(2_000)])
    sql.close()
    flip(file, 4096 * 50, b"\x00" * 4096)
    assert damage_of(file, 5.0) is not None
    broken = sqlite3.connect(file, isolation_level=None)
    found = list(readable_rows(broken, "trip", "number"))
    broken.close()
    rows = [row for some in found for row in some or ()]
    assert found.count(None) == 1
    assert 1_950 < len(rows) < 2_000
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)


def test_a_folder_that_was_not_let_go_is_suspect(tmp_path: Path) -> None:
    first = DataFolder(tmp_path)
    first.hold()
    assert first.was_clean
    first.let_go()
    second = DataFolder(tmp_path)
    second.hold()
    assert second.was_clean
    second._lock = None  # as a crash leaves it: nobody let go
    third = DataFolder(tmp_path)
    with pytest.raises(StartError):  # in this process the descriptor lives on
        third.hold()
    (tmp_path / "autocore.lock").rename(tmp_path / "old.lock")
    (tmp_path / "autocore.lock").write_text("123")
    third.hold()
    assert not third.was_clean
    third.let_go()


def test_looking_for_a_restore_leaves_the_mark_of_a_crash(tmp_path: Path) -> None:
    (tmp_path / "autocore.lock").write_text("123")
    assert running._restore(Settings(tmp_path, tmp_path)) is None
    folder = DataFolder(tmp_path)
    folder.hold()
    assert not folder.was_clean
    folder.let_go()
    assert running._restore(Settings(tmp_path, tmp_path)) is None
    folder.hold()
    assert folder.was_clean
    folder.let_go()


async def test_a_gateway_with_a_damaged_state_starts_and_tells(car: Car) -> None:
    await car.start("telemetry:")
    board = car.board("cabin")
    board.measure(temperature=21.5)
    data = car.folder / "data"
    await car.advance(s=1)
    await car.until(lambda: rows(data / "state.db", "last_state"))
    await car.advance(s=5)
    await car.until(lambda: any(snapshots_of(data, data / "state.db")))
    await car.stop()
    flip(data / "state.db", 0)
    await car.start("telemetry:")
    web = await car.web()
    notices = (await web.get("/api/v1/notices")).json()["items"]
    assert any("state.db.damaged-1" in one["text"] for one in notices)
    assert car.entity("sensor.cabin_temperature").state.value == 21.5
    events = (await web.get("/api/v1/events?type=storage.")).json()["items"]
    assert [one["type"] for one in events] == ["storage.restored"]

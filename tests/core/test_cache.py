"""The cache holds JSON, a tampered file runs nothing, and whatever becomes of its disk is only a miss for its user."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from autocore.core.cache import PICKLED, Cache, OwnedCache


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (os.environ["TRAP"],))


@pytest.fixture
def cache(tmp_path: Path):
    made = Cache(tmp_path / "cache")
    yield made
    made.close()


def test_values_come_back_for_their_owner_only(tmp_path: Path, cache: Cache) -> None:
    can, themes = OwnedCache(cache, "can"), OwnedCache(cache, "themes")
    can.set("dbc", {"signals": ["rpm", 1, 2.5, None, True]})
    assert can.get("dbc") == {"signals": ["rpm", 1, 2.5, None, True]}
    assert themes.get("dbc", "nothing") == "nothing"
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_what_is_not_there_is_made_once(cache: Cache) -> None:
    can = OwnedCache(cache, "can")
    assert [can.get_or_make("x", lambda: None) for _ in range(2)] == [None, None]
    assert can.get_or_make("x", lambda: pytest.fail("it is there")) is None
    assert can.get_or_make("y", lambda: [1]) == [1]
    with pytest.raises(ZeroDivisionError):
        can.get_or_make("z", lambda: 1 // 0)


def test_a_pickle_that_somebody_put_there_is_not_read(tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    cache.set("can", "dbc", "good")
    cache.close()
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as db:
        db.execute("UPDATE Cache SET mode = ?, value = ?", (PICKLED, sqlite3.Binary(pickle.dumps(Trap()))))
    assert Cache(tmp_path / "cache").get("can", "dbc", "nothing") == "nothing"
    assert not (tmp_path / "sprung").exists()


def test_a_folder_that_is_deleted_under_it_is_made_anew(tmp_path: Path, cache: Cache) -> None:
    for value in range(3):
        cache.set("can", "dbc", value)
        assert cache.get("can", "dbc") == value
        shutil.rmtree(tmp_path / "cache")
        assert cache.get("can", "dbc", "gone") == "gone"
    assert cache.failures == 0
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_a_folder_that_is_deleted_while_it_is_used_costs_only_misses(tmp_path: Path, cache: Cache) -> None:
    stop = threading.Event()

    def vandal() -> None:
        while not stop.is_set():
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)

    thread = threading.Thread(target=vandal)
    thread.start()
    try:
        for number in range(60):
            key = f"key{number % 7}"
            cache.set("can", key, [key, "x" * 50_000 * (number % 3)])  # the large ones lie in files of their own
            found = cache.get("can", key, "gone")
            assert found == "gone" or found[0] == key
    finally:
        stop.set()
        thread.join()
    cache.set("can", "dbc", "again")
    assert cache.get("can", "dbc") == "again"


@pytest.mark.parametrize("damage", ["nonsense", "empty", "short", "folder"])
def test_a_damaged_file_is_only_a_miss(tmp_path: Path, cache: Cache, damage: str) -> None:
    for number in range(200):
        cache.set("can", f"key{number}", "x" * 100)
    cache.close()
    file = tmp_path / "cache" / "cache.db"
    for name in ("cache.db-wal", "cache.db-shm"):
        (file.parent / name).unlink(missing_ok=True)
    content = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    else:
        file.write_bytes({"nonsense": b"no database " * 999, "empty": b"", "short": content[: len(content) // 2]}[damage])
    values = {cache.get("can", f"key{number}", "gone") for number in range(200)}
    assert values <= {"gone", "x" * 100}
    cache.set("can", "key", 1)
    assert cache.get("can", "key") == (None if damage == "folder" else 1)
    assert (cache.failures > 0) == (damage == "folder")


def test_flipped_bytes_give_the_value_or_nothing_and_never_another(tmp_path: Path, cache: Cache) -> None:
    chance = random.Random(4)  # damage, not a secret
    file = tmp_path / "cache" / "cache.db"
    for number in range(30):
        cache.set("can", f"key{number}", {"number": number})
    cache.close()
    whole = file.read_bytes()
    for _ in range(25):
        shutil.rmtree(tmp_path / "cache")
        file.parent.mkdir()
        broken = bytearray(whole)
        for _ in range(20):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        file.write_bytes(broken)
        again = Cache(tmp_path / "cache")
        for number in range(30):
            assert again.get("can", f"key{number}") in (None, {"number": number})
        again.set("can", "key1", "new")
        again.close()


def test_a_full_disk_keeps_nothing_says_so_once_and_is_counted(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    cache.set("can", "small", 1)
    opened = cache._opened

    def small() -> object:
        made = opened()
        made._con.execute("PRAGMA max_page_count = 1")  # what SQLite says then is what it says of a full disk
        return made

    cache._opened = small  # type: ignore[method-assign]
    cache.close()
    can = OwnedCache(cache, "can")
    assert [can.get_or_make(f"key{number}", lambda: "y" * 20_000) for number in range(3)] == ["y" * 20_000] * 3
    assert cache.failures == 3
    assert len([one for one in caplog.records if one.name == "autocore.cache"]) == 1
    assert can.get("small") == 1  # what was there is there
    cache._opened = opened  # type: ignore[method-assign]
    cache.close()
    cache.set("can", "key1", "room again")
    assert cache.get("can", "key1") == "room again"


def test_a_folder_that_cannot_be_made_is_no_error_of_its_user(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")
    assert cache.get("can", "dbc", "nothing") == "nothing"
    cache.set("can", "dbc", 1)
    assert cache.failures == 2

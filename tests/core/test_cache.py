"""The cache holds JSON, and a tampered file runs nothing."""

from __future__ import annotations

import os
import pickle
import sqlite3
from pathlib import Path

from autocore.core.cache import PICKLED, Cache, OwnedCache


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.mkdir, (os.environ["TRAP"],))


def test_values_come_back_for_their_owner_only(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    can, themes = OwnedCache(cache, "can"), OwnedCache(cache, "themes")
    can.set("dbc", {"signals": ["rpm", 1, 2.5, None, True]})
    assert can.get("dbc") == {"signals": ["rpm", 1, 2.5, None, True]}
    assert themes.get("dbc", "nothing") == "nothing"
    cache.close()
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0


def test_a_pickle_that_somebody_put_there_is_not_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    cache = Cache(tmp_path / "cache")
    cache.set("can", "dbc", "good")
    cache.close()
    with sqlite3.connect(tmp_path / "cache" / "cache.db") as db:
        db.execute("UPDATE Cache SET mode = ?, value = ?", (PICKLED, sqlite3.Binary(pickle.dumps(Trap()))))
    assert cache_again(tmp_path).get("can", "dbc", "nothing") == "nothing"
    assert not (tmp_path / "sprung").exists()


def cache_again(folder: Path) -> Cache:
    return Cache(folder / "cache")

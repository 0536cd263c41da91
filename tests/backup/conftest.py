"""A vehicle's folders as a gateway leaves them, without a gateway."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autocore.backup.archive import Work
from autocore.backup.contents import survey
from autocore.backup.making import Wish, make
from autocore.backup.shelf import Shelf

CONFIG = """
autocore: {name: Blue bus}
can: {dbc: [cars/bus.dbc]}
telemetry: !include parts/telemetry.yaml
mqtt: {broker: !secret broker}
"""
TEXTS = {
    "config/config.yaml": CONFIG,
    "config/config.d/themes.yaml": "active: AutoCore\n",
    "config/parts/telemetry.yaml": "expires_after: 10min\n",
    "config/cars/bus.dbc": 'VERSION "1"\n',
    "config/secrets.yaml": "broker: mqtt://gateway:hush@127.0.0.1\n",
    "config/plugins/fridge.py": "# a plugin\n",
    "data/plugins/can/bus.dbc": 'VERSION "2"\n',
    "data/session.key": "a key",
    "data/broker/gateway.secret": "a secret",
    "data/broker/accounts.json": "{}",
}
STRAY = {
    "config/holiday.jpg": "a picture",
    "data/autocore-setup.txt": "CODE",
    "data/logs/autocore.log": "a line",
    "data/cache/cache.db": "made again",
    "data/autocore.lock": "",
    "data/broker/mosquitto.db": "the broker's own",
    "data/state.db.damaged-1": "set aside",
    "data/states.1": "a journal",
}


class Vehicle:
    """A configuration folder and a data folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.config, self.data = root, root / "config", root / "data"

    def fill(self, rows: int = 300, *, mark: str = "x") -> Vehicle:
        for name, text in (TEXTS | STRAY).items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in ("state", "history", "plugins/fridge"):
            with closing(sqlite3.connect(self.data / f"{name}.db")) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("CREATE TABLE schema_version (component TEXT PRIMARY KEY, version INTEGER)")
                connection.execute("INSERT INTO schema_version VALUES (?, 1)", (name.rpartition("/")[2],))
                connection.execute("CREATE TABLE sample (n INTEGER PRIMARY KEY, content TEXT)")
                connection.executemany("INSERT INTO sample VALUES (?, ?)", [(n, mark * 200) for n in range(rows)])
                connection.commit()
        return self

    def back_up(self, **more: object) -> Path:
        made = make(Wish(self.config, self.data, **more), Work())  # type: ignore[arg-type]  # of a test
        return Shelf(self.data).path(made.name)

    def rows(self, name: str) -> list[tuple[int, str]]:
        with closing(sqlite3.connect(self.data / name)) as connection:
            return connection.execute("SELECT n, content FROM sample ORDER BY n").fetchall()

    def hashes(self) -> dict[str, str]:
        """Give the hash of every file that belongs to a backup; the vehicle stands still."""
        found = survey(self.config, self.data).files.values()
        return {one.name: hashlib.sha256(one.path.read_bytes()).hexdigest() for one in found}

    def everything(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and "backups" not in path.parts
        }


@pytest.fixture
def vehicle(tmp_path: Path) -> Vehicle:
    return Vehicle(tmp_path / "bus").fill()


@pytest.fixture
def blank(tmp_path: Path) -> Vehicle:
    made = Vehicle(tmp_path / "blank")
    made.data.mkdir(parents=True)
    return made

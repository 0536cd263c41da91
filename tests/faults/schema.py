"""Every version of every database, as a dump with typical rows under `tests/data/schema`: what owners have must still migrate.

`python -m tests.faults.schema` (or `script/schema`) writes the dumps that are missing. One that is there is never written anew:
it is what that version wrote.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from typing import Any

import autocore_plugins
from autocore.core.storage import migrate as migrating
from autocore.core.storage.state import MIGRATIONS as STATE_MIGRATIONS
from autocore.history.history import MIGRATIONS as HISTORY_MIGRATIONS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "data" / "schema"
BIG = 1 << 40
Rows = dict[str, list[dict[str, Any]]]


def components() -> dict[str, Path]:
    """Give the folder of migrations of each database, by the component's name."""
    plugins = Path(autocore_plugins.__path__[0])
    of_plugins = {folder.parent.name: folder for folder in sorted(plugins.glob("*/migrations"))}
    return {"state": STATE_MIGRATIONS / "state", "history": HISTORY_MIGRATIONS, **of_plugins}


def newest(component: str) -> int:
    """Give the newest version of a component."""
    return max(int(file.name[:4]) for file in components()[component].glob("*.sql"))


def versions() -> Iterator[tuple[str, int]]:
    """Give every version of every component."""
    for component, folder in components().items():
        for file in sorted(folder.glob("*.sql")):
            yield component, int(file.name[:4])


def dump_of(component: str, version: int) -> Path:
    """Give where the dump of a version is."""
    return FOLDER / f"{component}-{version}.sql"


def migrated(connection: sqlite3.Connection, component: str, version: int) -> None:
    """Bring a database to exactly this version."""
    with tempfile.TemporaryDirectory() as folder:
        for file in components()[component].glob("*.sql"):
            if int(file.name[:4]) <= version:
                copyfile(file, Path(folder) / file.name)
        migrating.migrate(connection, component, Path(folder))


def load(component: str, version: int, file: Path) -> None:
    """Make a database of a dump."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(dump_of(component, version).read_text(encoding="utf-8"))


def meaning(connection: sqlite3.Connection, columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of some columns by table, in an order of their own; what only points at another row is what it points at."""
    found = {}
    for table, names in columns.items():
        wanted, source = [f"{table}.{name}" for name in names], table
        if table == "last_state" and "number" in columns_of(connection)["entity"]:
            source = "last_state JOIN entity ON entity.number = last_state.entity"
            wanted = ["entity.id" if name == "entity" else f"last_state.{name}" for name in names]
        found[table] = sorted(connection.execute(f"SELECT {', '.join(wanted)} FROM {source}").fetchall(), key=repr)
    return found


def columns_of(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Give the columns of every table but that of the versions."""
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
        for table in tables
        if table != "schema_version" and not table.startswith("sqlite_")
    }


def fill(connection: sqlite3.Connection, component: str) -> None:
    """Put typical rows into every table of a database; a table that nobody wrote rows for is an error."""
    rows: Rows = {"state": state_rows, "history": history_rows, "telegram": telegram_rows}[component]()
    made = columns_of(connection)
    is_numbered = "number" in made.get("entity", [])
    for table, names in made.items():
        if component == "history" and table not in rows:
            continue  # packed: written below by what reads it
        for row in rows[table]:
            values = {name: value for name, value in row.items() if name in names}
            if table == "last_state" and is_numbered:
                sql = "SELECT number FROM entity WHERE id = ?"
                values["entity"] = connection.execute(sql, (row["entity"],)).fetchone()[0]
            marks = ", ".join("?" * len(values))
            connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
    if "batch" in made:
        _pack(connection)


def state_rows() -> Rows:
    """Give rows of state.db, with the columns of every version."""
    text = "Öldruck \"vorn\" 'links'; -- no comment\nsecond line"
    limits = {"warn_above": 110.0, "warn_below": None, "critical_above": 120.5, "critical_below": None, "hysteresis": 1.0}
    about = {"name": text, "device": "engine", "unit": "°C", "limits": limits, "attributes": {"channel": 1, "tags": ["a", "b"]}}
    entities = ["sensor.engine_oil", "sensor.where", "switch.light_bar", "binary_sensor.door", "text.note"]
    values: list[Any] = [81.25, {"latitude": -23.5, "longitude": -46.6, "altitude": None}, True, False, text]
    return {
        "boot": [
            {"number": 1, "machine_boot": "b1", "started_ns": 5, "offset_ns": None, "quality": "unset"},
            {"number": 2, "machine_boot": "b1", "started_ns": BIG, "offset_ns": 1_767_225_600 * 10**9, "quality": "ntp"},
        ],
        "setting": [
            {"owner": "core", "name": "seq_limit", "value": str(BIG)},
            {"owner": "themes", "name": "chosen", "value": json.dumps({"name": text, "colours": ["#fff"]})},
        ],
        "entity": [
            {
                "id": one,
                "owner": "telemetry",
                "kind": one.split(".")[0],
                "description": json.dumps(about),
                "overrides": json.dumps({"name": "Oil"} if one == entities[0] else {}),
            }
            for one in entities
        ],
        "last_state": [
            {"entity": one, "value": json.dumps(value), "changed_ns": number, "updated_ns": BIG, "boot": 2, "seq": BIG + number}
            for number, (one, value) in enumerate(zip(entities, values, strict=True))
        ],
        **_people_rows(text),
        **_happened_rows(text),
        "device": [{"id": "engine", "facts": json.dumps({"id": "engine", "standing": "approved", "name": text})}],
        "credential": [
            {"device": "engine", "salt": "c2FsdHNhbHQ=", "digest": "ZGlnZXN0", "iterations": 101, "boot": 2, "issued_ns": BIG}
        ],
    }


def _people_rows(text: str) -> Rows:
    return {
        "user": [
            {
                "name": "ana",
                "role": "admin",
                "password": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
                "boot": 1,
                "created_ns": 7,
                "pin": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$cGlu",
            },
            {"name": "joão", "role": "viewer", "password": "$argon2id$x", "boot": 2, "created_ns": BIG, "pin": ""},
        ],
        "session": [
            {
                "id": "s1",
                "user": "ana",
                "boot": 2,
                "started_ns": 9,
                "lasts_s": 86_400,
                "expires_wall_ns": None,
                "address": "192.168.4.2",
            }
        ],
        "api_token": [
            {
                "id": "t1",
                "name": text,
                "user": "ana",
                "digest": "ab" * 32,
                "scopes": '["read:*"]',
                "boot": 2,
                "created_ns": 8,
                "lasts_s": None,
                "expires_wall_ns": None,
                "used_boot": 2,
                "used_ns": 9,
            }
        ],
    }


def _happened_rows(text: str) -> Rows:
    return {
        "audit": [
            {
                "seq": BIG + number,
                "boot": 2,
                "at_ns": number,
                "who": "ana",
                "via": "rest",
                "address": "",
                "service": "switch.turn_on",
                "data": '{"pin": "***"}',
                "outcome": outcome,
                "detail": text,
                "latency_s": 0.0125,
                "kind": "act",
                "number": 1 + number,
                "mac": bytes([number]) * 32,
            }
            for number, outcome in enumerate(("done", "refused", "failed"))
        ],
        "notice": [
            {
                "id": number,
                "boot": 2,
                "at_ns": number,
                "wall_ns": None if number == 1 else BIG,
                "source": "limits",
                "key": "oil",
                "severity": "critical",
                "title": "AutoCore",
                "text": text,
                "count": number,
                "is_routed": number % 2,
            }
            for number in (1, 2)
        ],
        "outbox": [{"channel": "telegram", "notice": 1}, {"channel": "telegram", "notice": 2}],
        "event": [
            {
                "seq": BIG + 10 + number,
                "boot": 2,
                "at_ns": number,
                "type": name,
                "data": json.dumps({"device": "winch", "text": text}),
                "via": "internal",
                "who": "",
                "class": kind,
            }
            for number, (name, kind) in enumerate(
                [("device.offline", "warning"), ("plugin.failed", "error"), ("device.found", "info"), ("device.error", "error")]
            )
        ],
    }


def history_rows() -> Rows:
    """Give rows of history.db as the first version wrote them: every kind of value, two starts of the gateway."""
    names = ["sensor.engine_oil", "switch.light_bar", "text.note"]
    samples: list[dict[str, Any]] = []
    for number in range(240):
        boot, series = 1 + number // 120, 1 + number % 3
        value: Any = (20.5 + number / 8, number % 2, f"note {number}")[series - 1]
        if number % 50 == 49:
            value = None  # it became unavailable
        at_ns = (number % 120) * 1_000_000_000 + 5
        samples.append({"seq": 1_000 + number, "series": series, "boot": boot, "mono_ns": at_ns, "value": value})
    series = [{"number": one + 1, "entity": name} for one, name in enumerate(names)]
    return {"series": series, "series_copy": series, "sample": samples}


def telegram_rows() -> Rows:
    """Give rows of the plugin telegram."""
    message = {"title": "AutoCore", "text": "Óleo 'baixo'\n1 bar", "severity": "critical", "rank": 3, "source": "limits"}
    return {
        "message": [
            {**message, "id": 1, "chat": 0, "at": None, "at_ns": None, "run": "r1", "count": 1},
            {**message, "id": 7, "chat": -100_123, "at": "2026-05-01T12:00:00Z", "at_ns": BIG, "run": "r2", "count": 3},
        ],
        "loss": [{"chat": -100_123, "number": 4}],
        "taken": [{"id": 1, "digest": "cd" * 32}],
    }


def _pack(connection: sqlite3.Connection) -> None:
    """Write a finished span and one that is not finished, by what reads them."""
    from autocore.history.columns import by_series  # noqa: PLC0415  # a version that packs has them
    from autocore.history.recorder import Row, batch_of  # noqa: PLC0415
    from autocore.history.shelf import Losses, Shelf  # noqa: PLC0415

    shelf, first_span = Shelf(connection, Losses()), 2 << 20  # as the second start numbers them
    for span in (first_span, first_span + 1):
        first = span - first_span
        rows: list[Row] = [
            (
                1 + number % 3,
                10_000 + 1_000 * first + number,
                (3_600 * first + number) * 10**9,
                (0.5 * number, 1, "ação")[number % 3],
            )
            for number in range(90)
        ]
        batch = batch_of(rows)
        shelf.write([], span, 2, batch)
        if span == first_span:
            shelf.put_series(span, by_series([batch]).items(), frozenset())
            shelf.finish(span)


def write_missing() -> list[Path]:
    """Write the dumps that are missing, and give them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    made = []
    for component, version in versions():
        file = dump_of(component, version)
        if file.exists():
            continue
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            migrated(connection, component, version)
            fill(connection, component)
            file.write_text("\n".join([*connection.iterdump(), ""]), encoding="utf-8")
        made.append(file)
    return made


if __name__ == "__main__":
    for one in write_missing():
        print(one.relative_to(ROOT))
    sys.exit(0)

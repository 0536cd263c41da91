"""R16: databases of every version are opened by this one, and the upgrade dies at every statement.

For each dump in `tests/data/schema` the migrations run to the newest version: every row of every table must be there with the
same meaning, SQLite must find nothing wrong, and the gateway's own code must read it. Then the upgrade is done again and
again, and each time it dies before another statement: once the process is gone (as after `kill -9`), once the statement
fails. What is left must be one whole version with the data equal, and a second attempt must end as if there had been only
one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from autocore.core.clock import NS, Timeline
from autocore.core.config.sections import HistorySection
from autocore.core.errors import StorageError
from autocore.core.storage.migrate import migrate
from autocore.core.storage.state import StateStore
from autocore.history.history import History
from autocore.testing import FakeClock
from tests.faults import schema
from tests.faults.gateway import scratch
from tests.faults.record import Findings, run_as_command

HOW = ("killed", "failed")


class Mortal(sqlite3.Connection):
    """A connection whose statement number `dies_at` is its last one."""

    dies_at = -1
    how = HOW[0]
    done = 0

    def execute(self, *words: Any) -> sqlite3.Cursor:
        if self.done == self.dies_at:
            self.dies_at = -1
            if self.how == "killed":
                os._exit(9)
            raise sqlite3.OperationalError("disk I/O error")
        self.done += 1
        return super().execute(*words)


def upgrade(component: str, file: Path, dies_at: int = -1, how: str = "failed") -> int:
    """Migrate a file to the newest version, dying before a statement; give how many statements it took."""
    with closing(sqlite3.connect(file, isolation_level=None, factory=Mortal)) as connection:
        connection.dies_at, connection.how = dies_at, how
        migrate(connection, component, schema.components()[component])
        return connection.done


def upgrade_in_child(component: str, file: Path, dies_at: int) -> bool:
    """Upgrade in a process that is gone before the statement `dies_at`; say whether it was."""
    child = os.fork()
    if child == 0:
        try:
            upgrade(component, file, dies_at, "killed")
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 9


def contents(file: Path) -> list[str]:
    """Give everything in a database, as SQL."""
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def try_upgrade(component: str, version: int, found: Findings) -> list[str]:
    """Upgrade a dump without a fault, and give what there is then."""
    found.runs += 1
    what = f"{component} {version}"
    with scratch() as folder:
        file = folder / f"{component}.db"
        schema.load(component, version, file)
        with closing(sqlite3.connect(file)) as connection:
            columns = schema.columns_of(connection)
            before = schema.meaning(connection, columns)
        found.add("rows", sum(len(rows) for rows in before.values()))
        upgrade(component, file)
        with closing(sqlite3.connect(file)) as connection:
            after = schema.meaning(connection, columns)
            integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
            reached = connection.execute("SELECT version FROM schema_version").fetchone()[0]
        for table, rows in before.items():
            if after[table] != rows:
                found.fail(f"{what}: {table} is not what it was")
        if integrity != "ok":
            found.fail(f"{what}: {integrity}")
        if reached != schema.newest(component):
            found.fail(f"{what}: version {reached} was reached")
        return contents(file)


def try_deaths(component: str, version: int, whole: list[str], found: Findings) -> None:
    """Let the upgrade die before every statement, in both ways."""
    with scratch() as folder:
        first = folder / "first.db"
        schema.load(component, version, first)
        statements = upgrade(component, first)
    for dies_at in range(statements):
        for how in HOW:
            found.runs += 1
            found.add(how)
            what = f"{component} {version}, {how} before statement {dies_at}"
            with scratch() as folder:
                file = folder / f"{component}.db"
                schema.load(component, version, file)
                _die(component, file, dies_at, how, what, found)
                reached = _version_of(file)
                if not version <= reached <= schema.newest(component):
                    found.fail(f"{what}: it is version {reached} then")
                elif contents(file) != _straight(component, version, reached):
                    found.fail(f"{what}: it is no whole version {reached}")
                upgrade(component, file)
                if contents(file) != whole:
                    found.fail(f"{what}: the second attempt ends otherwise")


def _die(component: str, file: Path, dies_at: int, how: str, what: str, found: Findings) -> None:
    if how == "killed":
        if not upgrade_in_child(component, file, dies_at):
            found.fail(f"{what}: it lived")
        return
    try:
        upgrade(component, file, dies_at)
    except (StorageError, sqlite3.Error):
        return
    found.fail(f"{what}: it went on")


def _straight(component: str, version: int, reached: int) -> list[str]:
    """Give what there is in a dump that was brought to the version `reached` without a fault."""
    with scratch() as folder:
        file = folder / "straight.db"
        schema.load(component, version, file)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            schema.migrated(connection, component, reached)
        return contents(file)


def _version_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT version FROM schema_version").fetchone()[0])


async def read_state(version: int) -> str | None:
    """Open a state.db of this version as the gateway does; give what is wrong."""
    with scratch() as folder:
        schema.load("state", version, folder / "state.db")
        store = StateStore(folder)
        await store.open()
        try:
            db = store.database.pony
            users = await store.database.read(lambda: sorted(row.name for row in db.User.select()))
            chosen = await store.get("themes", "chosen")
            boot = await store.begin_boot(FakeClock())
        finally:
            await store.close()
    if users != ["ana", "joão"] or chosen["colours"] != ["#fff"]:
        return f"state {version}: it reads {users}, {chosen}"
    if boot.number != 3 or boot.first_seq < schema.BIG:
        return f"state {version}: the next start is {boot}"
    return None


async def read_history(version: int) -> str | None:
    """Open a history.db of this version as the gateway does; give what is wrong."""
    expected = [20.5 + number / 8 if number % 50 != 49 else None for number in range(0, 240, 3)]
    clock = FakeClock()
    now_ns, _ = clock.wall_ns()
    offset_ns = (now_ns or 0) - clock.monotonic_ns()
    timeline = Timeline({1: offset_ns - 7_200 * NS, 2: offset_ns - 6_000 * NS, 3: offset_ns})
    with scratch() as folder:
        schema.load("history", version, folder / "history.db")
        history = History(clock, folder, timeline, boot=3, section=HistorySection())
        await history.open()
        try:
            while await history.upkeep.move_old_rows():  # it does so by itself, beside what comes in
                pass
            points = await history.query("sensor.engine_oil", from_ns=0, points=1_000)
            values = [one.value for one in points if one.seq < 10_000]
        finally:
            await history.close()
    return f"history {version}: it reads {len(values)} of {len(expected)} values: {values[:5]}" if values != expected else None


READ: dict[str, Callable[[int], Any]] = {"state": read_state, "history": read_history}


def run(found: Findings, *, deaths: bool) -> Findings:
    """Try every version of every component, with every death too when `deaths`."""
    for component, version in schema.versions():
        whole = try_upgrade(component, version, found)
        if deaths:
            try_deaths(component, version, whole, found)
        if component in READ:
            wrong = asyncio.run(READ[component](version))
            if wrong is not None:
                found.fail(wrong)
    found.figures["versions"] = len(list(schema.versions()))
    return found


def full(_options: argparse.Namespace) -> Findings:
    """Do all of it: there are only so many statements."""
    return run(Findings(), deaths=True)


if __name__ == "__main__":
    run_as_command("R16", __doc__, full, runs=1)

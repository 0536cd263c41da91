"""R16 in full, because it takes seconds; and every version has its dump."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.faults import schema
from tests.faults.r16_migrations import READ, try_deaths, try_upgrade
from tests.faults.record import Findings

VERSIONS = list(schema.versions())


def test_every_version_has_a_dump() -> None:
    missing = [schema.dump_of(*one).name for one in VERSIONS if not schema.dump_of(*one).exists()]
    assert missing == [], "run script/schema"


@pytest.mark.parametrize(("component", "version"), VERSIONS)
def test_a_dump_is_of_its_version_and_has_rows_in_every_table(component: str, version: int) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(schema.dump_of(component, version).read_text(encoding="utf-8"))
        assert connection.execute("SELECT component, version FROM schema_version").fetchall() == [(component, version)]
        empty = [
            table
            for table in schema.columns_of(connection)
            if not connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        ]
        assert empty == []


@pytest.mark.parametrize(("component", "version"), VERSIONS)
def test_an_upgrade_keeps_everything_and_may_die_at_any_statement(component: str, version: int) -> None:
    found = Findings()
    whole = try_upgrade(component, version, found)
    try_deaths(component, version, whole, found)
    assert found.failures == []
    assert found.figures["rows"] > 0


@pytest.mark.parametrize(("component", "version"), [one for one in VERSIONS if one[0] in READ])
async def test_the_gateway_reads_what_an_earlier_version_wrote(component: str, version: int) -> None:
    assert await READ[component](version) is None

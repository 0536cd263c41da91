"""Numbered SQL files, each run once and whole. A crash in the middle of one leaves the one before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from autocore.core.errors import StorageError
from autocore.core.storage.damage import UNREADABLE


def migrate(connection: sqlite3.Connection, component: str, folder: Path) -> int:
    """Bring the tables of `component` to the newest version and give its number.

    Args:
        connection: in autocommit mode (`isolation_level=None`).
        component: `state`, `history` or a plugin's name.
        folder: holds `0001_name.sql`, `0002_name.sql` …

    Raises:
        StorageError: the database is newer than this program, or a step failed.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    steps = sorted((int(file.name[:4]), file) for file in folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    newest = steps[-1][0] if steps else 0
    row = connection.execute("SELECT version FROM schema_version WHERE component = ?", (component,)).fetchone()
    version = row[0] if row else 0
    if version > newest:
        raise StorageError(
            f"the {component} database has version {version}, this AutoCore knows {newest}; install the newer one again"
        )
    for number, file in steps:
        if number > version:
            _run(connection, component, number, file)
    return newest


def _run(connection: sqlite3.Connection, component: str, number: int, file: Path) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements(file.read_text(encoding="utf-8")):
            connection.execute(statement)
        connection.execute("INSERT OR REPLACE INTO schema_version VALUES (?, ?)", (component, number))
        connection.execute("COMMIT")
    except UNREADABLE as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise StorageError(f"migration {file.name} of {component} failed and was taken back: {error}") from error


def statements(script: str) -> Iterator[str]:
    """Give the statements of an SQL script one by one (`executescript` would commit between them)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement

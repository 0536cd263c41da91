"""The databases as DBML (https://dbml.dbdiagram.io/docs), read from what the migrations make: it cannot be out of date."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from autocore.core.storage.migrate import statements
from autocore.core.storage.state import MIGRATIONS

COMPONENTS = {"state": MIGRATIONS / "state", "history": Path(__file__).parent.parent / "history" / "migrations"}


def document() -> str:
    """Give the tables of state.db and history.db."""
    parts = ["// Made by `autocore schema`; change the migrations instead."]
    for component, folder in COMPONENTS.items():
        parts += [f"// {component}.db", *tables(folder)]
    return "\n\n".join(parts) + "\n"


def tables(migrations: Path) -> list[str]:
    """Give each table that a folder of migrations makes, as DBML."""
    connection = sqlite3.connect(":memory:")
    try:
        for file in sorted(migrations.glob("[0-9]*.sql")):
            for statement in statements(file.read_text(encoding="utf-8")):
                connection.execute(statement)
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        return [_table(connection, name) for (name,) in names.fetchall()]
    finally:
        connection.close()


def _table(connection: sqlite3.Connection, name: str) -> str:
    columns = connection.execute(f"PRAGMA table_info('{name}')").fetchall()
    keys = [column[1] for column in sorted(columns, key=lambda column: column[5]) if column[5]]
    lines = [f"Table {name} {{"]
    for _, column, kind, is_needed, default, key in columns:
        marks = []
        if key and len(keys) == 1:
            marks.append("pk")
        if is_needed:
            marks.append("not null")
        if default is not None:
            marks.append(f"default: `{default}`")
        lines.append(f"  {column} {kind.lower()}" + (f" [{', '.join(marks)}]" if marks else ""))
    indexes = _indexes(connection, name)
    if len(keys) > 1:
        indexes.insert(0, f"    ({', '.join(keys)}) [pk]")
    if indexes:
        lines += ["", "  indexes {", *indexes, "  }"]
    return "\n".join([*lines, "}"])


def _indexes(connection: sqlite3.Connection, name: str) -> list[str]:
    found = []
    for _, index, is_unique, origin, _ in connection.execute(f"PRAGMA index_list('{name}')").fetchall():
        if origin == "pk":
            continue
        columns = ", ".join(row[2] for row in connection.execute(f"PRAGMA index_info('{index}')"))
        found.append(f"    ({columns}){' [unique]' if is_unique else ''}")
    return sorted(found)

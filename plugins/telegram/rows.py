"""The Pony entities of the plugin's database; `migrations/` makes their tables."""

from __future__ import annotations

from typing import Any

from pony.orm import Optional, PrimaryKey, Required


def define(db: Any) -> None:
    """Declare the entities on `db`."""

    class Message(db.Entity):  # type: ignore[misc]
        _table_ = "message"
        id = PrimaryKey(int, size=64, auto=True)
        chat = Required(int, size=64)
        title = Optional(str)
        text = Required(str)
        severity = Required(str)
        rank = Required(int)
        source = Required(str)
        at = Optional(str, nullable=True)
        at_ns = Optional(int, size=64)
        run = Required(str)
        count = Required(int)

    class Loss(db.Entity):  # type: ignore[misc]
        _table_ = "loss"
        chat = PrimaryKey(int, size=64)
        number = Required(int)

    class Taken(db.Entity):  # type: ignore[misc]
        _table_ = "taken"
        id = PrimaryKey(int, size=64, auto=True)
        digest = Required(str, unique=True)

"""The Pony entities of state.db. The tables themselves are made by `migrations/state`."""

from __future__ import annotations

from typing import Any

from pony.orm import Optional, PrimaryKey, Required


def define(db: Any) -> None:
    """Declare the entities on `db`."""
    _define_registry(db)
    _define_accounts(db)
    _define_news(db)


def _define_registry(db: Any) -> None:

    class Boot(db.Entity):  # type: ignore[misc]
        _table_ = "boot"
        number = PrimaryKey(int, size=64)
        machine_boot = Required(str)
        started_ns = Required(int, size=64)
        offset_ns = Optional(int, size=64)
        quality = Required(str)

    class Setting(db.Entity):  # type: ignore[misc]
        _table_ = "setting"
        owner = Required(str)
        name = Required(str)
        value = Required(str)
        PrimaryKey(owner, name)

    class EntityRow(db.Entity):  # type: ignore[misc]
        _table_ = "entity"
        number = PrimaryKey(int, size=64, auto=True)
        id = Required(str, unique=True)
        owner = Required(str)
        kind = Required(str)
        description = Required(str)
        overrides = Required(str)

    class LastState(db.Entity):  # type: ignore[misc]
        _table_ = "last_state"
        entity = PrimaryKey(int, size=64)
        value = Required(str)
        changed_ns = Required(int, size=64)
        updated_ns = Required(int, size=64)
        boot = Required(int, size=64)
        seq = Required(int, size=64)

    class DeviceRow(db.Entity):  # type: ignore[misc]
        _table_ = "device"
        id = PrimaryKey(str)
        facts = Required(str)

    class CredentialRow(db.Entity):  # type: ignore[misc]
        _table_ = "credential"
        device = PrimaryKey(str)
        salt = Required(str)
        digest = Required(str)
        iterations = Required(int)
        boot = Required(int, size=64)
        issued_ns = Required(int, size=64)


def _define_accounts(db: Any) -> None:
    class User(db.Entity):  # type: ignore[misc]
        _table_ = "user"
        name = PrimaryKey(str)
        role = Required(str)
        password = Required(str)
        boot = Required(int, size=64)
        created_ns = Required(int, size=64)
        pin = Optional(str)

    class Session(db.Entity):  # type: ignore[misc]
        _table_ = "session"
        id = PrimaryKey(str)
        user = Required(str, index="session_user")
        boot = Required(int, size=64)
        started_ns = Required(int, size=64)
        lasts_s = Required(int, size=64)
        expires_wall_ns = Optional(int, size=64)
        address = Optional(str)

    class ApiToken(db.Entity):  # type: ignore[misc]
        _table_ = "api_token"
        id = PrimaryKey(str)
        name = Required(str)
        user = Required(str, index="api_token_user")
        digest = Required(str, unique=True)
        scopes = Optional(str)
        boot = Required(int, size=64)
        created_ns = Required(int, size=64)
        lasts_s = Optional(int, size=64)
        expires_wall_ns = Optional(int, size=64)
        used_boot = Optional(int, size=64)
        used_ns = Optional(int, size=64)

    class AuditRow(db.Entity):  # type: ignore[misc]
        _table_ = "audit"
        seq = PrimaryKey(int, size=64)
        boot = Required(int, size=64)
        at_ns = Required(int, size=64)
        who = Required(str)
        via = Required(str)
        address = Optional(str)
        service = Required(str)
        data = Required(str)
        outcome = Required(str)
        detail = Optional(str)
        latency_s = Required(float)
        kind = Required(str)
        number = Required(int, size=64)
        mac = Optional(bytes)


def _define_news(db: Any) -> None:
    class NoticeRow(db.Entity):  # type: ignore[misc]
        _table_ = "notice"
        id = PrimaryKey(int, size=64, auto=True)
        boot = Required(int, size=64)
        at_ns = Required(int, size=64)
        wall_ns = Optional(int, size=64)
        source = Required(str)
        key = Required(str)
        severity = Required(str)
        title = Optional(str)
        text = Required(str)
        count = Required(int)
        is_routed = Required(bool)

    class OutboxRow(db.Entity):  # type: ignore[misc]
        _table_ = "outbox"
        channel = Required(str)
        notice = Required(int, size=64)
        PrimaryKey(channel, notice)

    class EventRow(db.Entity):  # type: ignore[misc]
        _table_ = "event"
        seq = PrimaryKey(int, size=64)
        boot = Required(int, size=64)
        at_ns = Required(int, size=64)
        type = Required(str)
        data = Required(str)
        via = Required(str)
        who = Required(str)
        class_ = Required(str, column="class")

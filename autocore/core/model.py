"""The values everybody shares: roles, causes, callers and states. All of them frozen."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from autocore.core.errors import InvalidData


class Position(msgspec.Struct, frozen=True, gc=False):
    """A place on the earth (WGS 84): degrees, metres above the sea, and how far off it may be in metres."""

    latitude: float
    longitude: float
    altitude_m: float | None = None
    accuracy_m: float | None = None

    def __str__(self) -> str:
        return f"{self.latitude:.6f},{self.longitude:.6f}"


Value = float | int | str | bool | Position | None
"""What an entity can hold; None means that no value was ever known."""


class Role(IntEnum):
    """Who a person is in the vehicle; each may do what those before may (security.md 5)."""

    VIEWER = 1
    OPERATOR = 2
    TECHNICIAN = 3
    ADMIN = 4

    @classmethod
    def parse(cls, word: str) -> Role:
        """Give the role with the lower-case name `word`.

        Raises:
            InvalidData: no such role.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            known = ", ".join(role.name.lower() for role in cls)
            raise InvalidData(f"there is no role {word}; use one of {known}", field="role") from None


def needs(role: Role, action: str) -> dict[str, Any]:
    """Give the options of a web route that needs `role` for `action`, e.g. `read:entities`."""
    return {"role": role, "action": action}


class Quality(StrEnum):
    """How far wall time can be trusted (architecture.md, Time)."""

    UNSET = "unset"
    RTC = "rtc"
    GPS = "gps"
    NTP = "ntp"


class Cause(msgspec.Struct, frozen=True, gc=False):
    """Who and why: stands in a state, an event and an audit row.

    Args:
        via: the way in: `rest`, `websocket`, `page`, `mqtt`, `device`, `automation`, `telegram`, `cli` or `gateway`.
        who: the user, device, automation or plugin.
        address: the network address it came from, None inside the gateway.
    """

    via: str
    who: str
    address: str | None = None


GATEWAY = Cause("gateway", "autocore")
"""The cause of what the gateway does of itself."""


class Caller(msgspec.Struct, frozen=True):
    """Somebody whose identity was checked, asking for something.

    Args:
        cause: who, through what, from where.
        role: the highest role it may act in.
        scopes: patterns of actions a token is limited to (`services:switch.*`, `read:*`); None means no limit.
        session: the `jti` or token id by which the caller can be cut off, None inside the gateway.
        is_person: somebody logged in: no token of a program, no device, nothing inside the gateway.
    """

    cause: Cause
    role: Role
    scopes: frozenset[str] | None = None
    session: str | None = None
    is_person: bool = False

    def may(self, role: Role, action: str) -> bool:
        """Say whether the caller may do `action`, e.g. `services:switch.turn_on` or `read:entities`, which asks for `role`."""
        if self.role < role:
            return False
        return self.scopes is None or any(fnmatchcase(action, scope) for scope in self.scopes)


INTERNAL = Caller(GATEWAY, Role.ADMIN)
"""The gateway itself as a caller."""


class State(msgspec.Struct, frozen=True, gc=False):
    """What an entity is now.

    Args:
        value: the typed value; kept when the entity becomes unavailable, so that its last value can be shown as old.
        available: False when the source is silent or gone: the value is then not live.
        changed_ns: monotonic time of the last change of `value` or `available`, within `boot`.
        updated_ns: monotonic time of the last report, within `boot`.
        boot: the number of the gateway's start to which the two times belong; `Timeline.wall_ns` makes them wall time.
        seq: the global sequence number, which orders everything and never resets.
        cause: who and why, None when the device reported of itself.
    """

    value: Value
    available: bool
    changed_ns: int
    updated_ns: int
    boot: int
    seq: int
    cause: Cause | None = None


UNKNOWN = State(None, available=False, changed_ns=0, updated_ns=0, boot=0, seq=0)
"""The state of an entity that never had a value."""

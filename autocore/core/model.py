"""The values everybody shares: roles, causes, states and the descriptions of entities. All of them frozen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import msgspec

from autocore.core.errors import InvalidData

Value = float | int | str | bool | None
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
    """

    cause: Cause
    role: Role
    scopes: frozenset[str] | None = None
    session: str | None = None

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


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a value becomes worth a warning or an alarm, in the entity's unit; `hysteresis` keeps it from flickering."""

    warn_above: float | None = None
    warn_below: float | None = None
    critical_above: float | None = None
    critical_below: float | None = None
    hysteresis: float = 0.0


@dataclass(frozen=True, slots=True)
class Description:
    """What every entity has. Names, device classes and state classes are Home Assistant's, so that both sides understand.

    Args:
        key: the entity's own name, unique for its plugin and device; `<kind>.<key>` becomes its id.
        name: what people read.
        unique: what identifies it for ever within the plugin; `key` when empty.
        device: the id of the device it belongs to, None for the gateway itself.
        device_class: e.g. `temperature`, `voltage`, `door`.
        area: where in the vehicle.
        icon: the name of a Tabler icon.
        limits: see `Limits`.
        expires_after_s: silence longer than this makes it unavailable; None never does.
        attributes: further facts that do not change, shown beside the state.
    """

    kind: ClassVar[str] = ""
    verbs: ClassVar[tuple[str, ...]] = ()

    key: str
    _: KW_ONLY
    name: str = ""
    unique: str = ""
    device: str | None = None
    device_class: str | None = None
    area: str | None = None
    icon: str | None = None
    limits: Limits | None = None
    expires_after_s: float | None = None
    attributes: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The entity id that is wished for; a collision gets another."""
        return f"{self.kind}.{self.key}"

    def read(self, value: Value) -> Value:
        """Give `value` as this kind keeps it.

        Raises:
            InvalidData: the value is not of this kind.
        """
        return value


@dataclass(frozen=True, slots=True)
class Sensor(Description):
    """A measured number or a reported text.

    Args:
        unit: SI or the convention of the device class, e.g. `°C`, `rpm`, `V`.
        state_class: `measurement`, `total` or `total_increasing`.
        precision: digits after the point worth showing; None shows the value as it is.
    """

    kind: ClassVar[str] = "sensor"

    unit: str | None = None
    state_class: str | None = None
    precision: int | None = None

    def read(self, value: Value) -> Value:
        """Give a finite number or a text; a boolean, NaN or an infinity is refused."""
        kind = type(value)
        if kind is float:
            if math.isfinite(value):  # type: ignore[arg-type]  # the type was just compared
                return value
            raise InvalidData(f"{value} is not a finite number")
        if kind is int or kind is str:
            return value
        raise InvalidData(f"a sensor takes a number or a text, not {value!r}")


@dataclass(frozen=True, slots=True)
class BinarySensor(Description):
    """Something that is or is not: a door, the ignition, a link."""

    kind: ClassVar[str] = "binary_sensor"

    def read(self, value: Value) -> Value:
        """Give the boolean; everything else is refused."""
        return _boolean(value, "a binary sensor")


@dataclass(frozen=True, slots=True)
class Switch(Description):
    """Something that can be turned on and off, and reports what it is."""

    kind: ClassVar[str] = "switch"
    verbs: ClassVar[tuple[str, ...]] = ("turn_on", "turn_off", "toggle")

    def read(self, value: Value) -> Value:
        """Give the boolean; everything else is refused."""
        return _boolean(value, "a switch")


@dataclass(frozen=True, slots=True)
class Button(Description):
    """Something that can be pressed; its value is the sequence number of the last press."""

    kind: ClassVar[str] = "button"
    verbs: ClassVar[tuple[str, ...]] = ("press",)


def _boolean(value: Value, what: str) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidData(f"{what} takes true or false, not {value!r}")

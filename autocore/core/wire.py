"""What boards and the gateway say to each other about the device itself, as protocol.md defines it. Types only.

Unknown fields are ignored; a wrong type is refused by whoever decodes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

ShortText = Annotated[str, msgspec.Meta(max_length=200)]
Session = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Register(msgspec.Struct, frozen=True):
    """`devices/{id}/register`: what a board is and can do."""

    type: ShortText
    name: ShortText | None = None
    mac: ShortText | None = None
    ip: ShortText | None = None
    firmware: ShortText | None = None
    hardware: ShortText | None = None
    capabilities: Annotated[list[ShortText], msgspec.Meta(max_length=32)] = []
    channels: Annotated[int, msgspec.Meta(ge=0, le=256)] | Annotated[list[Any], msgspec.Meta(max_length=256)] | None = None
    config_bytes: Annotated[int, msgspec.Meta(ge=64)] | None = None


class Status(msgspec.Struct, frozen=True):
    """`devices/{id}/status`, and its last will: whether the board is there, and in which session; `ask` numbers its statuses."""

    status: Literal["online", "offline", "error"]
    session: Session | None = None
    ask: int | None = None
    reason: ShortText | None = None
    uptime_s: float | None = None
    rssi_dbm: float | None = None
    free_memory_bytes: float | None = None


class Error(msgspec.Struct, frozen=True):
    """`devices/{id}/error`: something is wrong with the board."""

    code: ShortText
    message: Annotated[str, msgspec.Meta(max_length=500)]
    context: dict[str, Any] | None = None


class Ack(msgspec.Struct, frozen=True):
    """`devices/{id}/ack`: what became of a command."""

    id: ShortText
    status: Literal["accepted", "applied", "refused", "expired"]
    reason: ShortText | None = None


class Welcome(msgspec.Struct, frozen=True):
    """`devices/{id}/welcome`: from now on the board obeys commands of this session with a higher `seq`; `ask`: see there."""

    session: str
    epoch: int
    seq: int
    t_ms: int
    ask: int | None = None


class Stamp(msgspec.Struct, frozen=True):
    """What every command carries so that a board can tell a fresh one from a stale, doubled or foreign one."""

    id: str
    session: str
    seq: int
    epoch: int
    t_ms: int
    ttl_ms: int


class DeviceCommand(msgspec.Struct, frozen=True):
    """`devices/{id}/command`."""

    id: str
    command: str
    args: dict[str, Any]
    session: str
    seq: int
    epoch: int
    t_ms: int
    ttl_ms: int


class GatewayStatus(msgspec.Struct, frozen=True):
    """`gateway/status`, and the gateway's last will; `going_down`: its power goes in a moment."""

    status: Literal["online", "offline", "going_down"]
    epoch: int
    version: str
    uptime_s: int = 0
    devices_online: int = 0

"""What the gateway says to a device, as JSON on MQTT, and how strictly a device reads it.

A board is an implementation of `protocol.md` of its own: nothing here comes from the gateway's code. Unknown fields
are ignored, a wrong type is refused by name; nothing is coerced.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec

from autocore.core.errors import InvalidData

SHORTEST_PULSE_MS = 50  # safety.md, relays: a pulse is 50 ms to 60 s
LONGEST_PULSE_MS = 60_000

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
HoldId = Text | int
T = TypeVar("T")


class ChannelType(StrEnum):
    """How a relay channel is driven."""

    TOGGLE = "toggle"
    PULSE = "pulse"
    TIMED = "timed"
    MOMENTARY = "momentary"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What every command carries, so that a device can tell a live one from a stale one (protocol.md, rule 1).

    Args:
        t_ms: the gateway's monotonic clock when it was issued.
        ttl_ms: how long after `t_ms` it may still be obeyed.
    """

    id: Text
    session: str
    seq: int
    epoch: int
    t_ms: int
    ttl_ms: Annotated[int, msgspec.Meta(ge=0)]


class RelayCommand(Order, frozen=True, kw_only=True):
    """`relays/{id}/command`.

    Args:
        duration_ms: of a pulse or a timed command.
        hold: who holds a momentary channel; its heartbeats carry the same.
    """

    channel: int
    state: bool
    type: ChannelType
    duration_ms: int | None = None
    hold: HoldId | None = None


class DeviceCommand(Order, frozen=True, kw_only=True):
    """`devices/{id}/command`."""

    command: str
    args: dict[str, Any] = {}


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """`relays/{id}/heartbeat`; `t_ms` is the gateway's tick that the holder saw last."""

    hold: HoldId
    channel: int
    n: int
    t_ms: int


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """`devices/{id}/welcome`; `seq` is the last one used, commands have larger ones; `ask` is the status that it answers."""

    session: str
    epoch: int
    seq: int
    t_ms: int
    ask: int | None = None


class GatewayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`gateway/status`; whoever speaks there and does not say that it goes is the gateway of that epoch."""

    status: str
    epoch: int | None = None

    @property
    def is_present(self) -> bool:
        """Whether somebody is there to be obeyed."""
        return self.status not in {"offline", "going_down"}

    @property
    def is_leaving(self) -> bool:
        """Whether its power is about to go: it will not be back in a moment."""
        return self.status == "going_down"


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`devices/{id}/ack`: what became of a command, or of a configuration version, which then is the id."""

    id: str
    status: str
    reason: str | None = None


def decode(payload: bytes | bytearray, kind: type[T]) -> T:
    """Read `payload` as a `kind`.

    Raises:
        InvalidData: it is not JSON, or a field is missing or of a wrong type.
    """
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidData(str(error)) from error


def id_of(payload: bytes | bytearray) -> str | None:
    """Give the id of a malformed command, so that its refusal reaches whoever waits for it; None when it has none."""
    try:
        return msgspec.json.decode(payload, type=_Identified).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def encode(document: object) -> bytes:
    """Give `document` as JSON."""
    return msgspec.json.encode(document)


class _Identified(msgspec.Struct):
    id: Text

"""What is said to a relay board."""

from __future__ import annotations

import msgspec


class RelayCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """`relays/{id}/command`: one command for one channel, with the stamp that makes it good once."""

    id: str
    channel: int
    state: bool
    type: str
    session: str
    seq: int
    epoch: int
    t_ms: int
    ttl_ms: int
    duration_ms: int | None = None
    hold: str | None = None


class RelayHeartbeat(msgspec.Struct, frozen=True):
    """`relays/{id}/heartbeat`: the hand that holds a channel is still there; `t_ms` is the stamp of the holder."""

    hold: str
    channel: int
    n: int
    t_ms: int

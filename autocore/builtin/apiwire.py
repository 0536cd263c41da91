"""What a client and the gateway say to each other over the MQTT API. Types only."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec


class ApiRequest(msgspec.Struct, frozen=True):
    """`api/{client}/request`: call a service, or read what REST gives under a path."""

    id: Annotated[str, msgspec.Meta(max_length=100)] | int
    service: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    data: dict[str, Any] = {}
    get: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    token: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None


class ApiResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """`api/{client}/response`: `result` when it was done, else what a problem says."""

    id: str | int | None
    ok: bool
    result: Any = None
    status: int | None = None
    code: str | None = None
    detail: str | None = None
    nearest: str | None = None
    field: str | None = None

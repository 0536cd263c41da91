"""What a new board and the gateway say to each other in join mode, and how a device gets its configuration. Types only."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from autocore.core.wire import ShortText


class EnrolRequest(msgspec.Struct, frozen=True):
    """`enrol/{code}/request`: a new board asks for credentials of its own."""

    type: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    mac: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=60)] | None = None
    capabilities: Annotated[list[Annotated[str, msgspec.Meta(max_length=60)]], msgspec.Meta(max_length=32)] = []
    firmware: ShortText | None = None


class EnrolBroker(msgspec.Struct, frozen=True):
    """Where a board finds the broker from now on; None: where it asked."""

    host: str | None
    port: int
    tls: bool


class EnrolAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`enrol/{code}/answer`: a board was approved; `device` is its id, user name and client id."""

    device: str
    username: str
    password: str
    broker: EnrolBroker
    ca: str | None = None


class ConfigRequest(msgspec.Struct, frozen=True):
    """`config/request`: a device asks for its configuration, and may say which version it has."""

    device: Annotated[str, msgspec.Meta(max_length=64)]
    have: int | None = None


class ConfigUpdate(msgspec.Struct, frozen=True):
    """`config/update`: what changed, and for whom; who is named has a new document."""

    version: int
    sections: list[str]
    devices: list[str]


class DeviceConfig(msgspec.Struct, frozen=True):
    """`devices/{id}/config`, retained: all that a device must know, by the plugin that says it."""

    version: int
    hash: str
    sections: dict[str, dict[str, Any]]

"""What a device may do at the broker, by what it is allowed (protocol.md rule 6). Pure functions.

Under its own id a device may say what every device says; the rest it must be granted. Nobody but the gateway publishes a
command, a heartbeat, a welcome or a configuration, so none of these stands here.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from autocore.core.names import N_

PUBLISH, SUBSCRIBE = "publishClientSend", "subscribePattern"
"""Kinds of rights, as Mosquitto's dynamic-security plugin calls them."""

CAPABILITIES = {
    "display": N_("press and hold what its screen shows, run macros, stop everything"),
    "can_bridge": N_("hand over the frames of a CAN bus"),
    "can_command": N_("ask for the commands that the CAN allow-list names"),
    "api": N_("call services over the MQTT API, with a token"),
    "script": N_("send notifications to people"),
}
"""What a device may be granted beside its own topics; what else it says that it can do gives it no right."""

_EVERYBODY_SAYS = (
    "devices/{id}/register",
    "devices/{id}/status",
    "devices/{id}/error",
    "devices/{id}/ack",
    "telemetry/{id}/data",
    "relays/{id}/state",
    "config/request",
)
_EVERYBODY_HEARS = (
    "devices/{id}/#",
    "relays/{id}/#",
    "config/update",
    "config/theme",
    "gateway/status",
    "devices/+/status",
    "relays/+/state",
    "can/data",
    "entities/+/state",
    "events/#",
)
_SAYS = {
    "display": ("display/{id}/press", "display/{id}/hold", "macros/+/run", "macros/+/stop", "stop_all"),
    "can_bridge": ("can/data", "can/{id}/data"),
    "can_command": ("can/command",),
    "api": ("api/{id}/request",),
    "script": ("notify",),
}
_HEARS = {"display": ("display/{id}/#",), "api": ("api/{id}/response",)}


class Right(NamedTuple):
    """One line of an access list."""

    kind: str
    topic: str


def rights_of(root: str, device_id: str, granted: Collection[str]) -> list[Right]:
    """Give what a device may do, sorted.

    Args:
        root: the first level of the native topics.
        device_id: as protocol.md defines it; no wildcard can be in it.
        granted: of `CAPABILITIES`; others give nothing.
    """
    says = [*_EVERYBODY_SAYS, *(topic for one in granted for topic in _SAYS.get(one, ()))]
    hears = [*_EVERYBODY_HEARS, *(topic for one in granted for topic in _HEARS.get(one, ()))]
    found = {Right(PUBLISH, f"{root}/{topic.format(id=device_id)}") for topic in says}
    found |= {Right(SUBSCRIBE, f"{root}/{topic.format(id=device_id)}") for topic in hears}
    return sorted(found)


def rights_to_join(root: str, code: str) -> list[Right]:
    """Give what whoever has a joining code may do."""
    return [Right(PUBLISH, f"{root}/enrol/{code}/request"), Right(SUBSCRIBE, f"{root}/enrol/{code}/answer")]

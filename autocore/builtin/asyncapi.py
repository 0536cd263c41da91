"""AsyncAPI 3 for everything on MQTT, made from the types with which the code reads and writes, plugins' topics included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from autocore import __version__
from autocore.builtin import apiwire, displays, mirror, sources
from autocore.core import wire
from autocore.core.facets import Topic
from autocore.provisioning.wire import ConfigRequest, ConfigUpdate, DeviceConfig, EnrolAnswer, EnrolRequest
from autocore.safety.stop import StopWord


@dataclass(frozen=True, slots=True)
class Spoken:
    """One topic of the core.

    Args:
        address: with `{id}` and the like for what changes.
        payload: the type of its messages.
        is_heard: True when the gateway receives it, False when it sends it.
        qos: 0, 1 or 2.
        retained: whether the broker keeps it.
        says: one sentence.
    """

    address: str
    payload: Any
    is_heard: bool
    qos: int
    retained: bool
    says: str


CORE = (
    Spoken("enrol/{code}/request", EnrolRequest, True, 1, False, "A new board asks for credentials, in join mode."),
    Spoken("enrol/{code}/answer", EnrolAnswer, False, 1, False, "It was approved, and gets credentials of its own."),
    Spoken("devices/{id}/register", wire.Register, True, 1, False, "A device says what it is and can do."),
    Spoken("devices/{id}/status", wire.Status, True, 1, True, "A device is there or not; also its last will."),
    Spoken("devices/{id}/error", wire.Error, True, 1, False, "Something is wrong with a device."),
    Spoken("devices/{id}/ack", wire.Ack, True, 1, False, "What became of a command."),
    Spoken("devices/{id}/welcome", wire.Welcome, False, 1, False, "From now on the device obeys."),
    Spoken("devices/{id}/command", wire.DeviceCommand, False, 2, False, "A command about the device itself."),
    Spoken("devices/{id}/config", DeviceConfig, False, 1, True, "All that a device must know, by the plugin that says it."),
    Spoken("config/request", ConfigRequest, True, 1, False, "A device asks for its configuration."),
    Spoken("config/update", ConfigUpdate, False, 1, False, "What changed, and for which devices."),
    Spoken("gateway/status", wire.GatewayStatus, False, 1, True, "The gateway is there or not; also its last will."),
    Spoken("stop_all", StopWord, True, 2, False, "Everything goes to its safe state, at once."),
    Spoken("display/{id}/hold", displays.DisplayHold, True, 0, False, "A thumb is on something that is on while it is held."),
    Spoken("display/{id}/press", displays.DisplayPress, True, 1, False, "What a thumb did; a release lets go."),
    Spoken("display/{id}/held", displays.DisplayHeld, False, 0, False, "What became of a hold."),
    Spoken("notify", sources.Word, True, 1, False, "Something that people should know."),
    Spoken("entities/{entity_id}/state", mirror.EntityState, False, 0, True, "A chosen entity's state."),
    Spoken("events/{type}", mirror.Happening, False, 0, False, "A chosen event."),
    Spoken("api/{client}/request", apiwire.ApiRequest, True, 1, False, "A service to call or a path of REST to read."),
    Spoken("api/{client}/response", apiwire.ApiResponse, False, 1, False, "What came of a request."),
)


def document(root: str, plugins: Mapping[str, Iterable[Topic]]) -> dict[str, Any]:
    """Give the AsyncAPI document.

    Args:
        root: the first level of the native topics.
        plugins: what each plugin hears and says.
    """
    spoken = [Spoken(f"{root}/{one.address}", *_rest(one)) for one in CORE]
    known = {(one.address, one.is_heard) for one in spoken}
    for name, topics in sorted(plugins.items()):
        for topic in topics:
            address = _named(topic.address.replace("{root}", root))
            if (address, topic.is_heard) not in known:
                known.add((address, topic.is_heard))
                says = f"Of the plugin {name}."
                spoken.append(Spoken(address, topic.payload, topic.is_heard, topic.qos, topic.is_retained, says))
    types = [one.payload for one in spoken if one.payload is not None]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for one in sorted(spoken, key=lambda spoken: (spoken.address, spoken.is_heard)):
        channel = _key(one.address)
        channels.setdefault(channel, _channel(one))
        operations[f"{'receive' if one.is_heard else 'send'}_{channel}"] = {
            "action": "receive" if one.is_heard else "send",
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": one.says,
            "bindings": {"mqtt": {"qos": one.qos, "retain": one.retained}},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "AutoCore on MQTT", "version": __version__},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


def _rest(one: Spoken) -> tuple[Any, bool, int, bool, str]:
    return one.payload, one.is_heard, one.qos, one.retained, one.says


def _named(address: str) -> str:
    """Give an address whose wildcards have names: `a/+/b` is `a/{level1}/b`."""
    levels = []
    for number, level in enumerate(address.split("/")):
        levels.append({"+": f"{{level{number}}}", "#": "{rest}"}.get(level, level))
    return "/".join(levels)


def _key(address: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in address).strip("_")


def _channel(one: Spoken) -> dict[str, Any]:
    named = [level[1:-1] for level in one.address.split("/") if level.startswith("{") and level.endswith("}")]
    parameters: dict[str, Any] = {name: {} for name in named}
    message: dict[str, Any] = {"summary": one.says}
    if isinstance(one.payload, type) and issubclass(one.payload, msgspec.Struct):
        message["payload"] = {"$ref": f"#/components/schemas/{one.payload.__name__}"}
    channel: dict[str, Any] = {"address": one.address, "messages": {"message": message}}
    return channel | ({"parameters": parameters} if parameters else {})

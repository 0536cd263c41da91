"""All that a plugin may import. What is not here may change without notice; what is here changes with a deprecation."""

from autocore.core.bus import Event
from autocore.core.clock import Clock
from autocore.core.config.types import device_id, duration, entity_id, slug_key, topic_filter
from autocore.core.devices import Device, Presence, Standing
from autocore.core.entities import Command, Entity
from autocore.core.errors import (
    AutocoreError,
    ConfigError,
    InvalidData,
    NameTaken,
    NoAnswer,
    PermissionDenied,
    PluginError,
    Refused,
    UnknownName,
)
from autocore.core.hookspecs import hookimpl
from autocore.core.host import PluginHost
from autocore.core.model import (
    BinarySensor,
    Button,
    Caller,
    Cause,
    Description,
    Limits,
    Role,
    Sensor,
    State,
    Switch,
    Value,
)
from autocore.core.mqtt.message import Message
from autocore.core.names import N_, slug
from autocore.core.panels import Panel, Slot
from autocore.core.services import ServiceCall
from autocore.core.wire import Ack, Stamp

__all__ = [
    "N_",
    "Ack",
    "AutocoreError",
    "BinarySensor",
    "Button",
    "Caller",
    "Cause",
    "Clock",
    "Command",
    "ConfigError",
    "Description",
    "Device",
    "Entity",
    "Event",
    "InvalidData",
    "Limits",
    "Message",
    "NameTaken",
    "NoAnswer",
    "Panel",
    "PermissionDenied",
    "PluginError",
    "PluginHost",
    "Presence",
    "Refused",
    "Role",
    "Sensor",
    "ServiceCall",
    "Slot",
    "Stamp",
    "Standing",
    "State",
    "Switch",
    "UnknownName",
    "Value",
    "device_id",
    "duration",
    "entity_id",
    "hookimpl",
    "slug",
    "slug_key",
    "topic_filter",
]

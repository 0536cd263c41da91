"""All that a plugin may import. What is not here may change without notice; what is here changes with a deprecation."""

from autocore.builtin.templating import Template
from autocore.core.bus import Event
from autocore.core.clock import Clock
from autocore.core.config.types import device_id, duration, entity_id, label, slug_key, topic_filter
from autocore.core.devices import Device, Presence, Standing
from autocore.core.disk import delete_file, write_file
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
from autocore.core.holds import Ending, Grip, Hold
from autocore.core.hookspecs import hookimpl
from autocore.core.host import PluginHost
from autocore.core.kinds import (
    BinarySensor,
    Button,
    Cover,
    Description,
    EventEntity,
    Light,
    Limits,
    Number,
    Select,
    Sensor,
    Switch,
    Text,
    Tracker,
    limits,
)
from autocore.core.model import Caller, Cause, Position, Role, State, Value, needs
from autocore.core.mqtt.message import Message
from autocore.core.names import N_, readable, slug
from autocore.core.notices import Notice, Notification, Severity
from autocore.core.panels import Draw, Look, Panel, Slot
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
    "Cover",
    "Description",
    "Device",
    "Draw",
    "Ending",
    "Entity",
    "Event",
    "EventEntity",
    "Grip",
    "Hold",
    "InvalidData",
    "Light",
    "Limits",
    "Look",
    "Message",
    "NameTaken",
    "NoAnswer",
    "Notice",
    "Notification",
    "Number",
    "Panel",
    "PermissionDenied",
    "PluginError",
    "PluginHost",
    "Position",
    "Presence",
    "Refused",
    "Role",
    "Select",
    "Sensor",
    "ServiceCall",
    "Severity",
    "Slot",
    "Stamp",
    "Standing",
    "State",
    "Switch",
    "Template",
    "Text",
    "Tracker",
    "UnknownName",
    "Value",
    "delete_file",
    "device_id",
    "duration",
    "entity_id",
    "hookimpl",
    "label",
    "limits",
    "needs",
    "readable",
    "slug",
    "slug_key",
    "topic_filter",
    "write_file",
]

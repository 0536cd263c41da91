"""What the gateway tells people of by itself: starts and stops, the broker, devices, and what clients say on `{root}/notify`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
import voluptuous as vol

from autocore.builtin.notifications import LONGEST_TEXT
from autocore.core.bus import Bus, Event
from autocore.core.clock import Clock, Timer
from autocore.core.devices import DeviceRegistry
from autocore.core.errors import InvalidData
from autocore.core.host import Notify
from autocore.core.model import Role
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message
from autocore.core.names import readable
from autocore.core.notices import Severity
from autocore.core.services import Service, ServiceCall, ServiceRegistry

LOST_AFTER_S = 10.0  # a broker that restarts is back sooner: nobody needs to know
SEVERITIES = [one.value for one in Severity]


class Word(msgspec.Struct, frozen=True):
    """`{root}/notify`: something that a script or a board wants people to know."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    title: Annotated[str, msgspec.Meta(max_length=120)] = ""
    severity: Severity = Severity.INFO


class Sources:
    """Turns what happens into notices."""

    def __init__(self, hub: MqttHub, devices: DeviceRegistry, bus: Bus, clock: Clock, notify: Notify) -> None:
        self._hub = hub
        self._devices = devices
        self._bus = bus
        self._clock = clock
        self._notify = notify
        self._lost: Timer | None = None
        self._is_told_lost = False
        self._is_told_down: set[str] = set()
        self._undo: list[Callable[[], None]] = []

    def start(self, *, broker: bool, devices: bool) -> None:
        """Listen from now on.

        Args:
            broker: tell of a lost broker.
            devices: tell of devices that go, come back or report an error.
        """
        self._undo.append(self._hub.subscribe(f"{self._hub.root}/notify", self._on_word, qos=1, urgent=True))
        if broker:
            self._undo.append(self._hub.on_connection(self._on_connection))
        if devices:
            for event in ("device.offline", "device.online", "device.error", "device.reported"):
                self._undo.append(self._bus.on(event, self._on_device))

    def stop(self) -> None:
        """Listen no more."""
        if self._lost is not None:
            self._lost.cancel()
        for undo in self._undo:
            undo()
        self._undo = []

    def _on_word(self, message: Message) -> None:
        if message.retain or not message.payload:
            return  # what was kept is old news
        try:
            word = message.decode(Word)
        except InvalidData as error:
            self._hub.reject(message.topic, None, error.field, error.message)
            return
        text = "\n".join(readable(line, LONGEST_TEXT) for line in word.text.splitlines()).strip()
        if not text:
            self._hub.reject(message.topic, None, "text", "nothing in it can be read")
            return
        self._notify(text, title=readable(word.title), severity=word.severity, source="mqtt_client", key=None)

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if self._lost is not None:
            self._lost.cancel()
            self._lost = None
        if not is_connected:
            self._lost = self._clock.call_later(LOST_AFTER_S, self._tell_lost)
        elif self._is_told_lost:
            self._is_told_lost = False
            self._notify("The broker is back", title="MQTT", severity=Severity.INFO, source="mqtt", key=None)

    def _tell_lost(self) -> None:
        self._lost = None
        self._is_told_lost = True
        text = "The broker does not answer; no board can be reached"
        self._notify(text, title="MQTT", severity=Severity.ERROR, source="mqtt", key=None)

    def _on_device(self, event: Event) -> None:
        device_id = event.data["device"]
        device = self._devices.find(device_id)
        name = (device.name if device else "") or device_id
        if event.type == "device.reported":
            text = f"{name}: {event.data['message']} ({event.data['code']})"
            self._notify(text, title=name, severity=Severity.ERROR, source="devices", key=f"{device_id} {event.data['code']}")
        elif event.type == "device.online":
            if device_id in self._is_told_down:
                self._is_told_down.discard(device_id)
                self._notify(f"{name} is back", title=name, severity=Severity.INFO, source="devices", key=None)
        elif device_id not in self._is_told_down:
            self._is_told_down.add(device_id)
            reason = str(device.details.get("reason", "")) if device else ""
            word = "reports an error" if event.type == "device.error" else "is offline"
            text = f"{name} {word}: {reason}" if reason else f"{name} {word}"
            self._notify(text, title=name, severity=Severity.WARNING, source="devices", key=None)


def add_service(services: ServiceRegistry, notify: Notify) -> None:
    """Offer `notify.send`."""

    async def send(call: ServiceCall) -> Mapping[str, Any]:
        data = call.data
        severity = Severity(data["severity"])
        notify(data["text"], title=data["title"], severity=severity, source=call.caller.cause.who, key=data["key"])
        return {}

    schema = vol.Schema(
        {
            vol.Required("text"): vol.All(str, vol.Length(min=1, max=2_000, msg="a text has 1 to 2000 characters")),
            vol.Optional("title", default=""): vol.All(str, vol.Length(max=120, msg="a title has at most 120 characters")),
            vol.Optional("severity", default="info"): vol.In(SEVERITIES, msg=f"use one of {', '.join(SEVERITIES)}"),
            vol.Optional("key", default=None): vol.Any(vol.All(str, vol.Length(max=120)), None),
        }
    )
    services.add(Service("notify.send", send, "core", schema, Role.OPERATOR, "Tell whoever owns the vehicle, on every channel."))

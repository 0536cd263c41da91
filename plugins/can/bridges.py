"""Frames that come over MQTT: from bridge devices, and from whoever may publish on `can/data`. Each is a bus of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autocore.api import N_, Device, Event, Message, PluginHost, slug

from .bus import Bus
from .frames import raw_frames
from .signals import NS

CAPABILITY = "can_bridge"
MOST_BRIDGES = 8  # what a stranger can make grow is bounded (security.md 13)
SILENT_S = 10.0  # a bus that is alive has said something by then
BITRATE = 500_000  # a bridge does not say; the usual one of vehicles
SILENT = N_("no frame for 10 s")
GONE = N_("the bridge is offline")

Attach = Callable[[Bus], None]
"""Takes a bus that just appeared, to give it its taps."""


class Bridges:
    """The buses that are heard through MQTT.

    Args:
        host: whose topics they are.
        own: the buses of the configuration; nobody speaks in their name.
        attach: see `Attach`.
    """

    def __init__(self, host: PluginHost, own: Mapping[str, Bus], attach: Attach) -> None:
        self.buses: dict[str, Bus] = {}
        self._host = host
        self._own = own
        self._attach = attach
        self._heard_ns: dict[str, int] = {}
        self._sender: dict[str, str | None] = {}  # the bridge that speaks for a bus; None for `can/data`

    def start(self) -> None:
        """Listen to both topics, and to devices that leave."""
        self._host.mqtt.subscribe("{root}/can/data", self.on_open_data)
        self._host.mqtt.subscribe("{root}/can/+/data", self.on_bridge_data)
        for event in ("device.offline", "device.unknown"):
            self._host.events.on(event, self.on_gone)

    def on_open_data(self, message: Message) -> None:
        """Take frames of `can/data`, where each says which bus it is of; what the gateway published itself holds none."""
        by_bus: dict[str, list[tuple[int, bytes]]] = {}
        for frame in raw_frames(message.json(), lambda field, reason: self._host.mqtt.reject(message, None, field, reason)):
            by_bus.setdefault(slug(frame.bus), []).append((frame.key, frame.data))
        for name, frames in by_bus.items():
            self._take(message, None, name, frames)

    def on_bridge_data(self, message: Message) -> None:
        """Take frames of a bridge device; its bus has the device's name."""
        device, said = message.topic.split("/")[-2], message.json()
        if not self._host.devices.admit(device):
            return
        if not _is_bridge(self._host.devices.find(device)):
            self._host.mqtt.reject(
                message, device, "capabilities", f"only a device with the capability {CAPABILITY} sends frames"
            )
            return

        def reject(field: str, reason: str) -> None:
            self._host.mqtt.reject(message, device, field, reason)

        frames = [(frame.key, frame.data) for frame in raw_frames(said, reject)]
        if frames:
            self._take(message, device, slug(device), frames)

    def on_gone(self, event: Event) -> None:
        """Show the bus of a device that left as gone."""
        name = slug(event.data["device"])
        if name in self.buses and self._sender[name] == event.data["device"]:
            self.buses[name].went_offline(GONE)

    def count(self) -> None:
        """Count, and show buses that fell silent as gone; called every few seconds."""
        now_ns = self._host.clock.monotonic_ns()
        for name, bus in self.buses.items():
            bus.count()
            if bus.is_online and now_ns - self._heard_ns[name] > SILENT_S * NS:
                bus.went_offline(SILENT)

    def _take(self, message: Message, device: str | None, name: str, frames: list[tuple[int, bytes]]) -> None:
        if not name:
            self._host.mqtt.reject(message, device, "bus", "the name of a bus has a letter or digit")
        elif name in self._own:
            self._host.mqtt.reject(message, device, "bus", f"{name} is a bus of the gateway itself; name another")
        elif name not in self.buses and len(self.buses) >= MOST_BRIDGES:
            self._host.mqtt.reject(message, device, "bus", f"there are {MOST_BRIDGES} buses over MQTT already")
        elif self._sender.setdefault(name, device) != device:
            self._host.mqtt.reject(
                message, device, "bus", f"{name} is spoken for by {self._sender[name] or 'can/data'}; name another"
            )
        else:
            self._heard_ns[name] = self._host.clock.monotonic_ns()
            bus = self.buses.get(name) or self._appear(name, device)
            bus.went_online()
            bus.take(frames)

    def _appear(self, name: str, device: str | None) -> Bus:
        bus = self.buses[name] = Bus(self._host, name, BITRATE, f"MQTT {device or 'can/data'}")
        self._attach(bus)
        return bus


def _is_bridge(device: Device | None) -> bool:
    return device is not None and CAPABILITY in device.capabilities

"""What the broker counts, as it publishes it under `$SYS`: its clients, its messages, what it dropped, its memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message

TOPICS = {
    "version": "version",
    "uptime_s": "uptime",
    "clients": "clients/connected",
    "received": "messages/received",
    "sent": "messages/sent",
    "dropped": "publish/messages/dropped",
    "retained": "retained messages/count",
    "waiting_bytes": "store/messages/bytes",
    "memory_bytes": "heap/current",
}
"""Mosquitto's names (mosquitto(8), BROKER STATUS); another broker may have none of them."""
LONGEST = 100


class BrokerFigures:
    """The newest of them.

    Args:
        hub: the connection; its account must be allowed to read `$SYS`.
    """

    def __init__(self, hub: MqttHub) -> None:
        self._hub = hub
        self._known: dict[str, int | str] = {}
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Listen, before the hub connects."""
        topics = {f"$SYS/broker/{path}": name for name, path in TOPICS.items()}

        def take(message: Message) -> None:
            text = message.payload.decode("utf-8", "replace")[:LONGEST]
            name = topics[message.topic]
            first = text.partition(" ")[0]  # `uptime` says `12 seconds`
            if name == "version":
                self._known[name] = text
            elif first.isdecimal():
                self._known[name] = int(first)

        self._undo = [self._hub.subscribe(topic, take, urgent=True) for topic in topics]
        self._undo.append(self._hub.on_connection(self._on_connection))

    def stop(self) -> None:
        """Listen no more."""
        for undo in reversed(self._undo):
            undo()

    @property
    def known(self) -> Mapping[str, int | str]:
        """What it said since the last connection: `TOPICS` names what there may be; it is empty before and without a broker."""
        return self._known

    @property
    def dropped(self) -> int:
        """How many messages it dropped since its start, as far as it says."""
        return int(self._known.get("dropped", 0))

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if not is_connected:
            self._known = {}

"""The air: a broker that is a dictionary. What is published is delivered before `publish` returns, so a test never waits.

It keeps retained messages, matches filters as a broker does, and can go away and come back. It is no broker to learn from:
QoS, sessions and wills are those of a real one, and the gateway's own tests use Mosquitto for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from autocore.core.clock import Clock
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import encode
from autocore.core.mqtt.message import Message
from autocore.core.mqtt.topics import matches

Listener = Callable[[Message], object]


class Air:
    """All connections of one test, and whoever listens in."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.retained: dict[str, bytes] = {}
        self.heard: list[Message] = []
        """Everything that was published, oldest first."""
        self._connections: list[MemoryConnection] = []
        self._listeners: list[tuple[str, Listener]] = []
        self._is_up = True

    def connection(
        self,
        _clock: Clock,
        _endpoint: Endpoint,
        client_id: str,
        on_message: Callable[[Message, int], None],
        on_change: Callable[[bool], None],
        **_options: Any,
    ) -> MemoryConnection:
        """Give a connection to this air, with the arguments of a real one."""
        made = MemoryConnection(self, client_id, on_message, on_change)
        self._connections.append(made)
        return made

    def publish(self, topic: str, payload: Any, *, qos: int = 0, retain: bool = False) -> None:
        """Deliver a message to everybody who subscribed; bytes and text as they are, anything else as JSON."""
        body = encode(payload)
        if retain:
            self.retained[topic] = body
            if not body:
                del self.retained[topic]
        message = Message(topic, body, qos, retain=False, arrived_ns=self.clock.monotonic_ns())
        self.heard.append(message)
        for connection in list(self._connections):
            connection.take(message)
        for filter_, listener in list(self._listeners):
            if matches(filter_, topic):
                listener(message)

    def listen(self, filter_: str, listener: Listener) -> None:
        """Call `listener` with every message that matches, from now on."""
        self._listeners.append((filter_, listener))

    def on(self, filter_: str) -> list[Any]:
        """Give what was published so far on topics that match: JSON decoded, anything else as text."""
        return [_read(one.payload) for one in self.heard if matches(filter_, one.topic)]

    def go_away(self) -> None:
        """Be a broker that is gone: the gateway's connections are lost."""
        self._is_up = False
        for connection in self._connections:
            connection.lose()

    def come_back(self) -> None:
        """Be there again, with what was retained."""
        self._is_up = True
        for connection in self._connections:
            connection.find()

    @property
    def filters(self) -> frozenset[str]:
        """What is subscribed to now."""
        return frozenset(one for connection in self._connections for one in connection.filters)

    @property
    def is_up(self) -> bool:
        """Whether anybody can connect."""
        return self._is_up


class MemoryConnection:
    """One connection of the gateway to the air, with the doors of a real one."""

    def __init__(
        self, air: Air, client_id: str, on_message: Callable[[Message, int], None], on_change: Callable[[bool], None]
    ) -> None:
        self.client_id = client_id
        self.is_connected = False
        self.had_session = False
        self.last_problem: str | None = None
        self._air = air
        self._on_message = on_message
        self._on_change = on_change
        self.filters: dict[str, int] = {}
        self._is_started = False

    def start(self) -> None:
        """Connect."""
        self._is_started = True
        self.find()

    async def stop(self) -> None:
        """Go away for good."""
        self._is_started = False
        self.is_connected = False

    def find(self) -> None:
        """Connect when there is somebody to connect to."""
        if self._is_started and self._air.is_up and not self.is_connected:
            self.is_connected = True
            self._on_change(True)  # noqa: FBT003  # the connection's own signal

    def lose(self) -> None:
        """Lose the connection; subscriptions of a clean session go with it."""
        if self.is_connected:
            self.is_connected = False
            self.filters.clear()
            self._on_change(False)  # noqa: FBT003  # the connection's own signal

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, expiry_s: int | None = None) -> bool:  # noqa: ARG002
        """Publish; False when there is no connection."""
        if not self.is_connected:
            return False
        self._air.publish(topic, payload, qos=qos, retain=retain)
        return True

    def subscribe(self, filters: Mapping[str, int]) -> None:
        """Subscribe, and get what was retained."""
        if not self.is_connected:
            return
        self.filters |= filters
        for topic, payload in list(self._air.retained.items()):
            if any(matches(one, topic) for one in filters):
                self._on_message(Message(topic, payload, 1, retain=True, arrived_ns=self._air.clock.monotonic_ns()), 0)

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Hear no more of these."""
        for one in filters:
            self.filters.pop(one, None)

    def acknowledge(self, message_id: int) -> None:
        """Do nothing: the air sends nothing twice."""

    def take(self, message: Message) -> None:
        """Deliver a message once, if any filter matches."""
        if self.is_connected and any(matches(one, message.topic) for one in self.filters):
            self._on_message(message, 0)


def _read(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload.decode("utf-8", "replace")

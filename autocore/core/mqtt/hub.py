"""The MQTT hub: everybody's subscriptions and publications over three connections to one broker.

- `data`: telemetry. A persistent session; QoS 1 messages are acknowledged only after what they said is on disk.
- `control`: states of boards, commands, the life of devices. A clean session: nothing old ever comes back.
- `stop`: for what must never wait behind anything else.

Nothing is queued while the broker is away or does not read, except retained topics: the newest of each is published then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from autocore.core.clock import Clock
from autocore.core.errors import NameTaken, Refused
from autocore.core.mqtt.connection import Connection
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.message import Message
from autocore.core.mqtt.rejections import Rejections
from autocore.core.mqtt.subscriptions import Subscriptions
from autocore.core.mqtt.topics import TopicTrie, check_filter, check_topic, matches

STOP_QOS = 2  # protocol.md: whoever presses knows that it arrived
TOPICS_REMEMBERED = 10_000  # topics made from input must not fill the memory

Handler = Callable[[Message], object]
Undo = Callable[[], None]

log = logging.getLogger("autocore.mqtt")


class Counters:
    """What went through the hub since the start."""

    __slots__ = ("failed", "published", "received", "unrouted", "unsent")

    def __init__(self) -> None:
        self.received = self.published = self.unrouted = self.failed = self.unsent = 0


class Memory(Protocol):
    """Knows the filters of the persistent session over restarts."""

    def read(self) -> list[str]:
        """Give what the session had."""

    def write(self, names: Iterable[str]) -> None:
        """Keep these, without holding up the loop."""


class _Lane:
    """The subscriptions of one connection."""

    def __init__(self) -> None:
        self.trie: TopicTrie[Handler] = TopicTrie()
        self.filters = Subscriptions()


class MqttHub:
    """Routes messages to handlers and publications to the broker.

    Args:
        clock: stamps arrivals.
        endpoint: the broker.
        root: the first level of every native topic.
        will: topic and payload of the gateway's last will.
        memory: remembers the filters of the persistent session, so that those of an earlier configuration are taken back;
            None remembers nothing.
        connect: makes a connection; tests put another broker there.
    """

    def __init__(
        self,
        clock: Clock,
        endpoint: Endpoint,
        root: str,
        *,
        will: tuple[str, bytes] | None = None,
        memory: Memory | None = None,
        connect: Callable[..., Any] = Connection,
    ) -> None:
        self.root = root
        self.counters = Counters()
        self.rejections = Rejections(clock)
        self.admits: Callable[[Message], bool] = lambda _message: True
        """Asked before anybody hears a message; what it refuses is acknowledged, and goes no further."""
        self._memory = memory
        self._data_lane, self._control_lane, self._stop_lane = _Lane(), _Lane(), _Lane()
        self._retained: dict[str, tuple[bytes, int]] = {}
        self._held: dict[str, None] = {}  # retained topics of which the broker has not got the newest
        self._claims: dict[str, str] = {}
        self._owner_of: dict[str, str | None] = {}  # topic -> who claimed it, as found before
        self._listeners: list[Callable[[bool], object]] = []
        self._unacknowledged: list[int] = []
        self._heard: dict[int, int] = {}  # packet id -> what came with it last: at most 65 535
        self._data: Connection = connect(
            clock, endpoint, f"{root}-gateway-data", self._on_data, self._on_data_change, is_persistent=True
        )
        self._control: Connection = connect(
            clock, endpoint, f"{root}-gateway-control", self._on_control, self._on_control_change, will=will
        )
        self._control.on_room = self._on_room
        self._stop: Connection = connect(clock, endpoint, f"{root}-gateway-stop", self._on_stop_message, self._on_stop_change)

    @property
    def is_connected(self) -> bool:
        """Whether states and commands can travel now."""
        return self._control.is_connected

    @property
    def problem(self) -> str | None:
        """Why there is no connection, None when there is one."""
        return self._control.last_problem

    @property
    def has_unacknowledged(self) -> bool:
        """Whether devices wait for us to say that their QoS 1 messages are safe."""
        return bool(self._unacknowledged)

    def start(self) -> None:
        """Connect, now and whenever the connection is lost."""
        for connection in (self._control, self._data, self._stop):
            connection.start()

    def retry(self) -> None:
        """Connect now: whoever started the broker knows that it is there."""
        for connection in (self._data, self._control, self._stop):
            connection.retry()

    async def stop(self) -> None:
        """Say goodbye on all connections."""
        for connection in (self._stop, self._data, self._control):
            await connection.stop()

    def on_connection(self, listener: Callable[[bool], object]) -> Undo:
        """Call `listener` with True after every connection and False after its loss; the answer takes it off."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def subscribe(self, filter_: str, handler: Handler, *, qos: int = 0, urgent: bool = False) -> Undo:
        """Call `handler` for every message whose topic matches; the answer ends that.

        Args:
            filter_: an MQTT filter; `{root}` stands for the root of the native topics.
            handler: a plain function, called at once; what it raises is logged and counted.
            qos: 0 or 1.
            urgent: True for the control connection: states of boards and what people wait for.

        Raises:
            InvalidData: it is no filter.
        """
        name = check_filter(filter_.replace("{root}", self.root))
        lane, connection = (self._control_lane, self._control) if urgent else (self._data_lane, self._data)
        take_out = lane.trie.add(name, handler)
        self._ask(connection, *lane.filters.add(name, qos))
        is_in = True

        def remove() -> None:
            nonlocal is_in
            if is_in:
                is_in = False
                take_out()
                self._ask(connection, *lane.filters.remove(name, qos))

        return remove

    def on_stop(self, topic: str, handler: Handler) -> Undo:
        """Call `handler` for every message on `topic`, on the connection where nothing else is heard; the answer ends that."""
        name = check_topic(topic.replace("{root}", self.root))
        take_out = self._stop_lane.trie.add(name, handler)
        self._stop.subscribe(self._stop_lane.filters.add(name, STOP_QOS)[0])

        def remove() -> None:
            take_out()
            self._stop.unsubscribe(self._stop_lane.filters.remove(name, STOP_QOS)[1])

        return remove

    def publish(
        self,
        topic: str,
        payload: Any,
        *,
        qos: int = 0,
        retain: bool = False,
        expiry_s: int | None = None,
        owner: str = "core",
        at_once: bool = False,
    ) -> None:
        """Publish; retained ones are remembered and published again at every connection.

        Args:
            topic: without wildcards.
            payload: bytes or text as they are; anything else becomes JSON.
            qos: 0, 1 or 2.
            retain: whether the broker keeps it; an empty payload deletes what it kept.
            expiry_s: after so many seconds the broker throws it away undelivered.
            owner: who publishes: core, or a plugin.
            at_once: True for the connection on which nothing else waits.

        Raises:
            InvalidData: it is no topic.
            Refused: the topic is claimed by another (`claimed`), there is no broker now, or it does not read (`offline`).
        """
        self._check_owner(topic, owner)
        body = encode(payload)
        if retain:  # an empty one too: a broker that is away, or dies before it saved, still has what it takes away
            self._retained[topic] = (body, qos)
        connection = self._stop if at_once and self._stop.is_connected else self._control
        if connection.publish(topic, body, qos=qos, retain=retain, expiry_s=expiry_s):
            self.counters.published += 1
        elif not retain:
            self.counters.unsent += 1
            raise Refused(f"the broker is away or does not read, nothing was sent on {topic}", code="offline")
        else:
            self._held[topic] = None

    def clear(self, topic: str) -> None:
        """Delete what the broker keeps on a topic, whoever claimed it: a retained command is nobody's right."""
        self._retained.pop(topic, None)
        self._control.publish(topic, b"", qos=1, retain=True)

    def claim(self, filter_: str, owner: str) -> Undo:
        """Make `owner` the only publisher on a filter; the answer gives it up.

        Raises:
            NameTaken: it is claimed by another.
        """
        name = check_filter(filter_.replace("{root}", self.root))
        if self._claims.get(name, owner) != owner:
            raise NameTaken(f"{name} is claimed by {self._claims[name]}; only one may publish there")
        self._claims[name] = owner
        self._owner_of.clear()

        def remove() -> None:
            self._claims.pop(name, None)
            self._owner_of.clear()

        return remove

    def reject(self, topic: str, device: str | None, field: str, reason: str) -> None:
        """Count a message that was not as it should be; one warning a minute names device, topic and field.

        On a native topic the device is the one that the topic names.
        """
        if device is None and topic.startswith(f"{self.root}/"):
            levels = topic.removeprefix(f"{self.root}/").split("/")
            device = levels[1] if len(levels) > 2 else None  # noqa: PLR2004  # `<what>/<device>/<what>`
        self.rejections.add(topic, device, field, reason)

    def begin_commit(self) -> Callable[[], None]:
        """Take note of the QoS 1 messages that are in what is about to be written; the answer acknowledges them.

        When the write fails the answer is not called, and the next call takes note of them again.
        """
        amount = len(self._unacknowledged)

        def acknowledge() -> None:
            done, self._unacknowledged = self._unacknowledged[:amount], self._unacknowledged[amount:]
            for message_id in done:
                self._data.acknowledge(message_id)

        return acknowledge

    def _ask(self, connection: Connection, fresh: Mapping[str, int], old: Sequence[str]) -> None:
        connection.subscribe(fresh)  # first: rather a message twice than not at all
        connection.unsubscribe(old)
        self._remember()

    def _check_owner(self, topic: str, owner: str) -> None:
        try:
            claimed_by = self._owner_of[topic]
        except KeyError:
            check_topic(topic)
            if len(self._owner_of) >= TOPICS_REMEMBERED:
                self._owner_of.clear()
            claimed_by = next((who for name, who in self._claims.items() if matches(name, topic)), None)
            self._owner_of[topic] = claimed_by
        if claimed_by not in (None, owner):
            raise Refused(f"only {claimed_by} may publish on {topic}; call its service instead", code="claimed")

    def _on_data(self, message: Message, message_id: int) -> None:
        is_known = False
        if message.qos:
            # A broker that died has forgotten what was acknowledged since it saved, up to a minute ago, and sends it again.
            mark = hash((message.topic, message.payload))
            is_known = message.is_resent and self._heard.get(message_id) == mark
            self._heard[message_id] = mark
        if not is_known:
            self._deliver(self._data_lane, message)
        if message.qos:
            self._unacknowledged.append(message_id)

    def _on_control(self, message: Message, _message_id: int) -> None:
        self._deliver(self._control_lane, message)

    def _on_stop_message(self, message: Message, _message_id: int) -> None:
        self._deliver(self._stop_lane, message)

    def _on_stop_change(self, is_connected: bool) -> None:  # noqa: FBT001  # the connection's signal
        if is_connected:
            self._stop.subscribe(self._stop_lane.filters.asked())

    def _deliver(self, lane: _Lane, message: Message) -> None:
        self.counters.received += 1
        if not self.admits(message):
            return
        handlers = lane.trie.route(message.topic)
        if not handlers:
            self.counters.unrouted += 1
        for handler in handlers:
            try:
                handler(message)
            except Exception:  # the message before and the message after still arrive
                self.counters.failed += 1
                log.exception("the handler of %s failed", message.topic)

    def _on_data_change(self, is_connected: bool) -> None:  # noqa: FBT001  # the connection's signal
        self._unacknowledged.clear()  # their numbers belong to the connection; the broker sends them again
        if not is_connected:
            return
        wanted = self._data_lane.filters.asked()
        if self._data.had_session:
            before = self._memory.read() if self._memory is not None else []
            self._data.unsubscribe([name for name in before if name not in wanted])
        self._data.subscribe(wanted)
        self._remember()

    def _on_control_change(self, is_connected: bool) -> None:  # noqa: FBT001  # the connection's signal
        if is_connected:
            self._control.subscribe(self._control_lane.filters.asked())
            self._held = dict.fromkeys(self._retained)
            self._on_room()
        for listener in list(self._listeners):
            listener(is_connected)

    def _on_room(self) -> None:
        held, self._held = self._held, {}
        for topic in held:
            body, qos = self._retained.get(topic, (None, 0))
            if body is not None and self._control.publish(topic, body, qos=qos, retain=True):
                self.counters.published += 1
            elif body is not None:
                self._held[topic] = None

    def _remember(self) -> None:
        if self._memory is not None and self._data.is_connected:
            self._memory.write(self._data_lane.filters.asked())


def encode(payload: Any) -> bytes:
    """Give the bytes of a payload: bytes and text as they are, anything else as JSON."""
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, str):
        return payload.encode()
    return msgspec.json.encode(payload)

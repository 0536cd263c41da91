"""One connection to the broker: a stock paho client driven by the asyncio loop, drained at every wake-up.

A fresh paho client is made for every attempt: what an old one still held (a command, say) must never be sent again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from autocore.core.clock import Clock, Timer
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.message import Message

KEEPALIVE_S = 15
CONNECT_LIMIT_S = 5.0
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0)  # then every 3 s, and 0.6 s of jitter: R5 asks to be back within 5 s
DRAIN = 32  # messages per wake-up, 1.5 ms of work: beside a flood one stop in a hundred takes 16 ms, with 64 it took 22 (R23)
SESSION_EXPIRY_S = 7 * 86_400  # a vehicle that stands for a week
UNACKNOWLEDGED = 50_000  # while the disk takes nothing; packet ids end at 65 535, and the broker's queue has a limit
UNSENT_BYTES = 500_000  # what may wait for a broker that does not read
MESSAGE_BYTES = 3_000  # what paho spends on a message beside its payload
ORDERS = ("/command", "/stop_all")  # the topics on which nothing may be retained
SUBSCRIBE_AT_ONCE = 100  # filters in one SUBSCRIBE packet

log = logging.getLogger("autocore.mqtt")


class Connection:
    """Keeps one paho client connected.

    Args:
        clock: stamps arrivals, and times the back-off.
        endpoint: the broker.
        client_id: stable for this gateway and purpose.
        on_message: called for every message, at once.
        on_change: called with True after every connection and with False after its end.
        is_persistent: True keeps the session (and QoS 1 messages) at the broker while we are away, and acknowledges
            by hand.
        will: topic and payload of the last will, retained.
    """

    def __init__(
        self,
        clock: Clock,
        endpoint: Endpoint,
        client_id: str,
        on_message: Callable[[Message, int], None],
        on_change: Callable[[bool], None],
        *,
        is_persistent: bool = False,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        # Three connections to one broker need one line per outage: the one with the will says it.
        self._level = logging.WARNING if will is not None else logging.DEBUG
        self._clock = clock
        self._endpoint = endpoint
        self._client_id = client_id
        self._on_message = on_message
        self._on_change = on_change
        self._is_persistent = is_persistent
        self._will = will
        self._client: paho.Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended, self._due = asyncio.Event(), asyncio.Event()
        self._received = self._unsent = 0
        self._timer: Timer | None = None
        self.is_connected = self.had_session = False
        """Whether there is a connection; whether the broker still knew us at the last one."""
        self.last_problem: str | None = None
        self.on_room: Callable[[], object] = lambda: None
        """Called whenever the broker has read all."""

    def start(self) -> None:
        """Connect, and connect again whenever the connection is lost, until `stop`."""
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    def retry(self) -> None:
        """Try now instead of at the end of a pause: somebody knows that the broker is there."""
        self._due.set()

    async def stop(self) -> None:
        """Say goodbye and stay away."""
        if self._client is not None and self.is_connected:
            self._client.disconnect()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._drop()

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, expiry_s: int | None = None) -> bool:
        """Hand a message to the broker at once; False when there is no connection, or when it leaves too much unread."""
        if self._client is None or not self.is_connected or self._is_full(self._client):
            return False
        self._unsent += len(payload) + MESSAGE_BYTES
        properties = None
        if expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
            properties.MessageExpiryInterval = expiry_s
        info = self._client.publish(topic, payload, qos=qos, retain=retain, properties=properties)
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def subscribe(self, filters: Mapping[str, int]) -> None:
        """Subscribe to filters with their QoS; nothing happens while there is no connection."""
        # As published: a command that somebody retains while we are here must be known from one that is only said.
        wanted = [(name, SubscribeOptions(qos, retainAsPublished=name.endswith(ORDERS))) for name, qos in filters.items()]
        for start in range(0, len(wanted), SUBSCRIBE_AT_ONCE):
            if self._client is not None and self.is_connected:
                self._client.subscribe(wanted[start : start + SUBSCRIBE_AT_ONCE])

    def unsubscribe(self, filters: Sequence[str]) -> None:
        """Unsubscribe; nothing happens while there is no connection."""
        if filters and self._client is not None and self.is_connected:
            self._client.unsubscribe(list(filters))

    def acknowledge(self, message_id: int) -> None:
        """Send the PUBACK of a QoS 1 message of this connection."""
        if self._client is not None and self.is_connected:
            self._client.ack(message_id, 1)

    def _is_full(self, client: paho.Client) -> bool:
        if self._unsent > UNSENT_BYTES:
            client.loop_write()  # of a burst the socket takes most
        if not client.want_write():
            self._unsent = 0
        return self._unsent > UNSENT_BYTES

    async def _keep_connected(self) -> None:
        attempt = 0
        while True:
            try:
                await self._connect()
                attempt = 0
                await self._ended.wait()
            except (OSError, ValueError) as error:
                self._problem(f"{error.strerror or error}" if isinstance(error, OSError) else str(error))
            finally:
                self._drop()
            delay_s = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
            attempt += 1
            self._due.clear()
            timer = self._clock.call_later(delay_s * random.uniform(0.8, 1.2), self._due.set)  # noqa: S311  # jitter, no secret
            await self._due.wait()
            timer.cancel()

    async def _connect(self) -> None:
        """Connect and wait for the broker's word; raises OSError when it does not let us in."""
        loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        answered: asyncio.Future[ReasonCode] = loop.create_future()
        client = self._client = self._make_client(loop, answered)
        # paho's connect blocks until TCP stands; an absent broker elsewhere must not hold up the loop.
        await asyncio.to_thread(self._open, client)
        sock: Any = client.socket()
        if sock is None:
            raise OSError("the connection was closed at once")
        # Without it a QoS 2 command waits 40 ms for the acknowledgement of the packet before (Nagle, measured).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BYTES // 2)  # the kernel's own choice grows to 4 MB
        self._unsent = 0
        loop.add_reader(sock, self._readable, client, sock)
        if client.want_write():
            loop.add_writer(sock, client.loop_write)
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                answer = await answered
        except TimeoutError:
            raise OSError("the broker accepts connections but says nothing") from None
        if answer.is_failure:
            raise OSError(f"the broker refused: {answer}")
        if self.last_problem is not None:
            log.log(self._level, "%s: connected to the broker at %s again", self._client_id, self._endpoint)
        self.last_problem = None
        self.is_connected = True
        self._tick(client)
        self._on_change(True)  # noqa: FBT003  # the signal itself

    def _open(self, client: paho.Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        if self._is_persistent:
            properties.SessionExpiryInterval = SESSION_EXPIRY_S
            properties.ReceiveMaximum = UNACKNOWLEDGED
        client.connect(
            self._endpoint.host,
            self._endpoint.port,
            keepalive=KEEPALIVE_S,
            clean_start=not self._is_persistent,
            properties=properties,
        )

    def _make_client(self, loop: asyncio.AbstractEventLoop, answered: asyncio.Future[ReasonCode]) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5,
            manual_ack=self._is_persistent,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_LIMIT_S
        client.max_inflight_messages_set(1_000)
        client.max_queued_messages_set(2_000)  # in QoS 1 and 2, until the broker has answered
        if self._endpoint.username is not None:
            client.username_pw_set(self._endpoint.username, self._endpoint.password)
        if self._endpoint.tls:
            client.tls_set_context(ssl.create_default_context())
        if self._will is not None:
            client.will_set(self._will[0], self._will[1], qos=1, retain=True)

        def on_connect(_client: Any, _data: Any, flags: paho.ConnectFlags, code: ReasonCode, _properties: Any) -> None:
            self.had_session = flags.session_present
            if not answered.done():
                answered.set_result(code)

        def on_message(_client: Any, _data: Any, arrived: paho.MQTTMessage) -> None:
            self._received += 1
            arrived_ns, body = self._clock.monotonic_ns(), bytes(arrived.payload)
            message = Message(arrived.topic, body, arrived.qos, arrived.retain, arrived_ns, arrived.dup)
            self._on_message(message, arrived.mid)

        def on_gone(*_words: Any) -> None:
            self._ended.set()
            if not answered.done():
                answered.set_exception(OSError("the connection was closed"))

        client.on_connect = on_connect
        client.on_message = on_message
        client.on_disconnect = on_gone
        self._watch_socket(client, loop)
        return client

    def _watch_socket(self, client: paho.Client, loop: asyncio.AbstractEventLoop) -> None:
        """Let paho tell the loop when its socket has something to write, and when it is gone."""
        home = threading.get_ident()

        def on_socket_close(_client: Any, _data: Any, sock: Any) -> None:
            if threading.get_ident() == home:  # while it connects in its thread, the loop does not know the socket yet
                _forget(loop, sock)

        def on_write_wanted(_client: Any, _data: Any, sock: Any) -> None:
            loop.call_soon_threadsafe(self._watch_write, client, sock)

        def on_write_done(_client: Any, _data: Any, sock: Any) -> None:
            loop.call_soon_threadsafe(self._unwatch_write, sock)

        client.on_socket_close = on_socket_close
        client.on_socket_register_write = on_write_wanted
        client.on_socket_unregister_write = on_write_done

    def _watch_write(self, client: paho.Client, sock: socket.socket) -> None:
        if sock.fileno() >= 0 and client is self._client:
            asyncio.get_running_loop().add_writer(sock, client.loop_write)

    def _unwatch_write(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            asyncio.get_running_loop().remove_writer(sock)
            self.on_room()

    def _readable(self, client: paho.Client, sock: Any) -> None:
        for _ in range(DRAIN):
            before = self._received
            if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                _forget(asyncio.get_running_loop(), sock)
                self._ended.set()
                return
            if self._received == before:  # the socket is empty, or a packet was no message: the loop calls again
                return

    def _tick(self, client: paho.Client) -> None:
        if client is self._client and self.is_connected:
            if client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._ended.set()
                return
            self._timer = self._clock.call_later(KEEPALIVE_S / 3, lambda: self._tick(client))

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        client, self._client = self._client, None
        was_connected, self.is_connected = self.is_connected, False
        if client is not None:
            client.on_socket_close = client.on_socket_unregister_write = None  # nothing of it reaches the loop any more
            if (sock := client.socket()) is not None:
                _forget(asyncio.get_running_loop(), sock)
                with contextlib.suppress(OSError):
                    sock.close()
        if was_connected:
            if self._task is not None:
                self._problem("the connection was lost")
            self._on_change(False)  # noqa: FBT003  # the signal itself

    def _problem(self, reason: str) -> None:
        if self.last_problem is None:  # one line per outage
            log.log(self._level, "%s: no broker at %s: %s; trying again", self._client_id, self._endpoint, reason)
        self.last_problem = reason


def _forget(loop: asyncio.AbstractEventLoop, sock: Any) -> None:
    if sock is not None and sock.fileno() >= 0:
        loop.remove_reader(sock)
        loop.remove_writer(sock)

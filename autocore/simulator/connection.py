"""One MQTT connection of a device, from CONNECT to its end, on the running asyncio loop.

Never used twice: the next connection is a new one, so that nothing queued or half acknowledged outlives a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from autocore.core.errors import BrokerError

KEEP_ALIVE_S = 10  # the last will of a board that lost its power comes 15 s later
CHORES_S = 1.0  # paho looks after its keep-alive once a second
ANSWER_S = 5.0  # a broker that does not answer for so long is as good as absent
FAREWELL_S = 0.4  # safe within the second in which a stopped device is gone

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and what opens it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for a device that vanished; QoS 1, retained."""

    topic: str
    payload: bytes


class Connection:
    """A clean MQTT 3.1.1 session.

    Args:
        broker: where to.
        client_id: the device's id, to which the broker may bind its credentials.
        will: the last will, or None.
        on_message: called on the loop with whatever arrives.
        on_lost: called on the loop, once, with the reason, when an open connection ends by itself.
    """

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        *,
        will: Will | None,
        on_message: Callable[[mqtt.MQTTMessage], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._broker = broker
        self._client_id = client_id
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._is_open = False
        self._ended = asyncio.Event()
        self._answers: dict[str | int, asyncio.Future[ReasonCode]] = {}
        self._chores: asyncio.TimerHandle | None = None
        self._socket: mqtt.SocketLike | None = None
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=True, protocol=mqtt.MQTTv311)
        client.connect_timeout = ANSWER_S
        client.username_pw_set(broker.username, broker.password)
        if will is not None:
            client.will_set(will.topic, will.payload, qos=1, retain=True)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: self._answer("connect", reason)
        client.on_subscribe = lambda _client, _data, mid, reasons, _properties: self._answer(
            mid, next((reason for reason in reasons if reason.is_failure), reasons[0])
        )
        client.on_publish = lambda _client, _data, mid, reason, _properties: self._answer(mid, reason)
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: self._end(str(reason))
        client.on_message = lambda _client, _data, message: on_message(message)

    @property
    def address(self) -> str | None:
        """The device's own address on this connection."""
        return str(self._socket.getsockname()[0]) if isinstance(self._socket, socket.socket) else None

    async def open(self) -> None:
        """Connect.

        Raises:
            BrokerError: nobody answers there, or the broker refuses us.
        """
        accepted = self._expect("connect")
        try:
            await self._dial()
            self._attach()
            async with asyncio.timeout(ANSWER_S):  # wait_for of Python 3.11 may swallow a cancellation
                reason = await accepted
            if reason.is_failure:
                raise BrokerError(f"the broker at {self._broker} refuses {self._client_id}: {reason}")
            self._require("the connection")
            self._is_open = True
        except (OSError, TimeoutError) as error:
            raise BrokerError(f"the broker at {self._broker} does not answer: {error or 'it took too long'}") from error
        finally:
            self._answers.pop("connect", None)
            if not self._is_open:
                self.drop()

    def subscribe(self, topics: Mapping[str, int]) -> Awaitable[None]:
        """Subscribe to topics with their QoS; what is published after this finds the subscriptions in place.

        What it gives is to be awaited for the broker's word on them.

        Raises:
            BrokerError: when awaited: the broker refuses one, or does not answer.
        """
        _, mid = self._client.subscribe(list(topics.items()))
        return self._subscribed(mid)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 0,
        retain: bool = False,
        on_delivered: Callable[[], None] | None = None,
    ) -> None:
        """Publish without waiting; `on_delivered` is called when the broker has it (QoS 1 and 2)."""
        mid = self._client.publish(topic, payload, qos, retain).mid
        if on_delivered is not None:

            def tell(done: asyncio.Future[ReasonCode]) -> None:
                if done.exception() is None:
                    on_delivered()

            self._expect(mid).add_done_callback(tell)

    async def deliver(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1, and return when the broker has it.

        Raises:
            BrokerError: it does not confirm, or the connection ended.
        """
        mid = self._client.publish(topic, payload, 1, retain).mid
        await self._answered(mid, f"a message on {topic}")

    async def close(self, topic: str, payload: bytes) -> None:
        """Say farewell on a retained topic, then disconnect properly, so that the last will stays unsaid."""
        self._is_open = False
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self.deliver(topic, payload, retain=True)
                self._client.disconnect()
                await self._ended.wait()
        except (BrokerError, TimeoutError):
            log.info("%s: the broker at %s did not hear the farewell", self._client_id, self._broker)
        self.drop()

    def drop(self) -> None:
        """End the connection as a loss of power does; the broker publishes the last will."""
        self._is_open = False
        if self._socket is not None:
            sock = self._socket
            self._detach()
            sock.close()
        self._end("it was dropped here")

    async def _dial(self) -> None:
        # paho connects blocking. In a daemon thread neither the loop nor the end of the program waits for it.
        dialled: asyncio.Future[None] = self._loop.create_future()

        def settle(error: OSError | None) -> None:
            if dialled.done():  # whoever waited has left
                if (sock := self._client.socket()) is not None:
                    sock.close()
            elif error is None:
                dialled.set_result(None)
            else:
                dialled.set_exception(error)

        def dial() -> None:
            error: OSError | None = None
            try:
                self._client.connect(self._broker.host, self._broker.port, KEEP_ALIVE_S)
            except OSError as problem:
                error = problem
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody wants to know
                self._loop.call_soon_threadsafe(settle, error)

        threading.Thread(target=dial, name=f"dial {self._broker}", daemon=True).start()
        await dialled

    def _attach(self) -> None:
        client = self._client
        self._socket = sock = client.socket()
        if sock is None:
            raise ConnectionResetError("the connection ended at once")
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the second of two small packets must not wait
        client.on_socket_register_write = lambda _client, _data, sock: self._loop.add_writer(sock, client.loop_write)
        client.on_socket_unregister_write = lambda _client, _data, sock: self._unwatch(sock)
        client.on_socket_close = lambda _client, _data, _sock: self._detach()
        self._loop.add_reader(sock, client.loop_read)
        self._do_chores()

    def _unwatch(self, sock: mqtt.SocketLike) -> None:
        self._loop.remove_writer(sock)

    def _do_chores(self) -> None:
        self._chores = self._loop.call_later(CHORES_S, self._do_chores)
        self._client.loop_misc()

    def _detach(self) -> None:
        if self._socket is None:
            return
        client = self._client
        client.on_socket_register_write = client.on_socket_unregister_write = client.on_socket_close = None
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket = None
        if self._chores is not None:
            self._chores.cancel()

    def _expect(self, key: str | int) -> asyncio.Future[ReasonCode]:
        answer: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._answers[key] = answer
        return answer

    async def _subscribed(self, mid: int | None) -> None:
        reason = await self._answered(mid, "the subscriptions")
        if reason.is_failure:
            raise BrokerError(f"the broker at {self._broker} refuses {self._client_id} a subscription: {reason}")

    async def _answered(self, mid: int | None, what: str) -> ReasonCode:
        key = mid or 0
        self._require(what)
        try:
            async with asyncio.timeout(ANSWER_S):
                reason = await self._expect(key)
        except TimeoutError as error:
            raise BrokerError(f"the broker at {self._broker} does not confirm {what}") from error
        finally:
            self._answers.pop(key, None)
        self._require(what)
        return reason

    def _require(self, what: str) -> None:
        if self._ended.is_set():
            raise BrokerError(f"the connection to the broker at {self._broker} ended before {what} was confirmed")

    def _answer(self, key: str | int, reason: ReasonCode) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None and not answer.done():
            answer.set_result(reason)

    def _end(self, reason: str) -> None:
        self._ended.set()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(BrokerError(f"the connection to the broker at {self._broker} ended: {reason}"))
        if self._is_open:
            self._is_open = False
            self._on_lost(reason)

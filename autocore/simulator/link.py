"""A device's life on MQTT: connect, register, say that it is online, be welcomed, obey, and come back after a loss."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import paho.mqtt.client as mqtt

from autocore.core.errors import BrokerError, InvalidData
from autocore.simulator.connection import ANSWER_S, Broker, Connection, Will
from autocore.simulator.trust import Trust, Verdict, answer_to
from autocore.simulator.wire import (
    Answer,
    DeviceCommand,
    GatewayStatus,
    Welcome,
    decode,
    encode,
    id_of,
)

FIRST_PAUSE_S = 0.25  # between two attempts to connect; doubled each time
LONGEST_PAUSE_S = 5.0
BOOT_S = 0.5  # a restarted ESP32 is back on a known network after about that
FREE_MEMORY_BYTES = 184_320

log = logging.getLogger(__name__)
_dice = secrets.SystemRandom()

Handler = Callable[[mqtt.MQTTMessage], None]


def device_clock() -> Callable[[], int]:
    """Give a clock in ms that starts at 0, as a board's does: what agrees with the gateway's by chance hides faults."""
    start_ns = time.monotonic_ns()
    return lambda: (time.monotonic_ns() - start_ns) // 1_000_000


async def wait_for(event: asyncio.Event, limit_s: float) -> bool:
    """Wait for `event`; say whether it came within `limit_s` seconds."""
    try:
        async with asyncio.timeout(limit_s):
            return await event.wait()
    except TimeoutError:
        return False


@dataclass(frozen=True, slots=True)
class Card:
    """What a device says of itself when it registers."""

    id: str
    type: str
    name: str
    capabilities: tuple[str, ...]
    mac: str | None = None
    firmware: str = "sim-1.0"
    hardware: str = "virtual"
    channels: int | None = None

    def document(self, address: str | None) -> dict[str, Any]:
        """Give the payload of `devices/{id}/register` for a device at `address`."""
        said = {
            "type": self.type,
            "name": self.name,
            "mac": self.mac,
            "ip": address,
            "firmware": self.firmware,
            "hardware": self.hardware,
            "capabilities": self.capabilities,
            "channels": self.channels,
        }
        return {key: value for key, value in said.items() if value is not None}


class Body(Protocol):
    """What hangs on a link and has to know how it fares."""

    def linked(self) -> None:
        """Connected, subscribed, and the status is out; the welcome is still to come."""

    def unlinked(self) -> None:
        """The connection is gone."""

    def gateway_changed(self) -> None:
        """The gateway spoke on its status topic."""

    def restarted(self) -> None:
        """The device was told to restart, and begins from power-up."""


@dataclass(frozen=True, slots=True)
class _Listener:
    qos: int
    handler: Handler
    may_be_retained: bool


class DeviceLink:
    """The link of one device, over as many connections as it takes.

    Args:
        card: what the device is.
        broker: where to.
        root: the first level of every topic.
        clock_ms: the device's clock; it never goes back.

    Attributes:
        trust: whose commands the device obeys.
        identified: how often somebody asked it to blink.
        body: told about connections; None for a device that only measures.
    """

    def __init__(self, card: Card, broker: Broker, *, root: str = "autocore", clock_ms: Callable[[], int] | None = None) -> None:
        self.card = card
        self.trust = Trust()
        self.identified = 0
        self.body: Body | None = None
        self.clock_ms = clock_ms or device_clock()
        self._broker = broker
        self._root = root
        self._listeners: dict[str, _Listener] = {}
        self._connection: Connection | None = None
        self._wake = asyncio.Event()
        self._restart_id: str | None = None
        self._booted_ms = self.clock_ms()
        self.listen("devices/{id}/welcome", 1, self._on_welcome)
        self.listen("devices/{id}/command", 2, self._on_command)
        self.listen("gateway/status", 1, self._on_gateway, may_be_retained=True)

    @property
    def is_linked(self) -> bool:
        """Whether what is published now reaches the broker."""
        return self._connection is not None

    def topic(self, path: str) -> str:
        """Give the whole topic of `path`, in which `{id}` is this device."""
        return f"{self._root}/{path.replace('{id}', self.card.id)}"

    def listen(self, path: str, qos: int, handler: Handler, *, may_be_retained: bool = False) -> None:
        """Subscribe to `path` at every connection; a retained message is ignored unless `may_be_retained`."""
        self._listeners[self.topic(path)] = _Listener(qos, handler, may_be_retained)

    def publish(self, path: str, document: object, *, qos: int = 0, retain: bool = False) -> None:
        """Publish `document` as JSON; without a connection it is lost, as on a board."""
        if self._connection is not None:
            self._connection.publish(self.topic(path), encode(document), qos=qos, retain=retain)

    def answer(self, answer: Answer | None, on_delivered: Callable[[], None] | None = None) -> None:
        """Publish what became of a command, and call `on_delivered` when the broker has it; None says nothing."""
        if answer is not None and self._connection is not None:
            topic = self.topic("devices/{id}/ack")
            self._connection.publish(topic, encode(answer), qos=1, on_delivered=on_delivered)

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the device on the air until `stop` is set, then say that it goes offline."""
        try:
            async with asyncio.TaskGroup() as tasks:
                life = tasks.create_task(self._live(), name=f"{self.card.id}: link")
                await stop.wait()
                life.cancel()
            if self._connection is not None:
                connection, self._connection = self._connection, None
                await connection.close(self._status_topic, encode(self._offline()))
        finally:
            self._drop()

    async def _live(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._connect()
            except BrokerError as error:
                if pause_s == FIRST_PAUSE_S:  # one line an outage
                    log.warning("%s: %s; trying again", self.card.id, error)
                await asyncio.sleep(pause_s * _dice.uniform(0.8, 1.2))  # boards must not come back in step
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            await self._stay()
            if self._restart_id is not None:
                await self._restart(self._restart_id)

    async def _connect(self) -> None:
        session = secrets.token_hex(8)
        self.trust.connect(session, self.clock_ms())
        connection = Connection(
            self._broker,
            self.card.id,
            will=Will(self._status_topic, encode(self._offline())),
            on_message=self._on_message,
            on_lost=self._on_lost,
        )
        await connection.open()
        self._connection = connection
        # Without a pause in between: what the broker has kept for us is answered, and only after we said who we are.
        subscribed = connection.subscribe({topic: listener.qos for topic, listener in self._listeners.items()})
        self.publish("devices/{id}/register", self.card.document(connection.address), qos=1)
        self._publish_status()
        if self.body is not None:
            self.body.linked()
        try:
            await subscribed
        except BrokerError:
            self._drop()
            raise
        log.info("%s: connected to %s", self.card.id, self._broker)

    async def _stay(self) -> None:
        """Stay until the connection is lost or a restart is asked for, and ask for a welcome whenever that is due."""
        while self._connection is not None and self._restart_id is None:
            rest_ms = self.trust.ask_ms - self.clock_ms()
            if rest_ms <= 0:
                self._publish_status()
                continue
            self._wake.clear()
            await wait_for(self._wake, rest_ms / 1_000)

    async def _restart(self, command_id: str) -> None:
        answered = asyncio.Event()
        self.answer(Answer(command_id, "accepted"), on_delivered=answered.set)
        await wait_for(answered, ANSWER_S)
        self._drop()
        if self.body is not None:
            self.body.restarted()
        await asyncio.sleep(BOOT_S)
        self._booted_ms = self.clock_ms()
        self._restart_id = None

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()
        self._unlink()

    def _on_lost(self, reason: str) -> None:
        log.warning("%s: lost the broker at %s: %s", self.card.id, self._broker, reason)
        self._connection = None
        self._unlink()
        self._wake.set()

    def _unlink(self) -> None:
        self.trust.disconnect()
        if self.body is not None:
            self.body.unlinked()

    def _on_message(self, message: mqtt.MQTTMessage) -> None:
        listener = self._listeners[message.topic]
        if message.retain and not listener.may_be_retained:
            log.warning("%s: ignored a retained message on %s, where none may be", self.card.id, message.topic)
            return
        if not message.payload:
            return  # somebody took away what was retained; what was known from it still holds
        try:
            listener.handler(message)
        except InvalidData as error:
            log.warning("%s: %s is malformed: %s", self.card.id, message.topic, error)
            identity = id_of(message.payload)
            if identity is not None:
                self.answer(Answer(identity, "refused", str(error)))
        self._wake.set()  # whatever came may have changed when the status is due

    def _on_welcome(self, message: mqtt.MQTTMessage) -> None:
        was_welcomed = self.trust.is_welcomed
        if self.trust.welcome(decode(message.payload, Welcome), self.clock_ms()) and not was_welcomed:
            log.info("%s: welcomed", self.card.id)
            if self.body is not None:
                self.body.gateway_changed()

    def _on_gateway(self, message: mqtt.MQTTMessage) -> None:
        status = decode(message.payload, GatewayStatus)
        self.trust.gateway_spoke(status, self.clock_ms(), is_retained=message.retain)
        if self.body is not None:
            self.body.gateway_changed()

    def _on_command(self, message: mqtt.MQTTMessage) -> None:
        command = decode(message.payload, DeviceCommand)
        verdict = self.trust.judge(command, self.clock_ms())
        if verdict is not Verdict.OBEY:
            self.answer(answer_to(command, verdict))
        elif command.command == "identify":
            self.identified += 1
            log.info("%s: blinking, so that somebody can find it", self.card.id)
            self.answer(Answer(command.id, "applied"))
        elif command.command == "restart":
            self._restart_id = command.id  # its answer has to be out before the connection goes
        else:
            reason = f"there is no command {command.command}; this device knows identify and restart"
            self.answer(Answer(command.id, "refused", reason))

    @property
    def _status_topic(self) -> str:
        return self.topic("devices/{id}/status")

    def _publish_status(self) -> None:
        now_ms = self.clock_ms()
        status = {
            "status": "online",
            "session": self.trust.session,
            "ask": self.trust.ask(now_ms),
            "uptime_s": (now_ms - self._booted_ms) // 1_000,
            "rssi_dbm": _dice.randint(-64, -52),
            "free_memory_bytes": FREE_MEMORY_BYTES - 1_024 * _dice.randint(0, 8),
        }
        self.publish("devices/{id}/status", status, qos=1, retain=True)

    def _offline(self) -> dict[str, str | None]:
        return {"status": "offline", "session": self.trust.session}

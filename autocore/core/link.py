"""The gateway's side of a board's life on MQTT: register, status, welcome, commands and their answers.

A board obeys only commands of its present session that were issued after the welcome; this is where session, sequence and
epoch are kept and where every command gets its stamp. It switches nothing itself: the plugins do, with these stamps.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from autocore.core.bus import Bus, Event
from autocore.core.clock import NS, Clock, Timer
from autocore.core.devices import Device, DeviceRegistry, Presence, Standing
from autocore.core.errors import InvalidData, NoAnswer, Refused
from autocore.core.model import Cause
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message
from autocore.core.names import readable
from autocore.core.wire import Ack, DeviceCommand, Error, GatewayStatus, Register, Stamp, Status, Welcome

OWNER = "core"
COMMAND_TTL_S = 2.0  # protocol.md rule 1: a QoS 2 command reaches a sleeping client seconds late; older than this it is dropped
ANSWER_WITHIN_S = 3.0  # the time to live, and a slow link's way back
STATUS_EVERY_S = 60.0
LONGEST_NAME = 60
DETAILS = ("reason", "uptime_s", "rssi_dbm", "free_memory_bytes")

log = logging.getLogger("autocore.link")

Word = TypeVar("Word")


class Expectation:
    """An answer that is awaited: the ack of one command."""

    def __init__(self, clock: Clock, within_s: float, forget: Callable[[], None]) -> None:
        self._future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self._within_s = within_s
        self._forget = forget
        self._timer: Timer = clock.call_later(within_s, self._late)

    async def answer(self) -> Ack:
        """Give the ack.

        Raises:
            NoAnswer: none came within the time.
        """
        try:
            return await self._future
        finally:
            self.close()

    def resolve(self, ack: Ack) -> None:
        """Take the ack."""
        if not self._future.done():
            self._future.set_result(ack)

    def close(self) -> None:
        """Await it no longer; harmless when it is over."""
        self._timer.cancel()
        self._forget()

    def _late(self) -> None:
        if not self._future.done():
            self._future.set_exception(NoAnswer(f"no answer within {self._within_s:g} s", waited_s=self._within_s))


class DeviceLink:
    """Speaks with every board about the board itself."""

    def __init__(self, hub: MqttHub, devices: DeviceRegistry, bus: Bus, clock: Clock, *, epoch: int, version: str) -> None:
        self._hub = hub
        self._devices = devices
        self._bus = bus
        self._clock = clock
        self._epoch = epoch
        self._version = version
        self._started_ns = clock.monotonic_ns()
        self._sequences: dict[str, int] = {}  # device -> last seq given; never lower again: a board may compare over sessions
        self._expected: dict[tuple[str, str], Expectation] = {}  # (device, command id): nobody answers for another
        self._undo: list[Callable[[], None]] = []
        self._status_timer: Timer | None = None
        self._word: Literal["online", "going_down"] = "online"

    def start(self) -> None:
        """Listen to the boards and say that the gateway is there, now and at every reconnection."""
        hub = self._hub
        devices = f"{hub.root}/devices"
        self._undo = [
            hub.claim(f"{hub.root}/gateway/status", OWNER),
            hub.claim(f"{devices}/+/welcome", OWNER),
            hub.claim(f"{devices}/+/command", OWNER),
            hub.subscribe(f"{devices}/+/register", self._take(Register, self._on_register), qos=1, urgent=True),
            hub.subscribe(f"{devices}/+/status", self._take(Status, self._on_status), qos=1, urgent=True),
            hub.subscribe(f"{devices}/+/error", self._take(Error, self._on_error), qos=1, urgent=True),
            hub.subscribe(f"{devices}/+/ack", self._take(Ack, self._on_ack), qos=1, urgent=True),
            hub.subscribe(f"{devices}/+/command", self._on_command_topic, qos=0, urgent=True),
            hub.subscribe(f"{hub.root}/relays/+/command", self._on_command_topic, qos=0, urgent=True),
            hub.on_connection(self._on_connection),
            self._bus.on("device.online", self._on_presence),
            self._bus.on("device.offline", self._on_presence),
            self._bus.on("device.changed", self._on_standing),
        ]
        self._publish_status()

    def stop(self) -> None:
        """Say that the gateway goes, and listen no more; what is awaited fails."""
        if self._status_timer is not None:
            self._status_timer.cancel()
        if self._hub.is_connected:
            self._publish(f"{self._hub.root}/gateway/status", self._status("offline"), retain=True)
        for undo in reversed(self._undo):
            undo()
        for expectation in list(self._expected.values()):
            expectation.close()

    def go_down(self) -> None:
        """Say that the power goes: boards take their outputs to what they do on a lost link, and nobody is welcomed any more."""
        self._word = "going_down"
        for device in self._devices:
            if device.is_welcomed:
                self._devices.update(device.id, is_welcomed=False)
        self._publish_status()

    def come_back(self) -> None:
        """Say that the gateway stays after all: boards ask for a welcome, and get one. Harmless when it was not going."""
        if self._word != "online":
            self._word = "online"
            self._publish_status()

    def stamp(self, device_id: str, ttl_s: float = COMMAND_TTL_S) -> Stamp:
        """Give the stamp for one command to a board, to be sent at once; each stamp is good for one command.

        Raises:
            UnknownName: no such device.
            Refused: it is not online, or was not welcomed yet (`offline`), or the gateway's power goes (`going_down`).
        """
        if self._word != "online":
            raise Refused("the gateway is going down; nothing is switched any more", code="going_down")
        device = self._devices.online(device_id)
        seq = self._sequences[device_id] = self._sequences.get(device_id, 0) + 1
        return Stamp(
            id=secrets.token_hex(8),
            session=device.session or "",
            seq=seq,
            epoch=self._epoch,
            t_ms=self._t_ms(),
            ttl_ms=round(ttl_s * 1000),
        )

    def expect(self, device_id: str, command_id: str, within_s: float = ANSWER_WITHIN_S) -> Expectation:
        """Await a board's ack of a command; call it before the command leaves, and `answer()` or `close()` it after."""
        key = (device_id, command_id)

        def forget() -> None:
            self._expected.pop(key, None)

        expectation = self._expected[key] = Expectation(self._clock, within_s, forget)
        return expectation

    async def command(self, device_id: str, command: str, args: Mapping[str, Any] | None = None) -> Ack:
        """Send a board a command about itself (`identify`, `restart`) and give its ack.

        Raises:
            UnknownName: no such device.
            Refused: it is offline, or it refused.
            NoAnswer: it stayed silent.
        """
        stamp = self.stamp(device_id)
        body = DeviceCommand(command=command, args=dict(args or {}), **msgspec.structs.asdict(stamp))
        expectation = self.expect(device_id, stamp.id)
        try:
            topic = f"{self._hub.root}/devices/{device_id}/command"
            self._hub.publish(topic, body, qos=2, expiry_s=round(COMMAND_TTL_S), owner=OWNER)
            ack = await expectation.answer()
        finally:
            expectation.close()
        if ack.status in ("refused", "expired"):
            raise Refused(f"{device_id} answered {ack.status}: {ack.reason or 'no reason given'}")
        return ack

    def _take(self, kind: type[Word], act: Callable[[str, Word, Message], None]) -> Callable[[Message], None]:
        """Give a handler that decodes to `kind` and calls `act` with the device, which is known by then."""

        def handle(message: Message) -> None:
            device_id = message.topic.split("/")[-2]
            if not message.payload:
                return  # somebody cleared a retained message
            try:
                word = message.decode(kind)
                self._devices.admit(device_id)
            except InvalidData as error:
                self._hub.reject(message.topic, device_id, error.field, error.message)
                return
            if self._devices.find(device_id) is not None:
                act(device_id, word, message)

        return handle

    def _on_register(self, device_id: str, word: Register, message: Message) -> None:
        if message.retain:
            return  # a board registers when it connects; a stored one says nothing about now
        channels = word.channels if isinstance(word.channels, int) else len(word.channels or ()) or None
        name = readable(word.name or "", LONGEST_NAME) or device_id
        facts = _readable(msgspec.structs.asdict(word)) | {"capabilities": tuple(map(readable, word.capabilities))}
        self._devices.update(device_id, **(facts | {"name": name, "channels": channels}))

    def _on_status(self, device_id: str, word: Status, _message: Message) -> None:
        details = _readable({name: value for name in DETAILS if (value := getattr(word, name)) is not None})
        presence = Presence(word.status)
        old = self._devices.get(device_id)
        if presence is not Presence.ONLINE:
            if word.session is not None and old.session not in (None, word.session):
                return  # the last will of a connection that a newer one has replaced
            self._devices.update(device_id, presence=presence, session=None, is_welcomed=False, details=details)
            return
        is_same = old.session is not None and old.session == word.session
        device = self._devices.update(
            device_id, presence=presence, session=word.session, is_welcomed=is_same and old.is_welcomed, details=details
        )
        self._welcome(device, word.ask)

    def _on_error(self, device_id: str, word: Error, message: Message) -> None:
        if message.retain or self._devices.get(device_id).standing is not Standing.APPROVED:
            return
        code, text = readable(word.code), readable(word.message)
        data = {"device": device_id, "code": code, "message": text, "context": word.context or {}}
        self._bus.emit("device.reported", data, Cause("device", device_id))

    def _on_ack(self, device_id: str, word: Ack, message: Message) -> None:
        if message.retain:
            return
        expectation = self._expected.get((device_id, word.id))
        if expectation is not None:
            expectation.resolve(word)
        self._bus.emit("device.ack", {"device": device_id, "id": word.id, "status": word.status, "reason": word.reason})

    def _on_command_topic(self, message: Message) -> None:
        """Delete a retained command and raise the alarm (protocol.md rule 2): a board would obey it at every reconnection."""
        if not message.retain or not message.payload:
            return
        log.error("a retained command stood on %s; it was deleted. Whoever published it must not set retain", message.topic)
        self._hub.clear(message.topic)
        self._bus.emit("mqtt.retained_command", {"topic": message.topic})

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if is_connected:
            self._publish_status()
            return
        for device in self._devices:
            if device.presence is Presence.ONLINE:  # nobody can say so any more; the broker tells again at the connection
                self._devices.update(device.id, presence=Presence.UNKNOWN, session=None, is_welcomed=False)

    def _on_presence(self, _event: Event) -> None:
        self._publish_status()

    def _on_standing(self, event: Event) -> None:
        if "standing" not in event.data:
            return
        device = self._devices.get(event.data["device"])
        if device.standing is Standing.APPROVED:
            self._welcome(device)
        elif device.is_welcomed:
            self._devices.update(device.id, is_welcomed=False)

    def _welcome(self, device: Device, ask: int | None = None) -> None:
        """Welcome a board; without the number of its status it asks again, because it cannot tell how old the answer is."""
        if device.session is None or device.standing is not Standing.APPROVED or not self._hub.is_connected:
            return
        if self._word != "online":
            return  # whoever is welcomed would obey again
        last = self._sequences.get(device.id, 0)
        word = Welcome(session=device.session, epoch=self._epoch, seq=last, t_ms=self._t_ms(), ask=ask)
        self._publish(f"{self._hub.root}/devices/{device.id}/welcome", word, qos=1)
        self._devices.update(device.id, is_welcomed=True)

    def _publish_status(self) -> None:
        if self._status_timer is not None:
            self._status_timer.cancel()
        self._status_timer = self._clock.call_later(STATUS_EVERY_S, self._publish_status)
        if self._hub.is_connected:
            self._publish(f"{self._hub.root}/gateway/status", self._status(self._word), qos=1, retain=True)

    def _status(self, word: Literal["online", "offline", "going_down"]) -> GatewayStatus:
        online = sum(device.presence is Presence.ONLINE for device in self._devices)
        uptime_s = (self._clock.monotonic_ns() - self._started_ns) // NS
        return GatewayStatus(word, self._epoch, self._version, uptime_s, online)

    def _publish(self, topic: str, body: msgspec.Struct, *, qos: int = 1, retain: bool = False) -> None:
        self._hub.publish(topic, body, qos=qos, retain=retain, owner=OWNER)

    def _t_ms(self) -> int:
        return self._clock.monotonic_ns() // 1_000_000


def _readable(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: readable(value) if isinstance(value, str) else value for name, value in facts.items()}

"""Load: many telemetry devices at a fixed total rate, paced open loop, straight onto sockets.

Open loop means that a slow broker makes the messages late, never fewer: none is left out, and how late the worst one
left is in the result. QoS 0 is not acknowledged, so the end is a ping on every connection: its answer proves that the
broker has read all that came before.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from autocore.core.errors import BrokerError, InvalidData
from autocore.simulator import packets

TICK_S = 0.01  # at 30 000 msg/s three messages share a write: fewer system calls, and still smooth
ANSWER_S = 30.0  # a broker under full load may take its time
FIRST_VALUE = 1_000_000  # seven digits from the first value to the last, so a packet's length is known beforehand
VALUES = 9_000_000
CONNECTING_AT_ONCE = 32  # a third of the queue in which Mosquitto lets connections wait
OTHER_FILES = 64
BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """What load to make.

    Args:
        devices: how many, each with a connection of its own.
        rate: messages per second of all devices together.
        seconds: for how long; `rate` x `seconds` messages are sent.
        sensors: per device.
        shape: `reading` sends `{"sensor": …, "value": …}`, `object` sends `{"<sensor>": …}`.
        prefix: device ids are `<prefix>_0001` and so on.
        registers: each device registers before the first reading.

    Raises:
        InvalidData: a number that makes no sense.
    """

    devices: int = 100
    rate: float = 1_000.0
    seconds: float = 10.0
    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = None
    root: str = "autocore"
    sensors: int = 10
    shape: Literal["reading", "object"] = "reading"
    prefix: str = "load"
    registers: bool = True

    def __post_init__(self) -> None:
        for name in ("devices", "rate", "seconds", "sensors"):
            if getattr(self, name) <= 0:
                raise InvalidData(f"must be above 0, not {getattr(self, name)}", field=name)
        if self.messages > VALUES * self.devices * self.sensors:
            raise InvalidData(f"a sensor can send {VALUES} values; take more devices or fewer seconds", field="seconds")

    @property
    def messages(self) -> int:
        """How many messages will be sent."""
        return round(self.rate * self.seconds)

    def device(self, number: int) -> str:
        """Give the id of a device, counted from 0."""
        return f"{self.prefix}_{number + 1:04d}"

    def sensor(self, number: int) -> str:
        """Give the key of a sensor, counted from 0."""
        return f"s{number}"

    def last_value(self, device: int, sensor: int) -> int | None:
        """Give the value that a sensor sends last; None when its turn never comes."""
        place = sensor * self.devices + device
        rounds, rest = divmod(self.messages, self.devices * self.sensors)
        sent = rounds + (place < rest)
        return FIRST_VALUE + sent - 1 if sent else None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What was sent.

    Args:
        sent: how many messages.
        seconds: from the first message until the broker had read the last one.
        late_s: how long after its time the latest message was written.
        bytes_sent: of PUBLISH packets.
    """

    sent: int
    devices: int
    seconds: float
    late_s: float
    bytes_sent: int

    @property
    def rate(self) -> float:
        """Messages per second, as they were really sent."""
        return self.sent / self.seconds

    def __str__(self) -> str:
        return (
            f"{self.sent} messages from {self.devices} devices in {self.seconds:.2f} s: {self.rate:.0f} msg/s, "
            f"{self.bytes_sent / 1e6:.1f} MB, the latest {self.late_s * 1_000:.0f} ms behind its time"
        )


async def run_load(settings: LoadSettings, progress: Callable[[int], object] | None = None) -> LoadResult:
    """Connect the devices, send the messages in their time, and return when the broker has read all of them.

    Args:
        settings: what to send.
        progress: called with the number of messages sent so far, some times a second.

    Raises:
        BrokerError: the broker is not there, refuses a device, or closes a connection.
        InvalidData: this process may not open so many connections.
    """
    _allow_files(settings.devices + OTHER_FILES)
    devices = [_Device(settings, number) for number in range(settings.devices)]
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)
    try:
        await asyncio.gather(*(device.connect(gate) for device in devices))
        return await _send(settings, devices, progress)
    finally:
        for device in devices:
            device.close()


async def _send(settings: LoadSettings, devices: list[_Device], progress: Callable[[int], object] | None) -> LoadResult:
    total, rate = settings.messages, settings.rate
    sent = 0
    late_s = 0.0
    start = time.perf_counter()
    while sent < total:
        now_s = time.perf_counter() - start
        due = min(total, int(now_s * rate) + 1)  # message k is due at k / rate
        if due > sent:
            late_s = max(late_s, now_s - sent / rate)
            for device, parts in _batch(settings, devices, sent, due).items():
                if device.is_choked:
                    await device.writable.wait()
                device.write(parts)
            sent = due
            if progress is not None:
                progress(sent)
        next_s = max(now_s + TICK_S, sent / rate)
        await asyncio.sleep(max(0.0, start + next_s - time.perf_counter()))
    await asyncio.gather(*(device.settle() for device in devices))
    seconds = time.perf_counter() - start
    return LoadResult(total, settings.devices, seconds, late_s, sum(device.bytes_sent for device in devices))


def _batch(settings: LoadSettings, devices: list[_Device], first: int, end: int) -> dict[_Device, list[bytes]]:
    """Give the packets of the messages from `first` to before `end`: devices take turns, then sensors, then values."""
    parts: dict[_Device, list[bytes]] = defaultdict(list)
    per_value = settings.devices * settings.sensors
    for number in range(first, end):
        turn, place = divmod(number, settings.devices)
        device = devices[place]
        parts[device] += device.heads[turn % settings.sensors], b"%d}" % (FIRST_VALUE + number // per_value)
    return parts


class _Device(asyncio.Protocol):
    """One device's connection."""

    def __init__(self, settings: LoadSettings, number: int) -> None:
        self._settings = settings
        self._id = settings.device(number)
        self._transport: asyncio.Transport | None = None
        self._stream = bytearray()
        self._awaited: dict[int, asyncio.Future[bytes]] = {}
        self._failure: BrokerError | None = None
        self.writable = asyncio.Event()
        self.bytes_sent = 0
        topic = f"{settings.root}/telemetry/{self._id}/data"
        self.heads = [_head(topic, settings.shape, settings.sensor(sensor)) for sensor in range(settings.sensors)]

    @property
    def is_choked(self) -> bool:
        """Whether more than a buffer full waits for the broker."""
        return not self.writable.is_set()

    async def connect(self, gate: asyncio.Semaphore) -> None:
        """Connect and register."""
        settings = self._settings
        async with gate:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self, settings.host, settings.port)
            except OSError as error:
                place = f"{settings.host}:{settings.port}"
                raise BrokerError(f"the broker at {place} does not answer: {error}") from error
            hello = packets.connect_packet(self._id, settings.username, settings.password)
            answer = await self._ask(hello, packets.CONNACK)
            if answer[3] != 0:
                raise BrokerError(
                    f"the broker refuses {self._id}: code {answer[3]}; give it a user name and password that it knows"
                )
            if settings.registers:
                card = {
                    "type": "sensor_node",
                    "name": self._id,
                    "capabilities": ["telemetry"],
                    "firmware": "load-1.0",
                }
                topic = f"{settings.root}/devices/{self._id}/register"
                await self._ask(packets.acknowledged_publish(topic, json.dumps(card).encode(), 1), packets.PUBACK)

    def write(self, parts: list[bytes]) -> None:
        """Send packets."""
        if self._failure is not None:
            raise self._failure
        if self._transport is not None:
            data = b"".join(parts)
            self.bytes_sent += len(data)
            self._transport.write(data)

    async def settle(self) -> None:
        """Return when the broker has read all that was written."""
        await self._ask(packets.PINGREQ_PACKET, packets.PINGRESP)

    def close(self) -> None:
        """Disconnect."""
        self._failure = self._failure or BrokerError(f"{self._id} was closed")
        if self._transport is not None:
            self._transport.write(packets.DISCONNECT_PACKET)
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        if isinstance(transport, asyncio.Transport):
            transport.set_write_buffer_limits(high=BUFFER_BYTES)
            self._transport = transport
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """Hand each answer to whoever waits for it."""
        self._stream += data
        for packet in packets.split(self._stream):
            answer = self._awaited.pop(packet[0], None)
            if answer is not None and not answer.done():
                answer.set_result(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whatever waits, and the next write."""
        if self._failure is None:
            self._failure = BrokerError(f"the broker closed the connection of {self._id}: {exc or 'it said no reason'}")
        for answer in self._awaited.values():
            if not answer.done():
                answer.set_exception(self._failure)
        self.writable.set()

    def pause_writing(self) -> None:
        """Choke."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self.writable.set()

    async def _ask(self, packet: bytes, answer_kind: int) -> bytes:
        if self._failure is not None:
            raise self._failure
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited[answer_kind] = answer
        if self._transport is not None:
            self._transport.write(packet)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError as error:
            raise BrokerError(f"the broker does not answer {self._id} within {ANSWER_S:.0f} s") from error


def _head(topic: str, shape: str, sensor: str) -> bytes:
    """Give a packet up to its value; seven digits and a brace follow."""
    start = f'{{"sensor":"{sensor}","value":' if shape == "reading" else f'{{"{sensor}":'
    payload_start = start.encode()
    return packets.publish_head(topic, len(payload_start) + len(f"{FIRST_VALUE}}}")) + payload_start


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError) as error:
        message = f"this process may open {hard} files and {wanted} are needed; see ulimit -Hn"
        raise InvalidData(message, field="devices") from error

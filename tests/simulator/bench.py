"""The test bench: a real Mosquitto, and the gateway's side of the conversation as far as a board sees it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autocore.simulator.connection import Broker, Connection
from autocore.simulator.link import DeviceLink, wait_for

DEADLINE_S = 20.0  # nothing takes so long; it only ends a test that would hang


class LocalBroker:
    """A Mosquitto of our own that may go away and come back at the same address."""

    def __init__(self, folder: Path, *, is_open: bool = True) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = Broker("127.0.0.1", self.port)
        self._configuration = folder / f"mosquitto-{self.port}.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous {str(is_open).lower()}\nset_tcp_nodelay true\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            if self._process is None or self._process.poll() is not None:  # somebody else has the port for a moment
                self._process = subprocess.Popen(
                    ["mosquitto", "-c", str(self._configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
            except OSError:
                assert time.monotonic() < deadline, "mosquitto does not listen"
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass(frozen=True)
class Heard:
    """One message that the gateway received."""

    topic: str
    payload: bytes
    is_retained: bool

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Gateway:
    """Hears everything under the root, welcomes devices when it is told to, and sends what a test says."""

    def __init__(self, broker: Broker, epoch: int = 7) -> None:
        self.epoch = epoch
        self.welcomes = True
        self.heard: list[Heard] = []
        self.sessions: dict[str, str] = {}
        self._seq = 0
        self._news = asyncio.Event()
        self._connection = Connection(
            broker, f"gateway-{epoch}", will=None, on_message=self._on_message, on_lost=lambda _reason: None
        )

    async def start(self) -> None:
        await self._connection.open()
        await self._connection.subscribe({"autocore/#": 2})

    def stop(self) -> None:
        self._connection.drop()

    def publish(self, path: str, document: object, *, qos: int = 1, retain: bool = False) -> None:
        payload = document if isinstance(document, bytes) else json.dumps(document).encode()
        self._connection.publish(f"autocore/{path}", payload, qos=qos, retain=retain)

    def say_status(self, status: str = "online", epoch: int | None = None) -> None:
        self.publish("gateway/status", {"status": status, "epoch": self.epoch if epoch is None else epoch}, retain=True)

    def t_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def order(self, device: str, **fields: object) -> dict[str, object]:
        """Give a command's stamp for a device, fresh unless `fields` say otherwise."""
        self._seq += 1
        stamp = {
            "id": f"c{self._seq}",
            "session": self.sessions.get(device, ""),
            "seq": self._seq,
            "epoch": self.epoch,
            "t_ms": self.t_ms(),
            "ttl_ms": 2_000,
        }
        return stamp | fields

    async def device(self, device: str, command: str, **fields: object) -> Any:
        """Send a device a command and give its answer."""
        order = self.order(device, command=command, args={}, **fields)
        self.publish(f"devices/{device}/command", order, qos=2)
        return await self.answer(device, order)

    async def relay(self, device: str, channel: int, state: bool, kind: str = "toggle", **fields: object) -> Any:
        """Send a board a relay command and give its answer."""
        order = self.order(device, channel=channel, state=state, type=kind, **fields)
        self.publish(f"relays/{device}/command", order, qos=2)
        return await self.answer(device, order)

    def beat(self, device: str, hold: str, channel: int, n: int) -> None:
        self.publish(f"relays/{device}/heartbeat", {"hold": hold, "channel": channel, "n": n, "t_ms": self.t_ms()}, qos=0)

    async def answer(self, device: str, order: dict[str, object]) -> Any:
        heard = await self.until(f"devices/{device}/ack", lambda ack: ack["id"] == order["id"])
        return heard.json

    async def until(self, path: str, is_it: Callable[[Any], object] = lambda _document: True, *, after: int = 0) -> Heard:
        """Give the first message on `path` for which `is_it` holds, among those after number `after`."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for one in self.heard[after:]:
                    if one.topic == f"autocore/{path}" and one.payload and is_it(one.json):
                        return one
                self._news.clear()
                await self._news.wait()

    async def welcomed(self, link: DeviceLink) -> str:
        """Wait until a device obeys us, and give its session."""
        await eventually(lambda: link.trust.is_welcomed)
        return self.sessions[link.card.id]

    def all(self, path: str) -> list[Any]:
        return [one.json for one in self.heard if one.topic == f"autocore/{path}" and one.payload]

    def _on_message(self, message: Any) -> None:
        heard = Heard(message.topic, bytes(message.payload), bool(message.retain))
        self.heard.append(heard)
        self._news.set()
        _, group, device, *rest = [*heard.topic.split("/"), ""]
        if group == "devices" and rest[0] == "status" and heard.json["status"] == "online":
            self.sessions[device] = heard.json["session"]
            if self.welcomes:
                status = {key: heard.json[key] for key in ("session", "ask")}
                self.publish(f"devices/{device}/welcome", {**status, "epoch": self.epoch, "seq": self._seq, "t_ms": self.t_ms()})


class Running:
    """Something with `run(stop)` that a test started."""

    def __init__(self, run: Callable[[asyncio.Event], Any]) -> None:
        self.stop_event = asyncio.Event()
        self.task: asyncio.Task[None] = asyncio.create_task(run(self.stop_event))

    async def stop(self) -> None:
        self.stop_event.set()
        async with asyncio.timeout(DEADLINE_S):
            await self.task


async def eventually(condition: Callable[[], object]) -> None:
    """Return when `condition` holds; it is looked at often, and not for ever."""
    never = asyncio.Event()
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await wait_for(never, 0.005)

"""A real gateway on free ports, with its own Mosquitto, for whatever a test wants to see it do."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from hypothesis import settings
from paho.mqtt.enums import CallbackAPIVersion
from passlib.context import CryptContext

from autocore.app import Gateway, Settings
from autocore.auth import passwords
from autocore.core.config import load
from autocore.core.mqtt.endpoint import Endpoint
from autocore.simulator import run_vehicle
from tests.ports import free_port

PASSWORD = "three random words"
CONFIG = """
autocore: {name: Test vehicle}
mqtt: {anonymous: loopback}
devices: {approve: automatic}
history: {flush_s: 1}
logging: {level: warning}
telemetry:
system: {every: 1s}
relays:
  boards:
    - device: relay_board_1
      name: Relay board
      answer_within: 2s
      channels:
        1: {name: Light bar}
        2: {name: Work lights}
        3: {name: Gate, type: pulse, duration: 300ms}
"""

# The pytest of a plugin's author has what `autocore[test]` brings, and not what the project's own tests need: 3 s at each start.
AS_AN_AUTHOR = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p no:cacheprovider -p asyncio -p autocore"}
settings.register_profile("shared machine", deadline=None)  # how long an example takes is no test's business
settings.load_profile("shared machine")

STRONG = passwords._context
# A hash takes 40 ms of a core by intention, and nearly every test here logs somebody in; `test_accounts.py` uses the real one.
passwords._context = CryptContext(schemes=["argon2"], argon2__memory_cost=64, argon2__time_cost=1, argon2__parallelism=1)


async def eventually(claim: Callable[[], Any] | Callable[[], Awaitable[Any]], within_s: float = 20.0) -> Any:
    """Give the first true answer of `claim`; it fails when there is none in time."""
    async with asyncio.timeout(within_s):
        while True:
            answer = claim()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.01)


@dataclass
class Running:
    """A gateway that runs, and a client that may do everything."""

    gateway: Gateway
    client: httpx.AsyncClient
    token: str
    folder: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.gateway.http_port}"

    @property
    def broker(self) -> Endpoint:
        assert self.gateway.endpoint is not None
        return self.gateway.endpoint

    async def entity(self, entity_id: str) -> dict[str, Any] | None:
        answer = await self.client.get(f"/api/v1/entities/{entity_id}")
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 200 else None

    async def has(self, entity_id: str, value: Any) -> bool:
        found = await self.entity(entity_id)
        return found is not None and found["value"] == value and found["available"]

    async def obeys(self, device: str) -> bool:
        """Say whether a board works by its configuration: before that it energises nothing."""
        answer = await self.client.get(f"/api/v1/devices/{device}")
        told = answer.json().get("config") if answer.status_code == 200 else None
        return bool(told) and 0 != told["version"] == told["applied"]


Start = Callable[..., Awaitable[Running]]


@asynccontextmanager
async def running(folder: Path, text: str = CONFIG, ports: tuple[int, int] | None = None) -> AsyncIterator[Running]:
    (folder / "config.yaml").write_text(text)
    http_port, mqtt_port = ports or (free_port(), free_port())
    gateway = Gateway(Settings(folder, folder / "data", http_port, mqtt_port), load(folder))
    await gateway.start()
    try:
        base = f"http://127.0.0.1:{http_port}"
        async with httpx.AsyncClient(base_url=base, timeout=15) as client:
            if gateway.setup_code is not None:
                body = {"code": gateway.setup_code, "username": "ana", "password": PASSWORD}
                answer = await client.post("/api/v1/auth/setup", json=body)
            else:
                answer = await client.post("/api/v1/auth/login", json={"username": "ana", "password": PASSWORD})
            token = answer.json()["token"]
            client.cookies.clear()
            client.headers["Authorization"] = f"Bearer {token}"
            yield Running(gateway, client, token, folder)
    finally:
        await gateway.stop()


class Ear:
    """An MQTT client of a test: it hears what it subscribed to, from the moment `listen` returns."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self._subscribed = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _client, _data, message: self.heard.put(message)
        self.client.on_subscribe = lambda *_words: self._subscribed.set()
        self.client.connect(endpoint.host, endpoint.port)
        self.client.loop_start()

    async def listen(self, topic: str, qos: int = 0) -> None:
        self._subscribed.clear()
        self.client.subscribe(topic, qos)
        await eventually(self._subscribed.is_set)

    async def next(self) -> paho.MQTTMessage:
        return await asyncio.to_thread(self.heard.get, timeout=8)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start gateways on one folder, one after the other or side by side."""
    async with AsyncExitStack() as stack:

        async def begin(text: str = CONFIG, **more: Any) -> Running:
            return await stack.enter_async_context(running(tmp_path, text, **more))

        yield begin


@pytest.fixture
async def vehicle(start: Start) -> AsyncIterator[Running]:
    """A gateway with the virtual vehicle on its broker, its relay board welcomed."""
    gateway = await start()
    stop = asyncio.Event()
    task = asyncio.create_task(run_vehicle(gateway.broker.host, gateway.broker.port, stop=stop))
    await eventually(lambda: gateway.has("switch.light_bar", False))
    await eventually(lambda: gateway.obeys("relay_board_1"))
    yield gateway
    stop.set()
    await task

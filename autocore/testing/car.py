"""A whole gateway in memory: the real parts, on a clock that a test moves, with the air as its broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from autocore.app import Gateway, Settings
from autocore.core.entities import Entity
from autocore.core.host import Core
from autocore.core.model import INTERNAL, Caller, Cause, Role, Value
from autocore.core.plugins import PluginStatus
from autocore.damage import Damages
from autocore.mend import load_mended
from autocore.testing.air import Air
from autocore.testing.board import FakeBoard
from autocore.testing.clock import FakeClock

ADMIN = "ana"
PASSWORD = "three random words"  # noqa: S105  # of a gateway that lives in a test
TURNS = 50  # of the loop: enough for what a handler put into a queue to be worked off
SETTLE_S = 5.0
BASE = "http://localhost"


class Car:
    """One vehicle.

    Args:
        folder: for its configuration and data.
        plugins: a folder whose modules and packages are plugins, e.g. the one where the test lies.
    """

    def __init__(self, folder: Path, plugins: Path | None = None) -> None:
        self.clock = FakeClock()
        self.air = Air(self.clock)
        self.folder = folder
        self._plugins = plugins
        self._gateway: Gateway | None = None
        self._client: httpx.AsyncClient | None = None

    async def start(self, text: str) -> Car:
        """Start the gateway with the sections of `text` (YAML); core sections that are not written have their defaults.

        Raises:
            ConfigFaults: as `autocore check` says it.
        """
        extra = "" if "devices:" in text else "devices: {approve: automatic}\n"
        extra += f"plugin_dirs: ['{self._plugins}']\n" if self._plugins else ""
        (self.folder / "config.yaml").write_text(extra + text)
        settings = Settings(self.folder, self.folder / "data")
        damages = Damages()
        config = load_mended(self.folder, damages)
        self._gateway = Gateway(settings, config, self.clock, connect=self.air.connection, damages=damages)
        await self._gateway.start()
        await self.settle()
        return self

    async def stop(self) -> None:
        """Stop it as `autocore run` would; `start` starts it again on the same data."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
        if self._gateway is not None:
            await self._gateway.stop()
            self._gateway = None

    @property
    def core(self) -> Core:
        """The core's parts, for what has no door here."""
        if self._gateway is None or self._gateway.core is None:
            raise RuntimeError("the car stands still; `await car.start(...)` first")
        return self._gateway.core

    def publish(self, topic: str, payload: Any, *, retain: bool = False) -> None:
        """Publish as a device would; plain handlers have run when this returns."""
        self.air.publish(topic, payload, retain=retain)

    def heard(self, filter_: str) -> list[Any]:
        """Give what was published on topics that match, JSON decoded."""
        return self.air.on(filter_)

    def board(self, device_id: str, channels: int = 0, **about: Any) -> FakeBoard:
        """Bring a board on the air."""
        return FakeBoard(self.air, device_id, channels, **about).connect()

    def entity(self, entity_id: str) -> Entity:
        """Give an entity; raises `UnknownName`."""
        return self.core.entities.get(entity_id)

    def value(self, entity_id: str) -> Value:
        """Give an entity's value, None while it is not available."""
        state = self.entity(entity_id).state
        return state.value if state.available else None

    def plugin(self, name: str) -> PluginStatus:
        """Give what became of a plugin."""
        assert self._gateway is not None  # noqa: S101  # as in `core`
        return self._gateway.plugin(name)

    async def call(self, service: str, data: Mapping[str, Any] | None = None, role: Role = Role.ADMIN) -> Mapping[str, Any]:
        """Call a service and give its outcome; raises what the gateway would answer."""
        caller = INTERNAL if role is Role.ADMIN else Caller(Cause("rest", "test"), role)
        answer = await self.core.services.call(service, data or {}, caller)
        await self.settle()
        return answer

    async def web(self) -> httpx.AsyncClient:
        """Give a client that is logged in as the administrator."""
        assert self._gateway is not None  # noqa: S101  # as in `core`
        if self._client is None:
            transport = httpx.ASGITransport(self._gateway.site)
            self._client = httpx.AsyncClient(transport=transport, base_url=BASE)
            code = self._gateway.setup_code
            way = "setup" if code else "login"
            body = {"username": ADMIN, "password": PASSWORD, **({"code": code} if code else {})}
            answer = await self._client.post(f"/api/v1/auth/{way}", json=body)
            answer.raise_for_status()
            self._client.cookies.clear()
            self._client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return self._client

    async def page(self, path: str, language: str = "en") -> str:
        """Give a page of the admin as HTML."""
        client = await self.web()
        answer = await client.get(path, headers={"Accept-Language": language})
        answer.raise_for_status()
        return answer.text

    async def advance(self, s: float) -> None:
        """Move the clock by `s` seconds; what fell due has run when this returns."""
        self.clock.advance(s=s)
        await self.settle()

    async def settle(self) -> None:
        """Let everything that is ready run."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def until(self, claim: Callable[[], Any], within_s: float = SETTLE_S) -> Any:
        """Give the first true answer of `claim`, for work in threads (databases, files).

        Raises:
            TimeoutError: there was none within `within_s` seconds of real time.
        """
        async with asyncio.timeout(within_s):
            while not (answer := claim()):  # noqa: ASYNC110  # what threads do has no event
                await asyncio.sleep(0.005)
            return answer

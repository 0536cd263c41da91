"""A gateway that others may reach: with certificates, on ports that are free."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from autocore.app import Gateway, Settings
from autocore.core.config import load
from tests.conftest import PASSWORD
from tests.ports import free_port

CONFIG = """
autocore: {{name: Test vehicle}}
logging: {{level: warning}}
web: {{host: 0.0.0.0, https_port: {https}, hostname: van, mdns: false, names: [van.example.org]}}
"""
MQTT = "mqtt: {{host: 0.0.0.0, tls: {{port: {tls}, websockets: {websockets}}}}}\n"


@dataclass
class Ports:
    http: int
    https: int
    mqtt: int
    tls: int
    websockets: int

    def words(self) -> dict[str, int]:
        return {"https": self.https, "tls": self.tls, "websockets": self.websockets}


@dataclass
class Shared:
    """A gateway that runs, and its ports."""

    gateway: Gateway
    ports: Ports
    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "data/ca/ca.crt"

    @property
    def keeper(self) -> Any:
        return self.gateway.certificates

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    def client(self, **more: Any) -> httpx.AsyncClient:
        base = f"https://localhost:{self.ports.https}"
        return httpx.AsyncClient(base_url=base, verify=self.trusting(), timeout=15, **more)

    async def set_up(self, client: httpx.AsyncClient) -> httpx.Response:
        body = {"code": self.gateway.setup_code, "username": "ana", "password": PASSWORD}
        return await client.post("/api/v1/auth/setup", json=body)


Share = Callable[..., Any]


@asynccontextmanager
async def shared(folder: Path, text: str, ports: Ports) -> AsyncIterator[Shared]:
    (folder / "config.yaml").write_text(text.format(**ports.words()))
    gateway = Gateway(Settings(folder, folder / "data", ports.http, ports.mqtt), load(folder))
    await gateway.start()
    try:
        yield Shared(gateway, ports, folder)
    finally:
        await gateway.stop()


@pytest.fixture
async def share(tmp_path: Path) -> AsyncIterator[Share]:
    """Start a gateway that others may reach."""
    ports = Ports(*(free_port() for _ in range(5)))
    async with AsyncExitStack() as stack:

        async def begin(text: str = CONFIG) -> Shared:
            return await stack.enter_async_context(shared(tmp_path, text, ports))

        yield begin

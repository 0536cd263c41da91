"""One plugin is reloaded while the vehicle drives: the others lose nothing, and the web goes on answering."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from autocore.web import app as web
from tests.conftest import Ear, Start, eventually

LISTENER = """
from litestar import get

from autocore.api import Role, Sensor, hookimpl, needs


@hookimpl
def setup(host, config):
    heard = host.entities.add(Sensor("listener_heard"))
    host.mqtt.subscribe("{root}/telemetry/#", lambda message: heard.set(len(message.payload)))


@hookimpl
def routes(host):
    @get("/hello", opt=needs(Role.VIEWER, "read:listener"))
    async def hello() -> dict[str, str]:
        return {"hello": "road"}

    return [hello]
"""
MESSAGES = 3_000
RELOADS = 12


async def test_a_plugin_is_reloaded_under_load_and_the_others_lose_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "listener.py").write_text(LISTENER)
    gateway = await start("devices: {approve: automatic}\nmqtt: {anonymous: loopback}\ntelemetry:\nlistener:\n")
    seen: list[object] = []
    core = gateway.gateway.core
    assert core is not None
    core.entities.on("sensor.engine_n", lambda _entity, _old, new: seen.append(new.value))
    engine = Ear(gateway.broker)

    def drive() -> None:
        for number in range(MESSAGES):
            engine.client.publish("autocore/telemetry/engine/data", json.dumps({"n": number}), qos=1).wait_for_publish(10)

    driving = asyncio.create_task(asyncio.to_thread(drive))
    answers: list[int] = []
    reloads = 0
    while not driving.done():
        answers.append((await gateway.client.get("/api/v1/entities?limit=5")).status_code)
        if reloads < RELOADS:
            reloads += 1
            answers.append((await gateway.client.post("/api/v1/plugins/listener/reload")).status_code)
        answers.append((await gateway.client.get("/api/v1/listener/hello")).status_code)
    await driving
    await eventually(lambda: bool(seen) and seen[-1] == MESSAGES - 1)
    engine.close()
    assert reloads >= 3  # it really was reloaded while the readings came
    assert set(answers) <= {200, 404}  # 404: its own route, while it is being reloaded
    assert answers.count(404) < len(answers) / 3
    assert sorted(set(seen), key=lambda one: int(str(one))) == list(range(MESSAGES))


async def test_a_plugin_that_goes_while_the_web_is_built_anew_costs_the_others_nothing(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "listener.py").write_text(LISTENER)
    gateway = await start("devices: {approve: automatic}\nmqtt: {anonymous: loopback}\nlistener:\n")
    core = gateway.gateway.core
    assert core is not None
    loop = asyncio.get_running_loop()
    real, tries = web.build, []

    def build(*given: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            told = threading.Event()

            def tell() -> None:
                core.bus.emit("plugin.stopped", {"plugin": "listener"})
                told.set()

            loop.call_soon_threadsafe(tell)
            assert told.wait(10)
            raise KeyError("autocore_dropped.listener")  # what Litestar says of a module that is gone
        return real(*given)

    monkeypatch.setattr(web, "build", build)
    assert (await gateway.client.post("/api/v1/plugins/listener/reload")).status_code == 200
    await eventually(lambda: len(tries) >= 2)
    await hello(gateway.client)


async def test_a_web_that_cannot_be_built_anew_goes_on_as_it_was(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "listener.py").write_text(LISTENER)
    gateway = await start("listener:\n")
    real = web.build

    def build(*_given: Any) -> Any:
        raise ValueError("out of memory")

    monkeypatch.setattr(web, "build", build)
    assert (await gateway.client.post("/api/v1/plugins/listener/reload")).status_code == 200
    await eventually(lambda: "without the latest change" in (tmp_path / "data/logs/autocore.log").read_text())
    assert (await gateway.client.get("/api/v1/entities")).status_code == 200
    monkeypatch.setattr(web, "build", real)
    assert (await gateway.client.post("/api/v1/plugins/listener/reload")).status_code == 200
    await hello(gateway.client)


async def hello(client: Any) -> None:
    """Wait until the plugin's own route answers."""
    async with asyncio.timeout(10):
        answer = await client.get("/api/v1/listener/hello")
        while answer.status_code != 200:
            answer = await client.get("/api/v1/listener/hello")

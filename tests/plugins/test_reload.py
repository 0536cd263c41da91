"""One plugin is reloaded while the vehicle drives: the others lose nothing, and the web goes on answering."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

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

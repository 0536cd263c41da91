"""Frames over MQTT: from bridges and from `can/data`; wrong ones are refused, and the gateway does not hear itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from autocore.simulator.connection import Broker
from autocore.simulator.ecu import BRIDGE, BridgeNode
from autocore.simulator.link import Card, DeviceLink
from tests.conftest import Ear, Running, Start, eventually
from tests.plugins.can.samples import engine
from tests.plugins.can.test_gateway import Wire, config, repeat, wire
from tests.web.test_rest import send

__all__ = ["config", "wire"]  # fixtures

SIGNALS = """
logging: {level: error}
mqtt: {anonymous: loopback}
devices: {approve: automatic}
can:
  signals:
    - {frame: 0x123, start_bit: 0, length: 16, scale: 0.25, unit: rpm, name: Engine speed}
"""


async def say(gateway: Running, topic: str, body: Any) -> None:
    await send(gateway, f"autocore/{topic}", json.dumps(body))


async def is_rejected(gateway: Running, wanted: float) -> bool:
    lines = (await gateway.client.get("/metrics")).text.splitlines()
    (line,) = [one for one in lines if one.startswith("autocore_mqtt_rejected_total")]
    return float(line.split()[1]) >= wanted


async def buses(gateway: Running) -> dict[str, Any]:
    items = (await gateway.client.get("/api/v1/can/buses")).json()["items"]
    return {one["name"]: one for one in items}


async def test_raw_frames_of_can_data_are_a_bus_of_that_name(start: Start) -> None:
    gateway = await start(SIGNALS)
    await say(gateway, "can/data", {"bus": "Trailer", "id": 0x123, "data": "400c"})
    await eventually(lambda: gateway.has("sensor.engine_speed", 784.0))
    assert await gateway.has("binary_sensor.can_trailer_online", True)
    await say(
        gateway, "can/data", [{"bus": "Trailer", "id": "0x123", "data": "500c", "ts": 7}, {"bus": "b", "id": 5, "data": ""}]
    )
    await eventually(lambda: gateway.has("sensor.engine_speed", 788.0))
    assert set(await buses(gateway)) == {"trailer", "b"}


@pytest.mark.parametrize(
    "payload",
    [
        b"no json",
        b"\xff\xfe",
        b"7",
        b"[7]",
        b"{}",
        b'{"bus": "a", "id": 1, "data": "xyz"}',
        b'{"bus": "", "id": 1, "data": "01"}',
        b'{"bus": "a", "id": 1e400, "data": "01"}',
        b"[" * 5_000,
        b'{"bus": "a", "id": 1, "data": "' + b"00" * 40_000 + b'"}',
    ],
    ids=[
        "no json",
        "no text",
        "a number",
        "a list of numbers",
        "nothing",
        "no data",
        "no bus",
        "too large a number",
        "too deep",
        "too long",
    ],
)
async def test_a_malformed_message_is_refused_and_the_next_one_counts(start: Start, payload: bytes) -> None:
    gateway = await start(SIGNALS)
    await send(gateway, "autocore/can/data", payload)
    await eventually(lambda: is_rejected(gateway, 1))
    await say(gateway, "can/data", {"bus": "a", "id": 0x123, "data": "400c"})
    await eventually(lambda: gateway.has("sensor.engine_speed", 784.0))
    plugin = (await gateway.client.get("/api/v1/plugins/can")).json()
    assert plugin["errors"] == 0


async def test_nobody_speaks_for_a_bus_of_the_gateway_or_of_a_bridge(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    await repeat(gateway, wire, "sensor.engine_rpm", 800, (0x123, engine(800)))
    await say(gateway, "can/data", {"bus": "main", "id": 0x123, "data": engine(5000).hex()})
    await eventually(lambda: is_rejected(gateway, 1))
    assert await gateway.has("sensor.engine_rpm", 800)
    await say(gateway, "devices/esp/register", {"type": "can_bridge", "capabilities": ["can_bridge"]})
    await eventually(lambda: _has_device(gateway, "esp"))
    await say(gateway, "can/esp/data", {"bus": "x", "id": 5, "data": "01"})
    await eventually(lambda: gateway.has("binary_sensor.can_esp_online", True))
    await say(gateway, "can/data", {"bus": "esp", "id": 5, "data": "02"})
    await eventually(lambda: is_rejected(gateway, 2))


async def _has_device(gateway: Running, device: str) -> bool:
    answer = await gateway.client.get(f"/api/v1/devices/{device}")
    return answer.status_code == 200 and answer.json()["capabilities"] == ["can_bridge"]


async def test_buses_over_mqtt_are_bounded(start: Start) -> None:
    gateway = await start(SIGNALS)
    await say(gateway, "can/data", [{"bus": f"bus {number}", "id": 5, "data": "01"} for number in range(30)])
    await eventually(lambda: is_rejected(gateway, 22))
    assert len(await buses(gateway)) == 8


async def test_a_device_without_the_capability_sends_no_frames(start: Start) -> None:
    gateway = await start(SIGNALS)
    await say(gateway, "can/stranger/data", {"bus": "x", "id": 0x123, "data": "400c"})
    await eventually(lambda: is_rejected(gateway, 1))
    assert await buses(gateway) == {}


async def test_a_device_that_nobody_approved_sends_no_frames(start: Start) -> None:
    gateway = await start(SIGNALS.replace("automatic", "manual"))
    await say(gateway, "devices/esp/register", {"type": "can_bridge", "capabilities": ["can_bridge"]})
    await eventually(lambda: _has_device(gateway, "esp"))
    await say(gateway, "can/esp/data", {"bus": "x", "id": 0x123, "data": "400c"})
    await say(gateway, "can/data", {"bus": "later", "id": 5, "data": "01"})
    await eventually(lambda: gateway.has("binary_sensor.can_later_online", True))
    assert "esp" not in await buses(gateway)
    await gateway.client.post("/api/v1/devices/esp/approve")
    await say(gateway, "can/esp/data", {"bus": "x", "id": 0x123, "data": "500c"})
    await eventually(lambda: gateway.has("sensor.engine_speed", 788.0))
    assert (await buses(gateway))["esp"]["frames"] == 1


async def test_a_bridge_that_leaves_takes_its_signals_along(start: Start) -> None:
    gateway = await start(SIGNALS.replace("0x123", "0x100").replace("start_bit: 0", "start_bit: 7, byte_order: big"))
    stop = asyncio.Event()
    link = DeviceLink(
        Card(BRIDGE.id, BRIDGE.type, BRIDGE.name, BRIDGE.capabilities), Broker(gateway.broker.host, gateway.broker.port)
    )
    tasks = [asyncio.create_task(link.run(stop)), asyncio.create_task(BridgeNode(link).run(stop))]
    await eventually(lambda: gateway.has("binary_sensor.can_can_bridge_1_online", True))
    assert (await eventually(lambda: _lives(gateway, "sensor.engine_speed")))["unit"] == "rpm"
    stop.set()
    await asyncio.gather(*tasks)
    await eventually(lambda: gateway.has("binary_sensor.can_can_bridge_1_online", False))
    assert not await _lives(gateway, "sensor.engine_speed")
    assert "the bridge is offline" in (await gateway.client.get("/can", headers={"Accept-Language": "en"})).text
    assert "a ponte está offline" in (await gateway.client.get("/can", headers={"Accept-Language": "pt-BR"})).text


async def _lives(gateway: Running, entity: str) -> dict[str, Any] | None:
    found = await gateway.entity(entity)
    return found if found is not None and found["available"] else None


async def test_decoded_signals_are_published_when_asked_for_and_not_heard_again(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config + "  publish: true\n")
    ear = Ear(gateway.broker)
    await ear.listen("autocore/can/data")
    await repeat(gateway, wire, "sensor.engine_rpm", 812.5, (0x123, engine(812.5, gear=3)))
    heard: dict[str, Any] = {}
    while "EngineRPM" not in heard:
        body = json.loads((await ear.next()).payload)
        assert body["bus"] == "main"
        heard |= body["signals"]
    assert heard["EngineRPM"] == {"value": 812.5, "unit": "rpm"}
    assert heard["GearLever"] == {"value": "Drive", "unit": None}
    await eventually(lambda: gateway.has("sensor.can_main_frames_per_second", 0.0))  # a while with nothing on the wire
    assert set(await buses(gateway)) == {"main"}
    assert not await is_rejected(gateway, 1)
    ear.close()


async def test_nothing_is_published_unasked(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    ear = Ear(gateway.broker)
    await ear.listen("autocore/can/#")
    await repeat(gateway, wire, "sensor.engine_rpm", 812.5, (0x123, engine(812.5)))
    await eventually(lambda: _counted(gateway))
    assert ear.heard.empty()
    ear.close()


async def _counted(gateway: Running) -> bool:
    frames = await gateway.entity("sensor.can_main_frames")
    return frames is not None and bool(frames["value"])

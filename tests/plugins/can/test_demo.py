"""The demonstration: its frames are those of its DBC file, and it shows a living bus without any hardware."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import cantools
from hypothesis import given
from hypothesis import strategies as st

from autocore_plugins.can import demo
from autocore_plugins.can.demo import TICK_S, frames
from tests.conftest import Running, Start, eventually

DBC: Any = cantools.database.load_file(Path(demo.__file__).with_name("demo.dbc"))
CONFIG = "logging: {level: error}\nmqtt: {anonymous: loopback}\nhistory: {flush_s: 1}\ncan: {demo: true}\n"
IDS = (
    "sensor.can_engine_speed",
    "sensor.can_coolant_temperature",
    "sensor.can_vehicle_speed",
    "sensor.can_throttle",
    "sensor.can_gear",
)


def shown(tick: int) -> dict[str, Any]:
    return {name: value for frame_id, data in frames(tick) for name, value in DBC.decode_message(frame_id, data).items()}


@given(st.integers(0, 24 * 3600 * 20))
def test_every_frame_of_a_day_is_within_what_the_file_allows(tick: int) -> None:
    for frame_id, data in frames(tick):
        message = DBC.get_message_by_frame_id(frame_id)
        assert len(data) == message.length
        for signal in message.signals:
            value = message.decode(data, decode_choices=False)[signal.name]
            assert signal.minimum <= value <= signal.maximum, signal.name


def test_the_vehicle_drives_shifts_and_stands() -> None:
    course = [shown(tick) for tick in range(0, round(180 / TICK_S), 20)]
    assert {str(one["Gear"]) for one in course} == {"Neutral", "1", "2", "3", "4", "5"}
    assert max(one["VehicleSpeed"] for one in course) > 80
    assert any(one["Standstill"] for one in course)
    assert course[-1]["CoolantTemperature"] > course[0]["CoolantTemperature"] + 20
    assert all(one["EngineSpeed"] > 700 for one in course)


def test_the_speed_has_no_jump() -> None:
    speeds = [shown(tick)["VehicleSpeed"] for tick in range(0, 4_000, 2)]
    assert max(abs(after - before) for before, after in pairwise(speeds)) < 2.0


async def test_one_line_of_configuration_shows_a_living_bus(start: Start) -> None:
    gateway = await start(CONFIG)
    for one in IDS:
        await eventually(lambda one=one: _lives(gateway, one))
    assert await gateway.has("binary_sensor.can_demo_online", True)
    first = (await gateway.entity(IDS[0]) or {})["value"]
    await eventually(lambda: _differs(gateway, IDS[0], first))
    page = (await gateway.client.get("/can")).text
    for words in ("CAN engine speed", "0x100", "ac-chart", "a virtual bus"):
        assert words in page
    await eventually(lambda: _has_rates(gateway))


async def test_a_bus_of_ones_own_can_be_the_demonstrations(start: Start) -> None:
    gateway = await start(
        CONFIG.replace(
            "{demo: true}", "{demo: true, buses: [{name: van, interface: virtual, channel: van-demo}], signals: [Gear]}"
        )
    )
    await eventually(lambda: _lives(gateway, "sensor.gear"))
    assert await gateway.entity("sensor.can_engine_speed") is None
    assert await gateway.entity("binary_sensor.can_demo_online") is None


async def _lives(gateway: Running, entity: str) -> bool:
    found = await gateway.entity(entity)
    return found is not None and found["available"]


async def _differs(gateway: Running, entity: str, value: Any) -> bool:
    return not await gateway.has(entity, value)


async def _has_rates(gateway: Running) -> bool:
    items = (await gateway.client.get("/api/v1/can/frames")).json()["items"]
    return {one["id"] for one in items} == {0x100, 0x1A0, 0x3D0} and items[0]["rate"] > 10

"""The virtual engine computer says on CAN what the virtual engine's sensors show."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import can
import cantools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.simulator.ecu import (
    BRIDGE,
    ENGINE_DATA,
    TEMPERATURES,
    VEHICLE_MOTION,
    BridgeNode,
    bridge_document,
    frames,
    run_on_bus,
)
from autocore.simulator.engine import Engine
from autocore.simulator.link import DeviceLink
from tests.simulator.bench import Gateway, LocalBroker

DBC: Any = cantools.database.load_file(Path(__file__).parents[2] / "plugins/can/demo.dbc")
ENGINE = Engine(seed=3)
DAY_S = 86_400.0
STEPS = {  # what one bit of each is worth, half of which is the most that a value may be off
    "EngineSpeed": ("rpm", 0.25),
    "ThrottlePosition": ("throttle", 0.4),
    "EngineLoad": ("load", 1),
    "VehicleSpeed": ("speed", 0.01),
    "Gear": ("gear", 1),
    "CoolantTemperature": ("coolant", 1),
    "OilTemperature": ("oil_temperature", 1),
    "BatteryVoltage": ("battery", 0.001),
    "FuelLevel": ("fuel_level", 0.5),
}


def decoded(readings: Any, tick: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for frame in frames(readings, tick):
        found |= DBC.decode_message(frame.id, frame.data, decode_choices=False)
    return found


@given(st.floats(0, DAY_S))
def test_every_frame_decodes_to_what_the_sensors_show(time_s: float) -> None:
    readings = ENGINE.readings(time_s)
    found = decoded(readings, 0)
    for signal, (name, step) in STEPS.items():
        assert found[signal] == pytest.approx(readings[name], abs=step / 2 + 1e-9), signal


def test_fast_frames_come_oftener_than_slow_ones_and_the_counter_goes_round() -> None:
    sent = [(frame.id, tick) for tick in range(40) for frame in frames(ENGINE.readings(5), tick)]
    amounts = {one: sum(frame_id == one for frame_id, _ in sent) for one in (ENGINE_DATA, VEHICLE_MOTION, TEMPERATURES)}
    assert amounts == {ENGINE_DATA: 40, VEHICLE_MOTION: 20, TEMPERATURES: 2}
    counters = [decoded(ENGINE.readings(5), tick)["EngineCounter"] for tick in range(20)]
    assert counters == [*range(16), 0, 1, 2, 3]


@given(st.dictionaries(st.sampled_from(sorted(ENGINE.readings(0))), st.floats(-1e6, 1e6)))
def test_a_reading_beyond_its_bits_stays_within_them(wild: dict[str, float]) -> None:
    readings = {**ENGINE.readings(0), **wild, "gear": 3}
    assert all(len(frame.data) == 8 for frame in frames(readings, 0))


async def test_the_computer_speaks_on_a_virtual_bus() -> None:
    channel = f"ecu-{uuid4().hex}"
    stop = asyncio.Event()
    with can.Bus(interface="virtual", channel=channel) as ear, can.Bus(interface="virtual", channel=channel) as mouth:
        task = asyncio.create_task(run_on_bus(mouth, stop, ENGINE.readings))
        heard: set[int] = set()
        async with asyncio.timeout(8):
            while heard != {ENGINE_DATA, VEHICLE_MOTION, TEMPERATURES}:
                message = await asyncio.to_thread(ear.recv, 1.0)
                assert message is not None
                assert not message.is_extended_id
                heard.add(message.arbitration_id)
        stop.set()
        await task


async def test_a_bridge_passes_the_frames_on_over_mqtt(gateway: Gateway, broker: LocalBroker, start: Any) -> None:
    link = DeviceLink(BRIDGE, broker.address)
    start(link.run)
    start(BridgeNode(link, ENGINE.readings).run)
    heard = await gateway.until(
        "can/can_bridge_1/data", lambda body: {one["id"] for one in body} >= {ENGINE_DATA, VEHICLE_MOTION}
    )
    assert {one["bus"] for one in heard.json} == {"can_bridge_1"}
    registered = await gateway.until("devices/can_bridge_1/register")
    assert registered.json["capabilities"] == ["can_bridge"]


def test_a_bridges_message_is_what_the_protocol_says() -> None:
    document = bridge_document(list(frames(ENGINE.readings(5), 0)))
    assert [one["id"] for one in document] == [ENGINE_DATA, VEHICLE_MOTION, TEMPERATURES]
    assert json.loads(json.dumps(document))[0]["bus"] == BRIDGE.id
    assert all(bytes.fromhex(str(one["data"])) for one in document)

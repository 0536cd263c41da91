import asyncio
import signal
import sys
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autocore.simulator
from autocore.core.names import is_device_id
from autocore.simulator.cabin import Cabin
from autocore.simulator.channel import Cause
from autocore.simulator.connection import Broker
from autocore.simulator.engine import Engine
from autocore.simulator.link import DeviceLink
from autocore.simulator.relay_board import RelayBoard
from autocore.simulator.vehicle import (
    BOARD,
    BOARD_INTERVAL_S,
    ENGINE,
    ENGINE_INTERVAL_S,
    LIVING,
    LIVING_INTERVAL_S,
    LOAD_A,
    BoardSupply,
    run_vehicle,
)
from tests.simulator.bench import DEADLINE_S, Gateway, LocalBroker, eventually

DEVICES = ["engine", "living", "relay_board_1"]


def test_the_names_that_people_use_for_their_own_devices_stay_free():
    ids = sorted(card.id for card in (ENGINE, BOARD, LIVING))
    assert ids == DEVICES
    assert not {"cabin", "bar"} & set(ids)
    assert all(is_device_id(one) for one in ids)


@given(st.floats(0, 1e6))
def test_at_any_time_15_readings_change_within_5_seconds(start_s: float):
    sources = (Engine().readings, ENGINE_INTERVAL_S), (Cabin().readings, LIVING_INTERVAL_S)
    changing = 0
    for read, interval_s in sources:
        shown = [read(start_s + number * interval_s) for number in range(int(5 / interval_s) + 1)]
        changing += sum(any(one[key] != other[key] for one, other in pairwise(shown)) for key in shown[0])
    assert changing + 2 >= 15  # the board's two that move are seen below


async def test_the_board_measures_what_its_channels_draw():
    relays = RelayBoard(DeviceLink(BOARD, Broker("127.0.0.1", 1)))
    supply = BoardSupply(relays)
    idle = supply.readings(10)
    assert supply.readings(10 + BOARD_INTERVAL_S) != idle
    relays.board._energise(4, Cause.COMMAND, 0)
    loaded = supply.readings(10)
    assert loaded["current"] == pytest.approx(idle["current"] + LOAD_A, abs=0.01)
    assert loaded["supply_voltage"] < idle["supply_voltage"]


async def test_three_devices_come_online_measure_and_go_offline(broker: LocalBroker, gateway: Gateway, start):
    running = start(lambda stop: run_vehicle("127.0.0.1", broker.port, stop=stop))
    for device in DEVICES:
        await gateway.until(f"devices/{device}/status", lambda status: status["status"] == "online")
        await gateway.until(f"telemetry/{device}/data")
    engine = (await gateway.until("telemetry/engine/data")).json
    living = (await gateway.until("telemetry/living/data")).json
    assert set(engine) == set(Engine().readings(0))
    assert {"sensor": "temperature", "unit": "°C"}.items() <= living[0].items()
    assert {"sensor": "door", "value": False} in living
    await running.stop()
    for device in DEVICES:
        await gateway.until(f"devices/{device}/status", lambda status: status["status"] == "offline")


async def test_another_root_is_used_for_every_topic(broker: LocalBroker, start):
    other = Gateway(broker.address)
    await other.start()
    await other._connection.subscribe({"#": 0})
    start(lambda stop: run_vehicle("127.0.0.1", broker.port, stop=stop, root="van/one"))
    await eventually(lambda: any(one.topic == "van/one/telemetry/engine/data" for one in other.heard))
    assert all(one.topic.startswith("van/one/") for one in other.heard)
    other.stop()


class TestAsAProgram:
    @staticmethod
    async def begin(port: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "autocore.simulator", "--port", str(port), "--log-level", "INFO",
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    @staticmethod
    async def end(process: asyncio.subprocess.Process, number: signal.Signals) -> int:
        process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            await process.communicate()
        assert process.returncode is not None
        return process.returncode

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_it_says_offline_before_it_ends(self, broker: LocalBroker, gateway: Gateway, number: signal.Signals):
        process = await self.begin(broker.port)
        for device in DEVICES:
            await gateway.until(f"devices/{device}/status")
        assert await self.end(process, number) == 0
        for device in DEVICES:
            status = await gateway.until(f"devices/{device}/status", lambda status: status["status"] == "offline")
            assert status.json["session"] == gateway.sessions[device]

    async def test_it_ends_without_a_broker_too(self, broker: LocalBroker):
        broker.stop()
        process = await self.begin(broker.port)
        assert process.stderr is not None
        async with asyncio.timeout(DEADLINE_S):
            assert b"does not answer" in await process.stderr.readline()
        assert await self.end(process, signal.SIGTERM) == 0


def test_the_package_gives_its_four_names_and_no_other():
    assert callable(autocore.simulator.run_vehicle)
    assert callable(autocore.simulator.run_load)
    assert autocore.simulator.LoadSettings(port=1).port == 1
    assert autocore.simulator.LoadResult.__name__ == "LoadResult"
    with pytest.raises(AttributeError, match="no attribute 'run_plane'"):
        partial(getattr, autocore.simulator)("run_plane")


async def test_importing_the_package_loads_no_mqtt_library():
    program = "import sys, autocore.simulator; sys.exit(any(one.startswith('paho') for one in sys.modules))"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await process.wait() == 0

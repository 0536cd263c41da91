"""The ignition of a whole vehicle goes off: what is on the disk, what boards hear, and what takes the power away."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from autocore.core.errors import ConfigFaults, PermissionDenied, Refused
from autocore.core.model import Role
from autocore.testing import Car

STATUS = "autocore/gateway/status"
KEY = """
key:
telemetry:
power: {ignition: binary_sensor.ignition, low_for: 5s, then: %s}
"""
LEAVES_A_MARK = 'power_off, command: [%s, -c, \'open("%s", "x")\']'


def rows_of(file: Path) -> int:
    """Give how many batches of readings stand in the file of the history."""
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM batch").fetchone()[0])


class Vehicle:
    """A vehicle with a key: a plugin beside this file makes it a binary sensor."""

    def __init__(self, car: Car) -> None:
        self.car = car
        self.mark = car.folder / "powered off"

    async def begin(self, then: str = "nothing", key: str = "on") -> Vehicle:
        await self.car.start(KEY % then)
        self.turn(key)
        await self.car.settle()
        return self

    def turn(self, word: str) -> None:
        self.car.publish("key", word.encode())

    async def turned_off(self, s: float = 6) -> None:
        self.turn("off")
        await self.car.advance(s)

    def phase(self) -> Any:
        return self.car.value("sensor.power_phase")

    async def reached(self, phase: str) -> None:
        await self.car.until(lambda: self.phase() == phase)
        await self.car.settle()

    @property
    def heard(self) -> list[str]:
        return [one["status"] for one in self.car.heard(STATUS)]

    def events(self) -> list[str]:
        found: list[str] = []
        self.car.core.bus.on("*", lambda event: found.append(event.type))
        return found


@pytest.fixture
def vehicle(car: Car) -> Vehicle:
    return Vehicle(car)


async def test_the_ignition_goes_off_and_everything_is_on_the_disk(vehicle: Vehicle) -> None:
    await vehicle.begin()
    events = vehicle.events()
    vehicle.car.publish("autocore/telemetry/engine/data", {"rpm": 800})
    assert vehicle.car._gateway is not None
    await vehicle.turned_off(4.9)
    assert vehicle.phase() == "low"
    await vehicle.car.advance(0.2)
    await vehicle.reached("down")
    assert vehicle.heard[-1] == "going_down"
    assert [one for one in events if one in ("gateway.going_down", "power.synced")] == ["gateway.going_down", "power.synced"]
    for name in ("history.db-wal", "state.db-wal"):
        assert (vehicle.car.folder / "data" / name).exists()
    page = await vehicle.car.page("/monitoring")
    for words in ("history written", "databases closed up", "disk synced", "boards told"):
        assert words in page
    assert "disco sincronizado" in await vehicle.car.page("/monitoring", "pt-BR")


async def test_cranking_is_ignored(vehicle: Vehicle) -> None:
    await vehicle.begin()
    for _ in range(3):
        await vehicle.turned_off(4)
        vehicle.turn("on")
        await vehicle.car.advance(1)
    assert (vehicle.phase(), "going_down" in vehicle.heard) == ("up", False)
    assert "The ignition has not gone off yet" in await vehicle.car.page("/monitoring")


async def test_a_key_of_which_nobody_knows_takes_no_power_away(vehicle: Vehicle) -> None:
    await vehicle.begin()
    vehicle.turn("gone")
    await vehicle.car.advance(600)
    assert vehicle.phase() == "up"


async def test_on_the_way_down_nothing_is_switched_and_nobody_is_welcomed(vehicle: Vehicle) -> None:
    await vehicle.car.start(KEY % "nothing" + "relays:\n")
    board = vehicle.car.board("main", channels=1)
    vehicle.turn("on")
    await vehicle.car.settle()
    await vehicle.car.call("switch.turn_on", {"entity": "switch.main_1"})
    await vehicle.turned_off()
    await vehicle.reached("down")
    with pytest.raises(Refused, match="going down"):
        await vehicle.car.call("switch.turn_on", {"entity": "switch.main_1"})
    welcomes = len(vehicle.car.heard("autocore/devices/main/welcome"))
    board.connect()
    await vehicle.car.advance(61)
    assert len(vehicle.car.heard("autocore/devices/main/welcome")) == welcomes
    assert vehicle.heard[-1] == "going_down"
    vehicle.turn("on")
    await vehicle.reached("up")
    await vehicle.car.until(lambda: vehicle.heard[-1] == "online")
    board.connect()
    assert (await vehicle.car.call("switch.turn_on", {"entity": "switch.main_1"}))["outcome"] == "applied"


async def test_what_is_measured_while_it_is_down_waits_in_memory_and_is_written_when_the_power_stays(vehicle: Vehicle) -> None:
    await vehicle.begin()
    assert vehicle.car._gateway is not None
    await vehicle.turned_off()
    await vehicle.reached("down")

    async def measured() -> int:
        """Give how many batches of readings stand in the file of the history."""
        return await asyncio.to_thread(rows_of, vehicle.car.folder / "data" / "history.db")

    before = await measured()
    for _ in range(3):
        vehicle.car.publish("autocore/telemetry/engine/data", {"rpm": 800})
        await vehicle.car.advance(40)
    assert await measured() == before
    vehicle.turn("on")
    await vehicle.reached("up")
    await vehicle.car.until(lambda: vehicle.heard[-1] == "online")
    async with asyncio.timeout(5):
        while await measured() == before:
            await vehicle.car.advance(40)


async def test_the_machine_is_powered_off_once_all_is_synced(vehicle: Vehicle) -> None:
    await vehicle.begin(LEAVES_A_MARK % (sys.executable, vehicle.mark))
    await vehicle.turned_off()
    await vehicle.car.until(vehicle.mark.exists)
    await vehicle.reached("leaving")
    vehicle.turn("on")
    await vehicle.car.advance(10)
    assert vehicle.phase() == "leaving"
    await vehicle.car.stop()
    await vehicle.begin("nothing", key="off")  # somebody starts it in the workshop, without a key
    await vehicle.car.advance(600)
    assert vehicle.phase() == "up"
    assert "The last time" in await vehicle.car.page("/monitoring")


async def test_a_restart_on_the_road_does_not_keep_it_up_for_ever(vehicle: Vehicle) -> None:
    await vehicle.begin()
    store = vehicle.car.core.store("power")
    async with asyncio.timeout(5):
        while not await store.get("armed"):
            await vehicle.car.settle()
    await vehicle.car.stop()
    await vehicle.begin(key="off")
    await vehicle.car.advance(6)
    await vehicle.reached("down")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("/there/is/no/such/program", "No such file"),
        (f"{sys.executable}, -c, 'raise SystemExit(\"polkit says no\")'", "polkit says no"),
        (f"{sys.executable}, -c, 'raise SystemExit(3)'", "ended with 3: it said nothing"),
    ],
    ids=["no such program", "it refuses", "it fails silently"],
)
async def test_a_power_off_that_fails_is_told_and_the_gateway_goes_on(vehicle: Vehicle, command: str, words: str) -> None:
    await vehicle.begin(f"power_off, command: [{command}]")
    await vehicle.turned_off()
    await vehicle.car.until(lambda: vehicle.heard[-1] == "online")
    await vehicle.reached("up")
    web = await vehicle.car.web()
    notices = (await web.get("/api/v1/notices")).json()["items"]
    assert [one["text"] for one in notices if one["source"] == "power" and words in one["text"]]
    await vehicle.car.advance(60)
    assert vehicle.phase() == "up"


async def test_a_power_off_that_hangs_is_ended(vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore_plugins.power.power.COMMAND_LIMIT_S", 0.3)
    await vehicle.begin(f"power_off, command: [{sys.executable}, -c, 'import time; time.sleep(60)']")
    await vehicle.turned_off()
    await vehicle.reached("leaving")
    await vehicle.reached("up")
    web = await vehicle.car.web()
    notices = (await web.get("/api/v1/notices")).json()["items"]
    assert [one["text"] for one in notices if "did not end within 0.3 s" in one["text"]]


async def test_the_gateway_ends_itself_when_that_is_wanted(vehicle: Vehicle) -> None:
    await vehicle.begin("exit")
    assert vehicle.car._gateway is not None
    await vehicle.turned_off()
    async with asyncio.timeout(5):
        await vehicle.car._gateway.ended.wait()
    assert vehicle.phase() == "leaving"


async def test_a_disk_that_hangs_does_not_keep_the_boards_from_hearing_it(
    vehicle: Vehicle, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = asyncio.Event()
    await vehicle.begin()

    async def never(*_words: Any) -> None:
        await hangs.wait()

    monkeypatch.setattr("autocore.shutdown.asyncio.to_thread", never)
    await vehicle.turned_off()
    await vehicle.reached("down")
    hangs.set()
    monkeypatch.undo()
    assert vehicle.heard[-1] == "going_down"
    web = await vehicle.car.web()
    notices = (await web.get("/api/v1/notices")).json()["items"]
    assert [one["text"] for one in notices if "sync: not done within" in one["text"]]


async def test_only_an_administrator_may_bring_the_gateway_down(vehicle: Vehicle) -> None:
    await vehicle.begin()
    for verb in ("power_down", "stay_up", "end"):
        with pytest.raises(PermissionDenied):
            await vehicle.car.call(f"gateway.{verb}", role=Role.TECHNICIAN)
    assert (await vehicle.car.call("gateway.stay_up")) == {"was_down": False}
    answer = await vehicle.car.call("gateway.power_down")
    assert [one["step"] for one in answer["steps"]] == ["history", "registries", "checkpoint", "sync", "boards"]
    assert answer["is_synced"]
    assert (await vehicle.car.call("gateway.stay_up")) == {"was_down": True}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "ignition"),
        ("{ignition: sensor.rpm}", "the ignition is a binary sensor"),
        ("{ignition: binary_sensor.key, low_for: 100ms}", "1s to 1h"),
        ("{ignition: binary_sensor.key, then: halt}", "use one of power_off, exit, nothing"),
        ("{ignition: binary_sensor.key, command: []}", "name a program"),
        ("{ignition: binary_sensor.key, command: systemctl poweroff}", "command"),
    ],
    ids=["nothing", "no binary sensor", "too short", "another end", "no command", "a shell line"],
)
async def test_a_section_that_cannot_be_right_is_refused(car: Car, text: str, fault: str) -> None:
    with pytest.raises(ConfigFaults, match=fault):
        await car.start(f"power: {text}\n")

"""CAN in a running gateway: frames become entities and history, files and choices survive a restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import can
import httpx
import pytest

from tests.conftest import Running, Start, eventually, running
from tests.plugins.can.samples import VEHICLE, WHEELS_ID, engine

CONFIG = """
logging: {{level: error}}
mqtt: {{anonymous: loopback}}
devices: {{approve: automatic}}
history: {{flush_s: 1}}
can:
  buses: [{{name: main, interface: virtual, channel: {channel}}}]
  dbc: [cars/vehicle.dbc]
  signals:
    - {{signal: EngineRPM}}
    - {{signal: GearLever, name: Gear}}
    - {{signal: Fuel, message: Engine, id: fuel_level, expires_after: 1s}}
    - {{signal: Clutch}}
    - {{signal: Rear, message: Doors, name: Rear doors}}
    - {{signal: WheelSpeed, name: Wheel speed}}
    - {{frame: 0x123, start_bit: 23, length: 16, byte_order: big, scale: 0.01, unit: bar, name: Oil pressure, precision: 2}}
"""
BARE = """
logging: {{level: error}}
mqtt: {{anonymous: loopback}}
can:
  buses: [{{name: main, interface: virtual, channel: {channel}}}]
"""


class Wire:
    """The other end of a virtual bus."""

    def __init__(self) -> None:
        self.channel = f"test-{uuid4().hex}"
        self._bus = can.Bus(interface="virtual", channel=self.channel, receive_own_messages=False)

    def say(self, frame_id: int, data: bytes, *, extended: bool = False) -> None:
        self._bus.send(can.Message(arbitration_id=frame_id, data=data, is_extended_id=extended))

    def hears_nothing(self) -> bool:
        return self._bus.recv(0) is None

    def close(self) -> None:
        self._bus.shutdown()


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path, wire: Wire) -> str:
    (tmp_path / "cars").mkdir()
    (tmp_path / "cars/vehicle.dbc").write_text(VEHICLE)
    return CONFIG.format(channel=wire.channel)


async def has_signals(gateway: Running) -> bool:
    return bool(await signals(gateway))


async def signals(gateway: Running, **query: Any) -> list[dict[str, Any]]:
    answer = await gateway.client.get("/api/v1/can/signals", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def repeat(
    gateway: Running, wire: Wire, entity: str, value: Any, frame: tuple[int, bytes], *, extended: bool = False
) -> None:
    """Send a frame, as a vehicle does, until the entity shows the value."""

    async def shows() -> bool:
        wire.say(*frame, extended=extended)
        return await gateway.has(entity, value)

    await eventually(shows)


async def test_a_signal_of_a_dbc_file_is_an_entity_and_has_a_history(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    await repeat(gateway, wire, "sensor.engine_rpm", 812.5, (0x123, engine(812.5, gear=3, fuel=80)))
    rpm = await gateway.entity("sensor.engine_rpm") or {}
    assert (rpm["unit"], rpm["attributes"]["precision"], rpm["name"]) == ("rpm", 2, "Engine RPM")
    assert await gateway.has("sensor.gear", "Drive")
    assert await gateway.has("sensor.fuel_level", 40.0)
    assert await gateway.has("binary_sensor.clutch", False)
    assert await gateway.has("sensor.oil_pressure", 3.21)
    await repeat(gateway, wire, "sensor.engine_rpm", 900.0, (0x123, engine(900, gear=0x12)))
    assert await gateway.has("sensor.gear", "Neutral")
    assert await gateway.has("binary_sensor.clutch", True)
    history = (await gateway.client.get("/api/v1/entities/sensor.engine_rpm/history")).json()["points"]
    assert [value for _, value in history] == [812.5, 900.0]
    assert wire.hears_nothing()


async def test_extended_and_multiplexed_frames_are_told_apart(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    await repeat(gateway, wire, "sensor.wheel_speed", 12.34, (WHEELS_ID, (1234).to_bytes(8, "little")), extended=True)
    assert ((await gateway.entity("sensor.wheel_speed")) or {})["unit"] == "km/h"
    await repeat(gateway, wire, "sensor.rear_doors", 9, (0x200, b"\x01\x09"))
    wire.say(0x200, b"\x00\x05")  # the page of the front doors
    await repeat(gateway, wire, "sensor.engine_rpm", 1000, (0x123, engine(1000)))
    assert await gateway.has("sensor.rear_doors", 9)


async def test_a_signal_that_falls_silent_is_not_shown_as_live(start: Start, config: str, wire: Wire) -> None:
    gateway = await start(config)
    await repeat(gateway, wire, "sensor.fuel_level", 50.0, (0x123, engine(800)))
    fuel = await eventually(lambda: _lost(gateway, "sensor.fuel_level"))
    assert fuel["value"] == 50.0
    wire.say(0x123, engine(800))  # the same payload again is a sign of life
    await eventually(lambda: gateway.has("sensor.fuel_level", 50.0))
    wire.say(0x123, engine(800, fuel=255))  # the table calls it: not available
    await eventually(lambda: _lost(gateway, "sensor.fuel_level"))


async def _lost(gateway: Running, entity: str) -> dict[str, Any] | None:
    found = await gateway.entity(entity)
    return found if found is not None and not found["available"] else None


async def test_a_bus_without_signals_has_its_counters(start: Start, wire: Wire) -> None:
    gateway = await start(BARE.format(channel=wire.channel))
    await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
    for number in range(40):
        wire.say(0x100 + number % 4, bytes([number]))
    await eventually(lambda: gateway.has("sensor.can_main_frames", 40))
    for name, unit in (("frames_per_second", "1/s"), ("load", "%"), ("errors", None), ("dropped", None)):
        counter = await gateway.entity(f"sensor.can_main_{name}") or {}
        assert (counter["available"], counter["unit"]) == (True, unit), name
    frames = (await gateway.client.get("/api/v1/can/frames")).json()["items"]
    assert [(one["bus"], one["id"], one["count"], one["data"]) for one in frames] == [
        ("main", 0x100 + number, 10, f"{36 + number:02x}") for number in range(4)
    ]
    assert set(frames[0]) >= {"id", "bus", "count", "rate", "data", "age"}
    plugin = (await gateway.client.get("/api/v1/plugins")).json()["items"][0]
    assert (plugin["name"], plugin["status"]) == ("can", "running")
    assert {"can.choose", "can.forget_dbc"} <= set(plugin["services"])
    assert "autocore/can/data" in plugin["topics"]
    assert plugin["panels"] == ["CAN"]


async def test_what_cannot_be_had_is_said_in_a_sentence(start: Start, tmp_path: Path, wire: Wire) -> None:
    (tmp_path / "broken.dbc").write_text("BO_ nonsense")
    (tmp_path / "outside").symlink_to("/etc/hostname")
    gateway = await start(
        CONFIG.format(channel=wire.channel).replace("[cars/vehicle.dbc]", "[broken.dbc, missing.dbc, ../x.dbc, outside]")
    )
    page = await eventually(lambda: _page_with(gateway, "no DBC file has a signal EngineRPM"))
    assert page
    chooser = (await gateway.client.get("/api/v1/can/chooser")).text
    for words in ("it is no DBC file", "no such file", "lies outside the configuration folder"):
        assert words in chooser
    assert chooser.count("lies outside") == 2
    answer = await gateway.client.post("/api/v1/services/can/choose", json={"signal": "Nothing"})
    assert (answer.status_code, "no DBC file has a signal Nothing" in answer.json()["detail"]) == (400, True)


async def _page_with(gateway: Running, words: str) -> str | None:
    text = (await gateway.client.get("/can")).text
    return text if words in text else None


async def test_an_uploaded_file_and_what_was_chosen_of_it_come_back(tmp_path: Path, wire: Wire) -> None:
    text = BARE.format(channel=wire.channel)
    async with running(tmp_path, text) as gateway:
        answer = await upload(gateway, "My Car (1).dbc", VEHICLE.encode())
        assert (answer.status_code, answer.json()) == (201, {"name": "my_car_1.dbc", "messages": 4, "signals": 10})
        assert (tmp_path / "data/plugins/can/my_car_1.dbc").stat().st_mode & 0o777 == 0o600
        (found,) = await signals(gateway, q="enginerpm")
        assert (found["name"], found["id"], found["unit"], found["chosen"]) == ("Engine.EngineRPM", 0x123, "1/min", False)
        chosen = await gateway.client.post("/api/v1/services/can/choose", json={"signal": "EngineRPM", "name": "Revs"})
        assert (chosen.status_code, chosen.json()["entity"]) == (200, "sensor.revs")
        await repeat(gateway, wire, "sensor.revs", 812.5, (0x123, engine(812.5)))
        ambiguous = await gateway.client.post("/api/v1/services/can/choose", json={"signal": "Fuel"})
        assert (ambiguous.status_code, "message: Engine" in ambiguous.json()["detail"]) == (400, True)
    async with running(tmp_path, text) as gateway:
        await repeat(gateway, wire, "sensor.revs", 900.0, (0x123, engine(900)))
        off = await gateway.client.post("/api/v1/services/can/choose", json={"signal": "EngineRPM", "on": False})
        assert off.json() == {"signal": "Engine.EngineRPM", "on": False, "entity": None}
        wire.say(0x123, engine(950))
        await eventually(lambda: _lost(gateway, "sensor.revs"))
        again = await gateway.client.post("/api/v1/services/can/choose", json={"signal": "EngineRPM", "name": "Revs"})
        assert again.json()["entity"] == "sensor.revs"
        await repeat(gateway, wire, "sensor.revs", 1000.0, (0x123, engine(1000)))
        gone = await gateway.client.post("/api/v1/services/can/forget_dbc", json={"dbc": "my_car_1.dbc"})
        assert gone.status_code == 200
        assert await signals(gateway) == []
        assert not list((tmp_path / "data/plugins/can").glob("*"))
        unknown = await gateway.client.post("/api/v1/services/can/forget_dbc", json={"dbc": "my_car_1.dbc"})
        assert unknown.status_code == 404
    async with running(tmp_path, text) as gateway:
        await eventually(lambda: gateway.has("binary_sensor.can_main_online", True))
        assert await signals(gateway) == []


async def upload(gateway: Running, name: str, content: bytes, **headers: str) -> httpx.Response:
    return await gateway.client.post("/api/v1/can/dbc", files={"file": (name, content)}, headers=headers)


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("bad.dbc", b"hello", 400, "invalid syntax at line 1"),
        ("bad.dbc", b"", 400, "no DBC file"),
        ("vehicle.txt", VEHICLE.encode(), 400, ".dbc"),
        ("vehicle.dbc", VEHICLE.encode(), 409, "stands in the configuration"),
        ("large.dbc", VEHICLE.encode() + b" " * 2_000_000, 413, ""),
    ],
)
async def test_a_file_that_is_none_is_refused(
    start: Start, config: str, name: str, content: bytes, status: int, words: str
) -> None:
    gateway = await start(config)
    await eventually(lambda: has_signals(gateway))
    before = await signals(gateway)
    answer = await upload(gateway, name, content)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert await signals(gateway) == before


async def test_an_upload_without_a_file_says_how(start: Start, config: str) -> None:
    gateway = await start(config)
    for answer in (
        await gateway.client.post("/api/v1/can/dbc", files={"other": ("x.dbc", b"x")}),
        await gateway.client.post("/api/v1/can/dbc", content=b"x", headers={"Content-Type": "application/octet-stream"}),
    ):
        assert (answer.status_code, "multipart" in answer.text) == (400, True)


async def test_what_stands_in_the_configuration_is_changed_only_there(start: Start, config: str) -> None:
    gateway = await start(config)
    await eventually(lambda: has_signals(gateway))
    off = await gateway.client.post("/api/v1/services/can/choose", json={"signal": "EngineRPM", "on": False})
    assert (off.status_code, off.json()["code"]) == (409, "taken")
    forget = await gateway.client.post("/api/v1/services/can/forget_dbc", json={"dbc": "vehicle.dbc"})
    assert (forget.status_code, forget.json()["code"]) == (409, "taken")


async def test_signals_come_in_pages(start: Start, config: str) -> None:
    gateway = await start(config)
    await eventually(lambda: has_signals(gateway))
    names: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await gateway.client.get("/api/v1/can/signals", params={"limit": 3, "cursor": cursor})).json()
        names += [one["name"] for one in page["items"]]
        cursor = page["next"]
    assert names == sorted(names)
    assert len(names) == len(set(names)) == 10


@contextmanager
def acting_as(gateway: Running, token: str) -> Iterator[None]:
    before = gateway.client.headers["Authorization"]
    gateway.client.headers["Authorization"] = f"Bearer {token}"
    yield
    gateway.client.headers["Authorization"] = before


async def test_a_viewer_looks_and_only_an_administrator_uploads(start: Start, config: str) -> None:
    gateway = await start(config)
    await eventually(lambda: has_signals(gateway))
    made = await gateway.client.post("/api/v1/auth/tokens", json={"name": "display", "scopes": ["read:*"]})
    with acting_as(gateway, made.json()["token"]):
        assert (await gateway.client.get("/api/v1/can/frames")).status_code == 200
        assert (await gateway.client.get("/api/v1/can/traffic")).status_code == 200
        assert (await upload(gateway, "x.dbc", VEHICLE.encode())).status_code == 403
        assert (await gateway.client.get("/api/v1/can/chooser")).status_code == 403
        form = {"message": "Engine", "signal": "EngineRPM", "on": "yes"}
        assert (await gateway.client.post("/api/v1/can/choose", data=form)).status_code == 403
        assert (await gateway.client.post("/api/v1/can/forget", data={"dbc": "x.dbc"})).status_code == 403
    gateway.client.headers.pop("Authorization")
    assert (await gateway.client.get("/api/v1/can/frames")).status_code == 401

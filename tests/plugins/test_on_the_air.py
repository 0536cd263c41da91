"""The plugins in a running gateway: boards of another make, boards that misbehave, the gateway's own figures."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from autocore.broker.mosquitto import Mosquitto
from tests.conftest import CONFIG, PASSWORD, Ear, Running, Start, eventually
from tests.ports import free_port
from tests.web.test_rest import send

FOREIGN = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
logging: {level: error}
telemetry:
  dashboard: [sensor.fridge_power]
  sensors:
    - {topic: tele/fridge/SENSOR, path: ENERGY.Power, name: Fridge power, unit: W, expires_after: 1s}
    - {topic: tank/+, name: Tank, scale: 0.1, unit: "%"}
    - {topic: gate/state, name: Gate state}
    - {topic: gate/open, path: open, name: Gate open}
"""


async def test_boards_of_another_make_are_mapped(start: Start) -> None:
    gateway = await start(FOREIGN)
    await send(gateway, "tele/fridge/SENSOR", '{"ENERGY": {"Power": 41}}')
    await eventually(lambda: gateway.has("sensor.fridge_power", 41))
    await send(gateway, "tank/fresh", "420")
    await eventually(lambda: gateway.has("sensor.tank", 42.0))
    await send(gateway, "gate/state", "OPEN")
    await eventually(lambda: gateway.has("sensor.gate_state", "OPEN"))
    await send(gateway, "gate/open", '{"open": true}')
    await eventually(lambda: gateway.has("sensor.gate_open", 1))
    before = _rejected((await gateway.client.get("/metrics")).text)
    await send(gateway, "tank/fresh", "empty")
    await send(gateway, "tele/fridge/SENSOR", '{"ENERGY": {}}')
    await eventually(lambda: _has_rejected(gateway, before + 2))
    assert await gateway.has("sensor.tank", 42.0)
    await eventually(lambda: _is_stale(gateway))  # silent for longer than it may be
    assert "sensor.fridge_power" in (await gateway.client.get("/")).text


def _rejected(metrics: str) -> float:
    (line,) = [one for one in metrics.splitlines() if one.startswith("autocore_mqtt_rejected_total")]
    return float(line.split()[1])


async def _has_rejected(gateway: Running, wanted: float) -> bool:
    return _rejected((await gateway.client.get("/metrics")).text) >= wanted


async def _is_stale(gateway: Running) -> bool:
    fridge = await gateway.entity("sensor.fridge_power")
    return fridge is not None and not fridge["available"] and fridge["value"] == 41


class Board:
    """A relay board that does what a test tells it to."""

    def __init__(self, gateway: Running) -> None:
        self.gateway = gateway
        self.ear = Ear(gateway.broker)

    async def appear(self) -> None:
        await self.ear.listen("autocore/relays/relay_board_1/command", qos=2)
        await self.say("relays/relay_board_1/state", {"channels": {"1": False, "3": False}})
        await self.say("devices/relay_board_1/status", {"status": "online", "session": "s1"})
        await eventually(self._is_welcomed)

    async def say(self, topic: str, body: dict[str, Any]) -> None:
        await send(self.gateway, f"autocore/{topic}", json.dumps(body), qos=1)

    async def command(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((await self.ear.next()).payload)
        return body

    async def _is_welcomed(self) -> bool:
        answer = await self.gateway.client.get("/api/v1/devices/relay_board_1")
        return answer.status_code == 200 and answer.json()["is_welcomed"]


def ask(gateway: Running, verb: str, switch: str) -> asyncio.Task[Any]:
    call = gateway.client.post(f"/api/v1/services/switch/{verb}", json={"entity": switch})
    return asyncio.create_task(call)


@pytest.mark.parametrize(
    ("status", "http", "code"),
    [("refused", 409, "refused"), ("expired", 409, "refused"), ("applied", 200, None)],
)
async def test_what_the_board_answers_is_what_the_caller_hears(start: Start, status: str, http: int, code: str | None) -> None:
    gateway = await start()
    board = Board(gateway)
    await board.appear()
    asked = ask(gateway, "turn_on", "switch.light_bar")
    command = await board.command()
    await board.say("devices/relay_board_1/ack", {"id": command["id"], "status": status, "reason": "over temperature"})
    answer = await asked
    assert (answer.status_code, answer.json().get("code")) == (http, code)
    if http == 200:
        assert answer.json()["outcome"] == "unconfirmed"  # it applied it, but its state never showed it
    else:
        assert "over temperature" in answer.json()["detail"]
    assert not await gateway.has("switch.light_bar", True)
    board.ear.close()


async def test_a_pulse_that_stays_is_released_and_a_board_that_leaves_is_not_waited_for(start: Start) -> None:
    gateway = await start()
    board = Board(gateway)
    await board.appear()
    asked = ask(gateway, "turn_on", "switch.gate")
    first = await board.command()
    assert (first["type"], first["duration_ms"]) == ("pulse", 300)
    await board.say("relays/relay_board_1/state", {"channels": {"3": True}})
    assert (await asked).status_code == 200
    release = await board.command()  # it did not let go by itself
    assert (release["state"], release["seq"] > first["seq"], release["id"] != first["id"]) == (False, True, True)

    asked = ask(gateway, "toggle", "switch.light_bar")
    await board.command()
    await board.say("devices/relay_board_1/status", {"status": "offline", "session": "s1"})
    answer = await asked
    assert (answer.status_code, answer.json()["code"]) == (409, "offline")
    unknown = await ask(gateway, "toggle", "switch.light_bar")
    assert (unknown.status_code, unknown.json()["code"]) == (409, "offline")
    board.ear.close()


async def test_a_newer_command_takes_the_place_of_one_on_its_way(start: Start) -> None:
    gateway = await start()
    board = Board(gateway)
    await board.appear()
    first = ask(gateway, "turn_on", "switch.light_bar")
    await board.command()
    second = ask(gateway, "turn_off", "switch.light_bar")
    command = await board.command()
    assert (await first).json()["code"] == "superseded"
    await board.say("devices/relay_board_1/ack", {"id": command["id"], "status": "applied"})
    assert (await second).json()["outcome"] == "applied"
    unknown = await gateway.client.post("/api/v1/services/relays/all_off", json={"board": "other"})
    assert (unknown.status_code, "relay_board_1" in unknown.json()["detail"]) == (409, True)
    board.ear.close()


async def test_a_button_at_the_board_is_the_boards_doing(start: Start) -> None:
    gateway = await start()
    board = Board(gateway)
    await board.appear()
    await board.say("relays/relay_board_1/state", {"channels": {"1": True, "9": True}, "cause": "button"})
    await eventually(lambda: gateway.has("switch.light_bar", True))
    light = await gateway.entity("switch.light_bar") or {}
    assert light["cause"] == {"via": "device", "who": "relay_board_1"}
    await board.say("devices/relay_board_1/register", {"type": "relay_board", "channels": 16, "firmware": "2.1"})
    await board.say("devices/relay_board_1/register", {"type": 7})
    await board.say("devices/RELAY/status", {"status": "online"})
    device = (await gateway.client.get("/api/v1/devices/relay_board_1")).json()
    assert (device["firmware"], device["channels"]) == ("2.1", 16)
    board.ear.close()


async def test_a_second_channel_of_one_name_is_a_fault(tmp_path: Any) -> None:
    from autocore.check import check_folder  # noqa: PLC0415  # the loader itself
    from autocore.core.errors import ConfigFaults  # noqa: PLC0415

    (tmp_path / "config.yaml").write_text(CONFIG.replace("Work lights", "Light bar"))
    with pytest.raises(ConfigFaults, match=r"two channels would be switch\.light_bar"):
        check_folder(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG.replace("Work lights", "°"))
    with pytest.raises(ConfigFaults, match="give an id"):
        check_folder(tmp_path)


async def test_the_set_up_works_as_a_plain_form(tmp_path: Any) -> None:
    import httpx  # noqa: PLC0415  # a client of its own, without a token

    from autocore.app import Gateway, Settings  # noqa: PLC0415  # started without its fixture's set-up
    from autocore.core.config import load  # noqa: PLC0415
    from tests.ports import free_port  # noqa: PLC0415

    (tmp_path / "config.yaml").write_text("logging: {level: error}\n")
    gateway = Gateway(Settings(tmp_path, tmp_path / "data", free_port(), free_port()), load(tmp_path))
    await gateway.start()
    form = {"code": gateway.setup_code or "", "username": "ana", "password": PASSWORD, "again": PASSWORD}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.http_port}") as client:
        differ = await client.post("/setup", data=form | {"again": "x"})
        wrong = await client.post("/setup", data=form | {"code": "AAAA-AAAA"}, headers={"Accept-Language": "pt-BR"})
        right = await client.post("/setup", data=form)
        slow = [await client.post("/login", data={"username": "ana", "password": "no"}) for _ in range(6)]
    await gateway.stop()
    assert (differ.status_code, "the two passwords differ" in differ.text) == (400, True)
    assert (wrong.status_code, "este não é o código" in wrong.text) == (401, True)
    assert (right.status_code, right.headers["location"]) == (303, "/setup/vehicle")
    assert (slow[-1].status_code, "Too many attempts" in slow[-1].text) == (429, True)


async def test_when_the_broker_dies_no_relay_is_shown_as_live_until_its_board_is_heard_again(vehicle: Running) -> None:
    await vehicle.client.post("/api/v1/services/switch/turn_on", json={"entity": "switch.light_bar"})
    broker = int((vehicle.folder / "data/broker/mosquitto.pid").read_text())
    os.kill(broker, signal.SIGKILL)
    await eventually(lambda: _is_unavailable(vehicle))
    await eventually(lambda: _answers(vehicle))
    assert (await vehicle.client.get("/ready")).json()["checks"]["broker"] == "ok"


async def _is_unavailable(vehicle: Running) -> bool:
    light = await vehicle.entity("switch.light_bar")
    return light is not None and not light["available"]


async def _answers(vehicle: Running) -> bool:
    answer = await vehicle.client.post("/api/v1/services/switch/turn_off", json={"entity": "switch.light_bar"})
    return answer.status_code == 200 and await vehicle.has("switch.light_bar", False)


async def test_a_broker_elsewhere_serves_as_well(start: Start, tmp_path: Any) -> None:
    broker = Mosquitto(tmp_path / "elsewhere", port=free_port(), allows_anonymous=True)
    endpoint = await broker.start()
    gateway = await start(CONFIG.replace("{anonymous: loopback}", f"{{broker: 'mqtt://127.0.0.1:{endpoint.port}'}}"))
    assert not (tmp_path / "data/broker").exists()
    await send(gateway, "autocore/telemetry/cabin/data", '{"temperature": 21.5}')
    await eventually(lambda: gateway.has("sensor.cabin_temperature", 21.5))
    await broker.stop()
    await eventually(lambda: _is_not_ready(gateway))


async def _is_not_ready(gateway: Running) -> bool:
    answer = await gateway.client.get("/ready")
    return answer.status_code == 503 and answer.json()["checks"]["broker"] != "ok"

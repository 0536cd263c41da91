"""A board is let in, touches nothing but its own, and is shut out: with a real Mosquitto and a real MQTT client."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from autocore.core.mqtt.endpoint import Endpoint
from tests.conftest import Running, Start, eventually, running
from tests.ports import free_port

CONFIG = "telemetry:\nrelays:\n"
WITHIN_S = 1.0


class Board:
    """A client of the broker with a name of its own; what it hears, and what became of what it asked."""

    def __init__(self, broker: Endpoint, name: str, username: str | None, password: str | None) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.is_in = False
        self.was_refused = False
        self.answers: dict[int | None, list[int]] = {}
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False)
        if username is not None:
            self.client.username_pw_set(username, password)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_subscribe = lambda _c, _d, mid, codes, _p: self.answers.update({mid: [one.value for one in codes]})
        self.client.on_message = lambda _c, _d, message: self.heard.append((message.topic, json.loads(message.payload)))
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.is_in, self.was_refused = not code.is_failure, code.is_failure

    def _on_disconnect(self, *_words: Any) -> None:
        self.is_in = False

    async def may_hear(self, topic: str) -> bool:
        _, mid = self.client.subscribe(topic, 1)
        await eventually(lambda: mid in self.answers)
        return self.answers[mid][0] < 128

    def say(self, topic: str, **words: Any) -> paho.MQTTMessageInfo:
        return self.client.publish(topic, json.dumps(words), qos=1)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@asynccontextmanager
async def board(gateway: Running, name: str, username: str | None = None, password: str | None = None) -> AsyncIterator[Board]:
    one = Board(gateway.broker, name, username, password)
    try:
        await eventually(lambda: one.is_in or one.was_refused)
        yield one
    finally:
        one.close()


async def added(gateway: Running, device_id: str, *granted: str) -> str:
    answer = await gateway.client.post("/api/v1/devices", json={"id": device_id, "granted": list(granted)})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["credentials"]["password"])


async def test_a_new_board_joins_with_a_code_and_comes_back_with_credentials_of_its_own(start: Start) -> None:
    gateway = await start(CONFIG)
    web = gateway.client
    assert (await web.get("/api/v1/joining")).json() == {"is_open": False}
    window = (await web.post("/api/v1/joining")).json()
    assert 590 < window["seconds"] <= 600
    code = window["password"]
    async with board(gateway, "anything", window["username"], code) as new:
        assert not await new.may_hear("#")
        assert not await new.may_hear("autocore/#")
        assert await new.may_hear(f"autocore/enrol/{code}/answer")
        request = {"type": "relay_board", "mac": "aa:bb", "name": "Winch box", "capabilities": ["relays", "display"]}
        for _ in range(3):  # it asks again until it is answered
            new.say(f"autocore/enrol/{code}/request", **request)
        await eventually(lambda: gateway.gateway.core and gateway.gateway.core.devices.find("winch_box"))
        found = (await web.get("/api/v1/devices")).json()["items"]
        assert [(one["id"], one["standing"], one["is_waiting"], one["mac"]) for one in found] == [
            ("winch_box", "found", True, "aa:bb")
        ]
        assert new.heard == []
        done = await web.post("/api/v1/devices/winch_box/approve", json={"granted": ["display"]})
        assert (done.status_code, done.json()["granted"], done.json()["has_credentials"]) == (200, ["display"], True)
        await eventually(lambda: new.heard)
        answer = new.heard[0][1]
    assert (answer["device"], answer["username"]) == ("winch_box", "winch_box")
    assert answer["broker"]["port"] == gateway.broker.port
    async with board(gateway, "winch_box", answer["username"], answer["password"]) as known:
        assert known.is_in
        known.say("autocore/devices/winch_box/register", type="relay_board", channels=2)
        known.say("autocore/devices/winch_box/status", status="online", session="one")
        await eventually(lambda: _is_online(gateway, "winch_box"))
        await eventually(lambda: _is_closed(gateway))
    events = (await web.get("/api/v1/events?type=device.")).json()["items"]
    assert {"device.joining", "device.found", "device.credentials"} <= {one["type"] for one in events}
    assert answer["password"] not in json.dumps(events)


async def _is_online(gateway: Running, device_id: str) -> bool:
    return bool((await gateway.client.get(f"/api/v1/devices/{device_id}")).json()["status"] == "online")


async def _is_closed(gateway: Running) -> bool:
    return (await gateway.client.get("/api/v1/joining")).json() == {"is_open": False}


async def test_a_board_touches_its_own_topics_and_no_others(start: Start) -> None:
    gateway = await start(CONFIG)
    for name in ("bar", "winch"):
        password = await added(gateway, name)
    secret = await added(gateway, "cabin")
    async with board(gateway, "cabin", "cabin", secret) as cabin:
        assert cabin.is_in
        cabin.say("autocore/telemetry/cabin/data", temperature=21.5).wait_for_publish(5)
        for foreign in ("telemetry/bar/data", "devices/bar/status", "relays/bar/state"):
            cabin.say(f"autocore/{foreign}", temperature=99, status="offline", channels={"1": True})
        for of_the_gateway in (
            "relays/cabin/command",
            "relays/cabin/heartbeat",
            "devices/cabin/command",
            "devices/cabin/welcome",
            "devices/cabin/config",
            "gateway/status",
            "stop_all",
            "notify",
            "can/data",
            "can/command",
            "api/cabin/request",
            "display/cabin/press",
        ):
            cabin.say(f"autocore/{of_the_gateway}", text="no")
        cabin.say("$CONTROL/dynamic-security/v1", commands=[{"command": "deleteClient", "username": "bar"}])
        cabin.say("autocore/telemetry/cabin/data", temperature=22.5).wait_for_publish(5)
        await eventually(lambda: gateway.has("sensor.cabin_temperature", 22.5))
        ids = [one["id"] for one in (await gateway.client.get("/api/v1/entities?device=bar")).json()["items"]]
        assert ids == []
        assert not await cabin.may_hear("#")
        assert not await cabin.may_hear("autocore/#")
        assert not await cabin.may_hear("autocore/devices/bar/command")
        assert not await cabin.may_hear("autocore/telemetry/bar/data")
        assert not await cabin.may_hear("$SYS/#")
        assert await cabin.may_hear("autocore/devices/cabin/#")
        assert await cabin.may_hear("autocore/config/update")
    async with board(gateway, "bar", "bar", password + "x") as wrong:
        assert wrong.was_refused
    async with board(gateway, "winch", "cabin", secret) as disguised:  # a sensor's password with the relay's client id
        assert disguised.was_refused
    async with board(gateway, "stranger") as nameless:
        assert nameless.was_refused


async def test_a_revoked_board_is_off_within_a_second_and_stays_off(start: Start) -> None:
    gateway = await start(CONFIG)
    password = await added(gateway, "winch")
    async with board(gateway, "winch", "winch", password) as winch:
        assert winch.is_in
        began = time.monotonic()
        answer = await gateway.client.post("/api/v1/devices/winch/retire")
        assert answer.status_code == 200, answer.text
        await eventually(lambda: not winch.is_in, within_s=WITHIN_S)
        assert time.monotonic() - began < WITHIN_S
    async with board(gateway, "winch", "winch", password) as back:
        assert back.was_refused
    refused = await gateway.client.post("/api/v1/devices/winch/replace")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_approved")


async def test_credentials_live_through_a_restart_a_lost_file_and_a_restored_one(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    async with running(tmp_path, CONFIG, ports) as gateway:
        kept, gone = await added(gateway, "cabin"), await added(gateway, "winch")
        old = (tmp_path / "data/broker/accounts.json").read_bytes()
        assert (await gateway.client.post("/api/v1/devices/winch/retire")).status_code == 200
    (tmp_path / "data/broker/accounts.json").unlink()
    async with running(tmp_path, CONFIG, ports) as gateway, board(gateway, "cabin", "cabin", kept) as cabin:
        assert cabin.is_in
    (tmp_path / "data/broker/accounts.json").write_bytes(old)  # of the time before the winch was retired
    async with (
        running(tmp_path, CONFIG, ports) as gateway,
        board(gateway, "cabin", "cabin", kept) as cabin,
        board(gateway, "winch", "winch", gone) as winch,
    ):
        assert (cabin.is_in, winch.was_refused) == (True, True)


async def test_a_broken_board_is_replaced_and_its_entities_stay(start: Start) -> None:
    gateway = await start(CONFIG)
    old_password = await added(gateway, "cabin")
    async with board(gateway, "cabin", "cabin", old_password) as old:
        old.say("autocore/telemetry/cabin/data", temperature=21.5)
        await eventually(lambda: gateway.has("sensor.cabin_temperature", 21.5))
        window = (await gateway.client.post("/api/v1/joining")).json()
        async with board(gateway, "new", "enrol", window["password"]) as new:
            await new.may_hear(f"autocore/enrol/{window['password']}/answer")
            words = {"type": "sensor_board", "mac": "cc:dd\x1b", "name": "\u202eSensor\0 board"}
            new.say(f"autocore/enrol/{window['password']}/request", **words)
            await eventually(lambda: gateway.gateway.core and gateway.gateway.core.devices.find("sensor_board"))
            assert (await gateway.client.get("/api/v1/devices/sensor_board")).json()["name"] == "Sensor board"
            done = await gateway.client.post("/api/v1/devices/cabin/replace", json={"by": "sensor_board"})
            assert (done.status_code, done.json()["mac"]) == (200, "cc:dd"), done.text
            await eventually(lambda: new.heard)
        await eventually(lambda: not old.is_in, within_s=WITHIN_S)
    answer = new.heard[0][1]
    assert answer["device"] == "cabin"
    async with board(gateway, "cabin", "cabin", answer["password"]) as board_two:
        board_two.say("autocore/telemetry/cabin/data", temperature=23.5)
        await eventually(lambda: gateway.has("sensor.cabin_temperature", 23.5))
    points = (await gateway.client.get("/api/v1/entities/sensor.cabin_temperature/history")).json()["points"]
    assert [one[1] for one in points if one[1] is not None] == [21.5, 23.5]
    assert [one["id"] for one in (await gateway.client.get("/api/v1/devices")).json()["items"]] == ["cabin"]


async def test_two_boards_with_one_code_close_the_window(start: Start) -> None:
    gateway = await start(CONFIG)
    code = (await gateway.client.post("/api/v1/joining")).json()["password"]
    async with board(gateway, "a", "enrol", code) as first, board(gateway, "b", "enrol", code) as second:
        first.say(f"autocore/enrol/{code}/request", type="sensor_board", mac="aa")
        await eventually(lambda: gateway.gateway.core and gateway.gateway.core.devices.find("sensor_board"))
        second.say(f"autocore/enrol/{code}/request", type="display", mac="bb")
        await eventually(lambda: not first.is_in and not second.is_in)
    assert await _is_closed(gateway)
    refused = await gateway.client.post("/api/v1/devices/sensor_board/approve")
    assert (refused.status_code, refused.json()["has_credentials"]) == (200, False)


async def test_what_is_granted_counts_at_once(start: Start) -> None:
    gateway = await start(CONFIG)
    password = await added(gateway, "lever")
    async with board(gateway, "lever", "lever", password) as lever:
        assert not await lever.may_hear("autocore/display/lever/#")
        granted = await gateway.client.post("/api/v1/devices/lever/approve", json={"granted": ["display"]})
        assert granted.json()["granted"] == ["display"]
        assert await lever.may_hear("autocore/display/lever/#")
        assert lever.is_in
    wrong = await gateway.client.post("/api/v1/devices/lever/approve", json={"granted": ["dsplay"]})
    assert (wrong.status_code, "did you mean display?" in wrong.json()["detail"]) == (400, True)


@pytest.mark.parametrize("name", ["enrol", "autocore-gateway", "Upper", "a/b", "+", ""])
async def test_a_name_that_is_none_is_refused(start: Start, name: str) -> None:
    gateway = await start(CONFIG)
    answer = await gateway.client.post("/api/v1/devices", json={"id": name})
    assert answer.status_code == 400, answer.text


async def test_an_approved_board_is_not_forgotten_by_mistake(start: Start) -> None:
    gateway = await start(CONFIG)
    await added(gateway, "cabin")
    assert (await gateway.client.delete("/api/v1/devices/cabin")).json()["code"] == "approved"
    await gateway.client.post("/api/v1/devices/cabin/retire")
    assert (await gateway.client.delete("/api/v1/devices/cabin")).status_code == 204
    assert (await gateway.client.get("/api/v1/devices")).json()["items"] == []
    assert (await gateway.client.post("/api/v1/devices", json={"id": "cabin"})).status_code == 201

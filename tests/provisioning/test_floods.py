"""A device that floods is held back at a real Mosquitto, keeps its connection and its relays, and is let go again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.devices import Device, DeviceRegistry
from autocore.provisioning.provisioner import Provisioner
from autocore.rates import course
from autocore.testing import FakeClock
from tests.conftest import Running, Start, eventually

CONFIG = "devices: {approve: automatic, messages_per_s: 20, burst: 40}\nhistory: {flush_s: 1}\ntelemetry:\nrelays:\n"
TOPIC = "autocore/telemetry/bar/data"


class Mad:
    """A relay board that floods its own topic, on one connection, and obeys meanwhile."""

    def __init__(self, gateway: Running, password: str | None) -> None:
        self.lost = 0
        self.commands: list[dict[str, Any]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bar", reconnect_on_failure=False)
        if password is not None:
            self.client.username_pw_set("bar", password)
        self.client.on_disconnect = self._on_disconnect
        self.client.on_message = self._on_command
        self.client.connect(gateway.broker.host, gateway.broker.port)
        self.client.subscribe("autocore/relays/bar/command", 2)
        self.client.loop_start()
        self.say("devices/bar/register", type="relay_board", capabilities=["relays"], channels=1)
        self.say("relays/bar/state", channels={"1": False})
        self.say("devices/bar/status", status="online", session="one")

    def say(self, topic: str, **words: Any) -> None:
        # As every board does: a gateway that is just coming back would miss a status that is not retained.
        self.client.publish(f"autocore/{topic}", json.dumps(words), qos=1, retain=topic.endswith(("/status", "/state")))

    async def flood(self, seconds: float, value: int = 1) -> None:
        """Send a hundred readings a second."""
        for _ in range(round(seconds * 10)):
            for _ in range(10):
                self.client.publish(TOPIC, json.dumps({"n": value}))
            await asyncio.sleep(0.1)

    def _on_command(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        word = json.loads(message.payload)
        self.commands.append(word)
        self.say("relays/bar/state", channels={"1": word["state"]})
        self.say("devices/bar/ack", id=word["id"], status="applied")

    def _on_disconnect(self, *_words: Any) -> None:
        self.lost += 1


@contextmanager
def mad(gateway: Running, password: str | None) -> Iterator[Mad]:
    one = Mad(gateway, password)
    try:
        yield one
    finally:
        one.client.disconnect()
        one.client.loop_stop()


async def flood_of(gateway: Running) -> dict[str, Any]:
    answer = await gateway.client.get("/api/v1/devices/bar")
    return dict(answer.json().get("flood", {}))


async def relay_obeys(gateway: Running, verb: str) -> bool:
    answer = await gateway.client.post(f"/api/v1/services/switch/{verb}", json={"entity": "switch.bar_1"})
    return answer.status_code == 200 and await gateway.has("switch.bar_1", verb == "turn_on")


async def until_slowed(gateway: Running, board: Mad) -> None:
    for _ in range(60):
        await board.flood(0.2)
        if (await flood_of(gateway))["slowed_s"] is not None:
            return
    raise AssertionError(await flood_of(gateway))


@pytest.mark.parametrize("is_named", [True, False], ids=["with an account", "without a name"])
async def test_a_board_that_floods_is_held_back_at_the_broker_and_keeps_its_relays(
    start: Start, monkeypatch: pytest.MonkeyPatch, *, is_named: bool
) -> None:
    monkeypatch.setattr(course, "PAUSE_S", 3)
    gateway = await start(("" if is_named else "mqtt: {anonymous: loopback}\n") + CONFIG)
    password = None
    if is_named:
        answer = await gateway.client.post("/api/v1/devices", json={"id": "bar"})
        password = answer.json()["credentials"]["password"]
    with mad(gateway, password) as board:
        await eventually(lambda: relay_obeys(gateway, "turn_on"))
        await until_slowed(gateway, board)
        assert gateway.gateway.core is not None
        counters = gateway.gateway.core.hub.counters
        assert "drops what it measures" in (await gateway.client.get("/devices/bar")).text
        board.client.publish(TOPIC, json.dumps({"n": 7}), qos=1).wait_for_publish(5)
        assert await relay_obeys(gateway, "turn_off")
        assert await relay_obeys(gateway, "turn_on")
        before = counters.received
        await board.flood(0.5, value=8)
        assert counters.received - before < 10, "the broker drops it, not the gateway"
        assert not await gateway.has("sensor.bar_n", 7)
        assert board.lost == 0
        await eventually(lambda: _is_let_go(gateway), 10)
        board.client.publish(TOPIC, json.dumps({"n": 9}))
        await eventually(lambda: gateway.has("sensor.bar_n", 9))
        assert board.lost == 0
        events = (await gateway.client.get("/api/v1/events?type=device.slowed")).json()["items"]
        assert [one["data"] for one in events] == [{"device": "bar", "topic": TOPIC, "seconds": 3}]


async def _is_let_go(gateway: Running) -> bool:
    return (await flood_of(gateway))["slowed_s"] is None


async def test_a_change_of_its_rights_does_not_let_it_loose(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "PAUSE_S", 30)
    gateway = await start(CONFIG)
    password = (await gateway.client.post("/api/v1/devices", json={"id": "bar"})).json()["credentials"]["password"]
    with mad(gateway, password) as board:
        await until_slowed(gateway, board)
        answer = await gateway.client.post("/api/v1/devices/bar/approve", json={"granted": ["script"]})
        assert answer.status_code == 200
        board.client.publish(TOPIC, json.dumps({"n": 7}), qos=1).wait_for_publish(5)
        assert await relay_obeys(gateway, "turn_on")
        assert not await gateway.has("sensor.bar_n", 7)


async def test_a_broker_that_begins_anew_is_told_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "PAUSE_S", 60)
    gateway = await start("mqtt: {anonymous: loopback}\n" + CONFIG)
    with mad(gateway, None) as board:
        await until_slowed(gateway, board)
        broker = gateway.gateway._broker
        assert broker is not None
        broker.begin_again()
        await eventually(lambda: board.lost)
    await eventually(lambda: gateway.gateway.core and gateway.gateway.core.hub.is_connected)
    with mad(gateway, None) as board:
        await eventually(lambda: relay_obeys(gateway, "turn_on"))
        board.client.publish(TOPIC, json.dumps({"n": 7}), qos=1).wait_for_publish(5)
        assert await relay_obeys(gateway, "turn_off")
        assert not await gateway.has("sensor.bar_n", 7)


@pytest.mark.parametrize(
    ("cuts_off", "device", "expected"),
    [
        (False, "board", True),
        (False, "node", True),
        (False, "nameless", False),
        (True, "board", False),
        (True, "found_board", False),
        (True, "node", True),
        (True, "nameless", False),
    ],
)
def test_where_a_changed_role_throws_its_client_off_a_board_with_relays_is_left_alone(
    *, cuts_off: bool, device: str, expected: bool
) -> None:
    clock = FakeClock()
    devices = DeviceRegistry(clock, Bus(clock, Sequence(1, lambda _limit: None)), approves_itself=True)
    for one in (
        Device(id="board", channels=4),
        Device(id="found_board", capabilities=("relays",)),
        Device(id="node", capabilities=("telemetry",)),
        Device(id="nameless"),
    ):
        devices.add(one)
    security: Any = SimpleNamespace(cuts_off=cuts_off)
    credentials: Any = {"board", "found_board", "node"}
    nothing: Any = None
    provisioner = Provisioner(nothing, security, credentials, devices, nothing, nothing)
    topic = f"autocore/telemetry/{device}/data"
    assert not provisioner.can_withhold(topic, device), "nobody knows yet whose broker it is"
    provisioner.is_enforced = True
    assert provisioner.can_withhold(topic, device) is expected

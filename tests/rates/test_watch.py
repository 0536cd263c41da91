"""A device floods a whole gateway in memory: it is named to everybody, the others are not touched, and it ends."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from autocore.rates.course import QUIET_S
from autocore.testing.car import Car

CONFIG = "telemetry:\nrelays:\n"


@pytest.fixture
async def car(tmp_path: Path) -> AsyncIterator[Car]:
    made = Car(tmp_path)
    yield made
    await made.stop()


def flood(car: Car, device: str, amount: int = 5_000, topic: str = "telemetry/{}/data") -> None:
    for number in range(amount):
        car.publish(f"autocore/{topic.format(device)}", {"n": number})


async def events(car: Car) -> list[tuple[str, dict[str, Any]]]:
    await car.advance(1)
    web = await car.web()
    found = (await web.get("/api/v1/events?limit=200")).json()["items"]
    return [(one["type"], one["data"]) for one in reversed(found) if one["type"].endswith(("flooding", "calm", "slowed"))]


async def test_a_device_that_floods_is_named_and_the_others_are_not(car: Car) -> None:
    await car.start(CONFIG)
    car.publish("autocore/telemetry/engine/data", {"rpm": 900})
    car.publish("autocore/telemetry/mad/data", {"n": -1})
    flood(car, "mad")
    assert car.value("sensor.mad_n") == 1_999, "the burst passed, the rest did not"
    car.publish("autocore/telemetry/engine/data", {"rpm": 2_150})
    assert car.value("sensor.engine_rpm") == 2_150
    await car.advance(1)
    web = await car.web()
    shown = {one["id"]: one["flood"] for one in (await web.get("/api/v1/devices")).json()["items"]}
    assert shown == {
        "engine": {"dropped": 0, "is_flooding": False, "slowed_s": None},
        "mad": {"dropped": 3_000, "is_flooding": True, "slowed_s": None},
    }
    assert "sends too much: 3,000 messages" in await car.page("/devices")
    assert "cannot be held back at the broker" in await car.page("/devices/mad")
    assert "sends too much" not in await car.page("/devices/engine")
    metrics = (await web.get("/metrics")).text
    assert "autocore_mqtt_flooded_total 3000.0" in metrics
    assert 'autocore_device_flooded_total{device="mad"} 3000.0' in metrics
    assert 'device="engine"' not in metrics
    assert "3,000" in (await car.page("/monitoring")).split("left out because their device sends too much")[1][:100]


async def test_begin_and_end_are_told_once_with_what_was_left_out(car: Car) -> None:
    await car.start(CONFIG)
    car.publish("autocore/telemetry/mad/data", {"n": -1})
    for _ in range(20):
        flood(car, "mad", 2_500)
        await car.advance(1)
    await car.advance(1)
    for _ in range(QUIET_S):
        await car.advance(1)
    topic = "autocore/telemetry/mad/data"
    dropped = 20 * 2_500 - 2_000 - 19 * 500
    assert await events(car) == [
        ("device.flooding", {"device": "mad", "topic": topic, "per_s": 500}),
        ("device.calm", {"device": "mad", "topic": topic, "dropped": dropped, "seconds": 29}),
    ]
    web = await car.web()
    notices = [one["text"] for one in (await web.get("/api/v1/notices")).json()["items"] if "mad" in one["text"]]
    assert sorted(notices) == [
        f"mad floods no more; {dropped} messages were left out",
        f"mad sends too much on {topic}; what is above its rate is left out",
    ]


async def test_a_boards_relay_obeys_while_its_sensor_floods(car: Car) -> None:
    await car.start(CONFIG)
    board = car.board("bar", channels=2)
    flood(car, "bar", 10_000)
    for number in range(100):
        await car.call("switch.turn_off" if number % 2 else "switch.turn_on", {"entity": "switch.bar_1"})
        assert car.value("switch.bar_1") is not bool(number % 2)
    assert board.channels[1] is False


async def test_a_flood_of_acks_is_bounded_and_leaves_the_states_alone(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2)
    heard: list[Any] = []
    car.core.bus.on("device.ack", heard.append)
    for _ in range(10_000):
        car.publish("autocore/devices/bar/ack", {"id": "x", "status": "applied"})
    assert len(heard) == 4_000
    await car.call("switch.turn_on", {"entity": "switch.bar_2"})
    assert car.value("switch.bar_2") is True


async def test_ever_new_devices_fill_nothing_and_are_told_of(car: Car) -> None:
    await car.start(CONFIG)
    for number in range(20_000):
        car.publish(f"autocore/telemetry/x{number}/data", {"n": number})
    assert len(car.core.devices) == 1_000
    assert len([one for one in car.core.entities if one.description.device]) == 1_000
    assert car.core.devices.turned_away == 1_000
    await car.advance(1)
    for number in range(20_000):
        car.publish(f"autocore/telemetry/x{number + 5_000}/data", {"n": number})
    assert (len(car.core.devices), car.core.devices.turned_away) == (1_000, 1_100), "a hundred a second are looked at"
    assert (await events(car))[0] == ("mqtt.flooding", {"topic": "autocore/telemetry/x19999/data", "per_s": 100})
    web = await car.web()
    texts = [one["text"] for one in (await web.get("/api/v1/notices")).json()["items"]]
    assert any("under ever new names" in one for one in texts)


async def test_a_foreign_topic_that_floods_is_named(car: Car) -> None:
    await car.start("telemetry: {sensors: [{topic: tele/plug/SENSOR, name: Plug, path: power}]}\n")
    for number in range(3_000):
        car.publish("tele/plug/SENSOR", {"power": number})
    assert car.value("sensor.plug") == 1_999
    assert (await events(car))[0][1]["topic"] == "tele/plug/SENSOR"


async def test_the_owner_sets_the_rate(car: Car) -> None:
    await car.start("devices: {approve: automatic, messages_per_s: 5, burst: 10}\ntelemetry:\n")
    car.publish("autocore/telemetry/engine/data", {"n": -1})
    flood(car, "engine", 100)
    assert car.value("sensor.engine_n") == 9
    await car.advance(1)
    flood(car, "engine", 100)
    assert car.value("sensor.engine_n") == 4


async def test_a_device_that_was_forgotten_is_counted_no_more(car: Car) -> None:
    await car.start("devices: {approve: manual}\ntelemetry:\n")
    car.publish("autocore/telemetry/mad/data", {"n": 1})
    flood(car, "mad")
    web = await car.web()
    assert 'device="mad"' in (await web.get("/metrics")).text
    assert (await web.delete("/api/v1/devices/mad")).status_code == 204
    assert 'device="mad"' not in (await web.get("/metrics")).text


async def test_nothing_is_looked_at_while_nobody_floods(car: Car, caplog: pytest.LogCaptureFixture) -> None:
    await car.start(CONFIG)
    caplog.set_level(logging.DEBUG, "autocore.devices")
    for _ in range(30):
        for device in ("engine", "living"):
            for number in range(400):
                car.publish(f"autocore/telemetry/{device}/data", {"n": number})
        await car.advance(1)
    assert await events(car) == []
    assert "autocore_mqtt_flooded_total 0.0" in (await (await car.web()).get("/metrics")).text

"""What a device must know reaches it, and is followed: put together from plugins, only when it changed, kept over a restart."""

from __future__ import annotations

from typing import Any

from autocore.testing import Car

CONFIG = """
devices: {approve: automatic}
relays:
  boards: [{device: bar, channels: {1: {name: Light}, 2: {name: Horn, type: pulse}}}]
"""
SCREENS = """
import voluptuous as vol
from autocore.api import hookimpl

@hookimpl
def config_schema():
    return vol.Schema({vol.Optional("size", default=1): int, vol.Optional("fails", default=False): bool})

@hookimpl
def setup(host, config):
    host.data = config

@hookimpl
def device_config(host, device):
    if host.data["fails"]:
        raise RuntimeError("no screens today")
    return {"text": "x" * host.data["size"]} if device.type == "display" else None
"""


def add_pictures(car: Car) -> None:
    (car.folder / "plugins").mkdir()
    (car.folder / "plugins" / "pictures.py").write_text(SCREENS)


def documents(car: Car, device_id: str) -> list[dict[str, Any]]:
    return list(car.heard(f"autocore/devices/{device_id}/config"))


async def config_of(car: Car, device_id: str) -> dict[str, Any] | None:
    web = await car.web()
    found: dict[str, Any] | None = (await web.get(f"/api/v1/devices/{device_id}")).json()["config"]
    return found


def ack(car: Car, device_id: str, version: int, status: str, **more: str) -> None:
    car.publish(f"autocore/devices/{device_id}/ack", {"id": str(version), "status": status, **more})


async def test_a_board_is_told_what_its_channels_are_and_says_that_it_obeys(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2)
    await car.advance(1)
    (document,) = documents(car, "bar")
    assert document["version"] == 1
    assert document["sections"]["relays"]["channels"] == {
        "1": {"name": "Light", "type": "toggle"},
        "2": {"name": "Horn", "type": "pulse", "duration_ms": 500},
    }
    await car.until(lambda: car.heard("autocore/config/update"))
    assert car.heard("autocore/config/update") == [{"version": 1, "sections": ["relays"], "devices": ["bar"]}]
    told = await config_of(car, "bar")
    assert told is not None
    assert (told["version"], told["delivered"], told["applied"], told["has_drifted"]) == (1, 0, 0, True)
    ack(car, "bar", 1, "accepted")
    ack(car, "bar", 1, "applied")
    await car.advance(1)
    told = await config_of(car, "bar")
    assert told is not None
    assert (told["delivered"], told["applied"], told["has_drifted"]) == (1, 1, False)


async def test_a_change_touches_only_the_devices_that_it_concerns(car: Car) -> None:
    add_pictures(car)
    await car.start(CONFIG + "pictures: {size: 3}\n")
    car.board("bar", channels=2)
    car.board("dash", type="display")
    car.board("cabin", type="sensor_board")
    await car.advance(1)
    assert (len(documents(car, "bar")), len(documents(car, "dash")), len(documents(car, "cabin"))) == (1, 1, 0)
    (car.folder / "config.yaml").write_text(CONFIG + "pictures: {size: 4}\n")
    web = await car.web()
    assert (await web.post("/api/v1/plugins/relays/reload")).status_code == 200  # says the same as before
    await car.advance(1)
    assert (len(documents(car, "bar")), len(documents(car, "dash"))) == (1, 1)
    assert (await (await car.web()).post("/api/v1/reload")).status_code == 200
    await car.advance(1)
    assert (len(documents(car, "bar")), [one["version"] for one in documents(car, "dash")]) == (1, [1, 2])
    await car.until(lambda: car.heard("autocore/config/update")[-1]["devices"] == ["dash"])


async def test_a_device_that_asks_gets_it_unless_it_has_it(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2)
    await car.advance(1)
    car.publish("autocore/config/request", {"device": "bar", "have": 7})
    assert len(documents(car, "bar")) == 2
    car.publish("autocore/config/request", {"device": "bar", "have": 1})
    await car.advance(1)
    assert len(documents(car, "bar")) == 2
    told = await config_of(car, "bar")
    assert told is not None
    assert told["delivered"] == 1
    before = car.core.hub.rejections.total
    for wrong in ({"device": "nobody"}, {"device": 7}, {"have": 1}, []):
        car.publish("autocore/config/request", wrong)
    assert car.core.hub.rejections.total == before + 4


async def test_versions_go_on_after_a_restart_and_what_was_applied_is_known(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2)
    await car.advance(1)
    ack(car, "bar", 1, "applied")
    await car.advance(1)
    await car.stop()
    await car.start(CONFIG)
    await car.advance(1)
    told = await config_of(car, "bar")
    assert told is not None
    assert (told["version"], told["applied"]) == (1, 1)
    assert documents(car, "bar")[-1]["version"] == 1  # published again: the broker may have lost it
    await car.stop()
    await car.start(CONFIG.replace("Horn", "Hooter"))
    await car.advance(1)
    assert documents(car, "bar")[-1]["version"] == 2
    told = await config_of(car, "bar")
    assert told is not None
    assert (told["applied"], told["has_drifted"]) == (1, True)


async def test_a_device_that_refuses_says_why(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2)
    await car.advance(1)
    ack(car, "bar", 1, "refused", reason="only one channel here")
    ack(car, "bar", 99, "applied")  # of a version that never was
    await car.advance(1)
    told = await config_of(car, "bar")
    assert told is not None
    assert (told["problem"], told["applied"]) == ("refused: only one channel here", 0)
    web = await car.web()
    events = (await web.get("/api/v1/events?type=device.config")).json()["items"]
    assert [one["type"] for one in events] == ["device.config_refused"]


async def test_a_plugin_that_fails_takes_nothing_away_and_a_document_that_is_too_large_is_not_sent(car: Car) -> None:
    add_pictures(car)
    await car.start(CONFIG + "pictures: {size: 3}\n")
    car.board("dash", type="display")
    await car.advance(1)
    for section in ("{size: 3, fails: true}", "{size: 100000}"):
        (car.folder / "config.yaml").write_text(f"{CONFIG}pictures: {section}\n")
        assert (await (await car.web()).post("/api/v1/reload")).status_code == 200
        await car.advance(1)
        assert [one["sections"]["pictures"]["text"] for one in documents(car, "dash")] == ["xxx"]
    told = await config_of(car, "dash")
    assert told is not None
    assert "it takes at most 65536" in told["problem"]


async def test_a_first_document_that_is_too_large_is_told_of(car: Car) -> None:
    add_pictures(car)
    await car.start(CONFIG + "pictures: {size: 100000}\n")
    car.board("dash", type="display")
    await car.advance(1)
    told = await config_of(car, "dash")
    assert told is not None
    assert told["version"] == 0
    page = await (await car.web()).get("/devices/dash")
    assert "it takes at most 65536" in page.text


async def test_a_small_board_gets_what_it_works_by_without_names_and_nothing_that_its_buffer_would_cut(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2, config_bytes=512)
    await car.advance(1)
    (document,) = documents(car, "bar")
    assert document["sections"]["relays"]["channels"] == {"1": {"type": "toggle"}, "2": {"type": "pulse", "duration_ms": 500}}
    car.board("bar", channels=2, config_bytes=100)  # flashed anew, with less room
    await car.advance(1)
    assert len(documents(car, "bar")) == 1
    told = await config_of(car, "bar")
    assert told is not None
    assert "it takes at most 100; it keeps the one before" in told["problem"]


async def test_what_a_type_of_device_takes_is_configured_and_the_device_may_say_less(car: Car) -> None:
    add_pictures(car)
    await car.start(CONFIG.replace("automatic", "automatic, config_bytes: {display: 2048}") + "pictures: {size: 3000}\n")
    car.board("dash", type="display")
    car.board("small", type="display", config_bytes=1024)
    await car.advance(1)
    problems = [told["problem"] for told in (await config_of(car, "dash"), await config_of(car, "small")) if told]
    assert ["at most 2048" in problems[0], "at most 1024" in problems[1]] == [True, True]


async def test_who_is_retired_has_nothing_at_the_broker_any_more(car: Car) -> None:
    await car.start(CONFIG)
    car.board("bar", channels=2)
    await car.advance(1)
    web = await car.web()
    assert (await web.post("/api/v1/devices/bar/retire")).status_code == 200
    await car.advance(1)
    assert car.heard("autocore/devices/bar/config")[-1] in (b"", "", None)
    assert await config_of(car, "bar") is None
    assert (await web.get("/api/v1/devices/bar/config")).json() == {"document": None, "delivery": None}

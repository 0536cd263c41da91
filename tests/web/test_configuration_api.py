"""The configuration and the names of devices over REST, and what a plugin tells of itself."""

from __future__ import annotations

import pytest

from autocore.testing import Car

MINE = "telemetry:\n"


async def test_a_plugin_is_switched_on_changed_and_off_over_rest(car: Car) -> None:
    await car.start(MINE)
    web = await car.web()
    seen = (await web.get("/api/v1/config")).json()
    assert [one["name"] for one in seen["files"]] == ["config.yaml"]
    assert seen["faults"] == []
    assert {"relays", "system", "telemetry"} <= set(seen["plugins"])
    on = await web.put("/api/v1/config/system", json={"every": "5s"})
    assert (on.status_code, on.json()["status"]) == (200, "running")
    assert (car.folder / "config.d/system.yaml").read_text().endswith("every: 5s\n")
    off = await web.delete("/api/v1/config/system")
    assert off.status_code == 204
    assert not (car.folder / "config.d/system.yaml").exists()
    assert (await web.get("/api/v1/plugins/system")).status_code == 404


@pytest.mark.parametrize(
    ("method", "name", "body", "status", "words"),
    [
        ("PUT", "telemetry", {}, 409, "config.yaml:"),
        ("PUT", "sytem", {}, 404, "system"),
        ("PUT", "system", {"every": "often"}, 400, "expected a duration"),
        ("PUT", "../../etc", {}, 404, ""),
        ("DELETE", "telemetry", None, 409, "change it there"),
        ("DELETE", "system", None, 404, "system"),
    ],
)
async def test_what_cannot_be_taken_over_is_said_and_nothing_is_written(
    car: Car, method: str, name: str, body: object, status: int, words: str
) -> None:
    await car.start(MINE)
    answer = await (await car.web()).request(method, f"/api/v1/config/{name}", json=body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert not list((car.folder / "config.d").glob("*")) if (car.folder / "config.d").exists() else True


async def test_a_device_is_called_what_people_say_and_keeps_its_own_name(car: Car) -> None:
    await car.start("telemetry:\n")
    board = car.board("cabin", name="ESP32-17")
    await car.settle()
    web = await car.web()
    named = await web.patch("/api/v1/devices/cabin", json={"name": "Cabin sensors", "area": "Cabin"})
    assert (named.json()["name"], named.json()["area"]) == ("Cabin sensors", "Cabin")
    board.connect()  # it registers again
    await car.settle()
    assert (await web.get("/api/v1/devices/cabin")).json()["name"] == "Cabin sensors"
    await car.stop()
    await car.start("telemetry:\n")
    web = await car.web()
    assert (await web.get("/api/v1/devices/cabin")).json()["name"] == "Cabin sensors"
    page = await car.page("/devices/cabin")
    assert "Cabin sensors" in page
    assert "ESP32-17" in page
    back = await web.patch("/api/v1/devices/cabin", json={"name": None})
    assert back.json()["name"] == "ESP32-17"
    assert (await web.patch("/api/v1/devices/cabin", json={"nmae": "x"})).status_code in (400, 422)
    assert (await web.patch("/api/v1/devices/cabn", json={"name": "x"})).status_code == 404
    form = await web.post("/devices/cabin/call", data={"alias": "Sofa", "area": ""})
    assert (form.status_code, 'value="Sofa"' in form.text, "Saved." in form.text) == (200, True, True)


async def test_a_plugin_tells_what_helps_to_find_a_fault(car: Car) -> None:
    await car.start("telemetry:\ncan:\n")
    web = await car.web()
    told = (await web.get("/api/v1/plugins/can/diagnostics")).json()
    assert told["plugin"]["status"] == "running"
    assert told["diagnostics"]["buses"] == []
    assert (await web.get("/api/v1/plugins/telemetry/diagnostics")).json()["diagnostics"] == {}
    assert (await web.get("/api/v1/plugins/cna/diagnostics")).status_code == 404

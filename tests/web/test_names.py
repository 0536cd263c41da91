"""Names on their way in: refused from people with one sentence, cleaned when a device says them."""

from __future__ import annotations

import json

import httpx
import pytest

from autocore.core.errors import AutocoreError
from autocore.testing import Car

HIDDEN = "it holds a character that cannot be seen or turns words round; type it anew"
EVIL = ["\u202eevil", "a\0b", "a\x1b[31mb", "a\nb", "\u2066x"]


@pytest.fixture
async def web(car: Car) -> httpx.AsyncClient:
    await car.start("telemetry:\nrelays:\n")
    car.board("cabin", channels=2).measure(temperature=21.5)
    return await car.web()


@pytest.mark.parametrize("path", ["entities/switch.cabin_1", "entities/sensor.cabin_temperature", "devices/cabin"])
async def test_a_person_hides_nothing_in_a_name(web: httpx.AsyncClient, path: str) -> None:
    before = (await web.get(f"/api/v1/{path}")).json()
    for field in ("name", "area"):
        for name in EVIL:
            answer = await web.patch(f"/api/v1/{path}", json={field: name})
            assert (answer.status_code, answer.json()["detail"].partition(": ")[2]) == (400, HIDDEN)
    assert (await web.get(f"/api/v1/{path}")).json() == before


async def test_a_form_says_what_is_wrong_with_a_name(car: Car, web: httpx.AsyncClient) -> None:
    for path, field in (("/devices/cabin/call", "alias"), ("/entities/switch.cabin_1", "name")):
        for name in EVIL:
            form = {"alias": "", "name": "", "area": "", "icon": "", field: name}
            answer = await web.post(path, data=form, headers={"Accept-Language": "pt-BR"})
            assert answer.status_code == 400
            assert "há nele um caractere que não se vê" in answer.text
    assert car.core.devices.get("cabin").label == "cabin"


async def test_a_board_that_is_taken_in_by_hand_hides_nothing_in_its_name(web: httpx.AsyncClient) -> None:
    for name in EVIL:
        answer = await web.post("/api/v1/devices", json={"id": "winch", "name": name})
        assert (answer.status_code, answer.json()["field"]) == (400, "name")
        assert (await web.get("/api/v1/devices/winch")).status_code == 404


@pytest.mark.parametrize(
    "text",
    [
        "autocore: {{name: {name}}}",
        "relays: {{boards: [{{device: b, name: {name}, channels: {{1: {{name: Light}}}}}}]}}",
        "relays: {{boards: [{{device: b, channels: {{1: {{name: {name}, id: light}}}}}}]}}",
        "relays: {{boards: [{{device: b, channels: {{1: {{name: Light, area: {name}}}}}}}]}}",
        "telemetry: {{sensors: [{{topic: t, name: {name}}}]}}",
        "telemetry: {{readings: {{engine/coolant: {{name: {name}}}}}}}",
        "derived: {{templates: [{{name: {name}, value: '1'}}]}}",
        "can: {{signals: [{{frame: 1, start_bit: 0, length: 8, name: {name}}}]}}",
    ],
)
async def test_a_name_in_the_configuration_hides_nothing(car: Car, text: str) -> None:
    with pytest.raises(AutocoreError, match="cannot be seen"):
        await car.start(text.format(name=json.dumps("a\u202eb")) + "\n")


async def test_what_a_device_says_of_itself_is_cleaned(car: Car, web: httpx.AsyncClient) -> None:
    evil = "\u202e Winch\x1b[31m\n\0 box " + "x" * 100
    car.board("winch", channels=1, type="relay_board", name=evil, firmware=" 1\u202e.2\0", capabilities=["re\0lays"])
    about = (await web.get("/api/v1/devices/winch")).json()
    assert about["name"] == ("Winch[31m box " + "x" * 100)[:60]
    assert (about["firmware"], about["capabilities"]) == ("1.2", ["relays"])
    assert car.entity("switch.winch_1").description.name == f"{about['name']} 1"
    car.publish("autocore/devices/winch/error", {"code": "a\nb", "message": "\u202eno\x1b oil"})
    await car.settle()
    assert any(one["text"].endswith("no oil (a b)") for one in (await web.get("/api/v1/notices")).json()["items"])


async def test_a_device_that_says_nothing_readable_has_its_id_as_name(car: Car, web: httpx.AsyncClient) -> None:
    car.board("winch", name="\u202e\u200b")
    assert (await web.get("/api/v1/devices/winch")).json()["name"] == "winch"


async def test_what_a_script_tells_people_is_cleaned_and_may_have_lines(car: Car, web: httpx.AsyncClient) -> None:
    car.publish("autocore/notify", {"text": "\u202eThe fridge\x1b is\nopen", "title": "Kit\0chen"})
    car.publish("autocore/notify", {"text": "\u202e\0", "title": "Kitchen"})
    await car.settle()
    told = [(one["title"], one["text"]) for one in (await web.get("/api/v1/notices")).json()["items"]]
    assert ("Kitchen", "The fridge is\nopen") in told
    assert car.core.hub.rejections.total == 1

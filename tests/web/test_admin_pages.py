"""The core's pages: what people find there, in both languages, and what their forms do."""

from __future__ import annotations

import html
import io
from pathlib import Path

import pytest

from autocore.testing import Car
from autocore.testing.car import PASSWORD

CONFIG = """
autocore: {name: Blue bus}
relays: {boards: [{device: main, channels: {1: {name: Light bar}}}]}
telemetry:
"""
PAGES = [
    "/",
    "/entities",
    "/entities/sensor.cabin_temperature",
    "/entities/switch.light_bar",
    "/devices",
    "/devices/main",
    "/logs",
    "/logs?show=notices",
    "/logs?show=log",
    "/audit",
    "/monitoring",
    "/backup",
    "/configuration",
    "/configuration/system",
    "/configuration/relays",
    "/developer",
    "/developer?service=switch.turn_on",
    "/developer?service=notify.send",
    "/users",
    "/settings",
    "/menu",
    "/plugins",
    "/telemetry",
    "/relays",
]


async def bus(car: Car) -> Car:
    await car.start(CONFIG)
    car.board("cabin").measure(temperature=21.5)
    car.board("main", channels=1)
    return car


async def test_every_page_is_drawn_in_both_languages(car: Car) -> None:
    await bus(car)
    for path in PAGES:
        for language in ("en", "pt-BR"):
            page = await car.page(path, language)
            assert f'<html lang="{language}"' in page, path
            assert "Blue bus" in page


async def test_an_empty_vehicle_says_what_to_do_next(car: Car) -> None:
    await car.start("autocore: {name: Empty}")
    assert "There is no entity yet" in await car.page("/entities")
    assert "No board was heard yet" in await car.page("/devices")
    assert "autocore/devices/&lt;id&gt;/register" in await car.page("/devices")


async def test_entities_are_found_by_what_people_know_of_them(car: Car) -> None:
    await bus(car)
    page = await car.page("/entities?text=light")
    assert "switch.light_bar" in page
    assert "sensor.cabin_temperature" not in page
    assert "No entity is like that" in await car.page("/entities?text=zeppelin")
    assert "sensor.cabin_temperature" not in await car.page("/entities?kind=switch")


async def test_an_entity_is_renamed_and_gets_limits_in_the_web(car: Car) -> None:
    await bus(car)
    web = await car.web()
    form = {"name": "Cabine", "area": "Dentro", "recording": "true", "warn_above": "25,5", "hysteresis": "1"}
    saved = await web.post("/entities/sensor.cabin_temperature", data=form)
    assert saved.status_code == 200
    about = (await web.get("/api/v1/entities/sensor.cabin_temperature")).json()
    assert about["name"] == "Cabine"
    assert about["attributes"]["area"] == "Dentro"
    assert about["attributes"]["limits"] == {"warn_above": 25.5, "hysteresis": 1.0}
    car.board("cabin").measure(temperature=26)
    assert "Warning: beyond its limit" in await car.page("/entities/sensor.cabin_temperature")
    wrong = await web.post("/entities/sensor.cabin_temperature", data={"warn_above": "hot"}, headers={"Accept-Language": "pt-BR"})
    assert wrong.status_code == 400
    assert "isto não é um número" in wrong.text
    await car.stop()
    await car.start(CONFIG)
    assert car.entity("sensor.cabin_temperature").description.name == "Cabine"


async def test_rest_renames_too_and_null_takes_it_back(car: Car) -> None:
    await bus(car)
    web = await car.web()
    path = "/api/v1/entities/sensor.cabin_temperature"
    changed = await web.patch(path, json={"name": "Salon", "recording": False})
    assert (changed.json()["name"], changed.json()["attributes"]["recording"]) == ("Salon", False)
    back = await web.patch(path, json={"name": None, "recording": None})
    assert back.json()["name"] == "Temperature"
    assert (await web.patch(path, json={"nmae": "x"})).status_code == 400
    assert (await web.patch(path, json={"name": ""})).status_code == 400


async def test_history_is_downloaded_as_csv_and_ndjson(car: Car) -> None:
    await car.start("telemetry:")
    board = car.board("cabin")
    for celsius in (20.0, 21.0):
        board.measure(temperature=celsius)
        await car.advance(s=1)
    web = await car.web()
    csv = await web.get("/api/v1/entities/sensor.cabin_temperature/history?format=csv")
    assert csv.headers["content-type"].startswith("text/csv")
    lines = csv.text.splitlines()
    assert lines[0] == "time,value,unit,boot,seq,resolution"
    assert [line.split(",")[1:3] for line in lines[1:3]] == [["20.0", "°C"], ["21.0", "°C"]]
    ndjson = await web.get("/api/v1/entities/sensor.cabin_temperature/history?format=ndjson")
    assert ndjson.text.count("\n") == 2


async def test_a_found_board_is_approved_on_its_page(car: Car) -> None:
    await car.start("devices: {approve: manual}\ntelemetry:")
    board = car.board("cabin")
    board.measure(temperature=21.5)
    assert not board.is_welcomed
    web = await car.web()
    row = await web.post("/devices/cabin/approve")
    assert "Approved" in row.text
    assert board.is_welcomed
    board.measure(temperature=21.5)
    assert car.value("sensor.cabin_temperature") == 21.5
    assert "applied" in (await web.post("/devices/cabin/identify")).text
    assert "Retired" in (await web.post("/devices/cabin/retire")).text


async def test_a_plugin_is_switched_on_set_and_off_by_its_form(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    wrong = await web.post("/configuration/system", data={"every": "soon"})
    assert wrong.status_code == 400
    assert "expected a duration" in wrong.text
    assert not (car.folder / "config.d").exists()
    saved = await web.post("/configuration/system", data={"every": "30s"}, follow_redirects=True)
    assert "It runs." in saved.text
    assert (car.folder / "config.d" / "system.yaml").read_text().endswith("every: 30s\n")
    assert car.plugin("system").condition.value == "running"
    await web.post("/configuration/system/off")
    assert not (car.folder / "config.d" / "system.yaml").exists()
    assert "sensor.system_uptime" in car.core.entities
    assert car.entity("sensor.system_uptime").state.available is False


async def test_a_section_in_a_file_of_the_owners_is_left_alone(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    page = await car.page("/configuration/telemetry")
    assert "config.yaml:" in page
    refused = await web.post("/configuration/telemetry", data={"expires_after": "60s"})
    assert refused.status_code == 409
    assert not (car.folder / "config.d").exists()


async def test_a_plugin_that_does_not_start_is_taken_back(car: Car) -> None:
    (car.folder / "plugins").mkdir()
    (car.folder / "plugins" / "broken.py").write_text(
        "from autocore.api import hookimpl\n\n\n@hookimpl\ndef setup(host):\n    raise ValueError('no such pin')\n"
    )
    await car.start("telemetry:")
    web = await car.web()
    answer = await web.post("/configuration/broken", data={})
    assert "no such pin" in answer.text
    assert not (car.folder / "config.d" / "broken.yaml").exists()
    assert "Switch on" in await car.page("/configuration")


async def test_a_wrong_file_is_shown_with_its_place(car: Car) -> None:
    await car.start("telemetry:")
    (car.folder / "config.yaml").write_text("telemetry: {expire_after: 1s}\n")
    page = await car.page("/configuration")
    assert "config.yaml:1:13 telemetry.expire_after" in page
    assert "did you mean expires_after" in page


async def test_a_template_is_tried_and_cannot_do_harm(car: Car) -> None:
    await bus(car)
    web = await car.web()
    good = await web.post("/developer/template", data={"template": '{{ states("sensor.cabin_temperature") * 2 }}'})
    assert "43.0" in good.text
    bad = await web.post("/developer/template", data={"template": "{{ ''.__class__ }}"})
    assert 'role="alert"' in bad.text


async def test_a_service_is_called_by_its_form(car: Car) -> None:
    await bus(car)
    web = await car.web()
    done = await web.post("/services/notify.send", data={"text": "hello", "severity": "warning"})
    assert "Done." in done.text
    empty = await web.post("/services/notify.send", data={"text": ""})
    assert empty.status_code == 400
    assert 'aria-errormessage="error-form-notify-send-text"' in empty.text

    async def told() -> bool:
        return "hello" in await car.page("/logs?show=notices")

    for _ in range(50):
        if await told():
            break
    assert await told()


async def test_what_a_person_chose_stands_above_the_browser(car: Car) -> None:
    await bus(car)
    web = await car.web()
    await web.post("/settings", data={"language": "pt-BR", "units": "imperial", "colours": "dark"})
    page = await car.page("/entities/sensor.cabin_temperature", language="en")
    assert '<html lang="pt-BR" data-bs-theme="dark"' in page
    assert "70,7" in page
    assert "°F" in page
    assert (await web.post("/settings", data={"units": "cubits"})).status_code == 400
    await car.stop()
    await car.start(CONFIG)
    assert "70,7" in await car.page("/entities/sensor.cabin_temperature")


async def test_the_log_is_read_filtered_and_downloaded(car: Car) -> None:
    await car.start("telemetry:")
    web = await car.web()
    file = car.folder / "data" / "logs" / "autocore.log"
    file.parent.mkdir(exist_ok=True)
    file.write_text(
        "2026-01-01T00:00:00Z INFO    autocore: the door opened\n2026-01-01T00:00:01Z ERROR   autocore: <b>the pump stuck</b>\n"
    )
    page = await car.page("/logs?show=log")
    assert "the door opened" in page
    assert "&lt;b&gt;the pump stuck" in page
    assert "the door opened" not in await car.page("/logs?show=log&level=ERROR")
    assert "the pump stuck" in (await web.get("/logs/download")).text


@pytest.mark.parametrize("role", ["viewer", "operator", "technician"])
async def test_pages_of_administrators_are_theirs(car: Car, role: str) -> None:
    await car.start("telemetry:")
    web = await car.web()
    await web.post(
        "/api/v1/users", json={"username": "bob", "password": "three random words", "role": role, "own_password": PASSWORD}
    )
    login = await web.post("/api/v1/auth/login", json={"username": "bob", "password": "three random words"})
    bob = {"Authorization": f"Bearer {login.json()['token']}"}
    for path in ("/configuration", "/users"):
        assert (await web.get(path, headers=bob)).status_code == 403
    menu = (await web.get("/menu", headers=bob)).text
    assert "/users" not in menu
    assert ("/developer" in menu) is (role != "viewer")


async def test_a_panel_that_breaks_leaves_the_page_whole(car: Car) -> None:
    (car.folder / "plugins").mkdir()
    (car.folder / "plugins" / "torn.py").write_text(
        "from autocore.api import Panel, Slot, hookimpl\n\n\n@hookimpl\ndef setup(host):\n"
        "    host.panels.add(Panel('Torn', source='{{ missing }}', slot=Slot.DASHBOARD))\n"
    )
    await car.start("telemetry:\ntorn:")
    page = await car.page("/")
    assert "The plugin torn could not draw this panel" in page
    assert "Live telemetry" in page


def test_no_page_of_the_core_is_forgotten_here() -> None:
    from autocore.web.pages.navigation import TOOLS  # noqa: PLC0415  # the list itself

    assert {one.path for one in TOOLS} <= set(PAGES)
    assert Path(__file__).exists()


async def test_a_form_that_was_refused_shows_what_was_typed(car: Car) -> None:
    await car.start("telemetry:\n")
    web = await car.web()
    typed = '[{"name": "Mean", "entity": "sensor.a", "function": "meen", "window": "1h"}]'
    for _ in range(2):
        answer = await web.post("/configuration/derived", data={"statistics": typed, "groups": "[]"})
        assert answer.status_code == 400
        shown = html.unescape(answer.text)
        assert typed in shown
        assert "use one of" in shown


async def test_the_hints_of_a_form_are_in_the_readers_language_also_of_a_plugin_that_is_off(car: Car) -> None:
    await car.start("telemetry:\n")
    assert "several entities as one" in await car.page("/configuration/derived")
    assert "várias entidades como uma" in await car.page("/configuration/derived", "pt-BR")


def words(text: str) -> bytes:
    """Give a compiled catalogue with one translation."""
    from babel.messages.catalog import Catalog  # noqa: PLC0415
    from babel.messages.mofile import write_mo  # noqa: PLC0415

    catalogue, target = Catalog(locale="pt_BR"), io.BytesIO()
    catalogue.add("Fridge", text)
    write_mo(target, catalogue)
    return target.getvalue()


async def test_a_translation_that_changed_is_shown_after_a_reload_of_its_plugin(car: Car) -> None:
    folder = car.folder / "plugins" / "fridge"
    catalogue = folder / "locales" / "pt_BR" / "LC_MESSAGES" / "messages.mo"
    catalogue.parent.mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "from autocore.api import N_, Panel, hookimpl\n\n\n@hookimpl\ndef setup(host):\n"
        "    host.panels.add(Panel(N_('Fridge'), source='x'))\n"
    )
    catalogue.write_bytes(words("Frigobar"))
    await car.start("fridge:\n")
    assert "Frigobar" in await car.page("/fridge", "pt-BR")
    catalogue.write_bytes(words("Geladeira"))
    (await (await car.web()).post("/api/v1/plugins/fridge/reload")).raise_for_status()
    assert "Geladeira" in await car.page("/fridge", "pt-BR")


async def test_a_plugin_that_fails_is_told_its_own_line(car: Car) -> None:
    (car.folder / "plugins").mkdir()
    (car.folder / "plugins" / "torn.py").write_text(
        "from autocore.api import hookimpl\n\n\n@hookimpl\ndef setup(host):\n"
        "    host.services.add('go', print, schema={'a': int})\n"
    )
    await car.start("torn:\n")
    reason = car.plugin("torn").reason
    assert reason is not None
    assert "write vol.Schema" in reason
    assert "(torn.py:6)" in reason

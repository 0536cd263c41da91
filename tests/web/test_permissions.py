"""Permissions as people meet them: what a role does not see has no page and no routes, and what it was given it may press."""

from __future__ import annotations

from pathlib import Path

import pytest

from autocore.core.config import load
from autocore.rehearsal import failures
from autocore.testing import Car
from tests.web.test_people import API, add

CONFIG = """
auth:
  permissions:
    viewer: {services: {"switch.turn_*": {entities: [switch.cabin_light]}}}
    operator: {panels: {can: false}}
can: {demo: true}
relays: {boards: [{device: main, channels: {1: {name: Cabin light}, 2: {name: Winch}}}]}
"""


async def test_operators_do_not_see_can_neither_its_page_nor_its_routes(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    operator, technician = await add(car, "bob", "operator"), await add(car, "tom", "technician")
    paths = [f"{API}/can/{path}" for path in ("traffic", "chooser", "signals")]
    seen = [path for path in paths if (await web.get(path, headers=technician)).status_code == 200]
    assert seen
    for path in ("/can", *seen):
        assert (await web.get(path, headers=operator)).status_code in (403, 404), path
    assert 'href="/can"' not in (await web.get("/", headers=operator)).text
    assert 'href="/can"' in (await web.get("/", headers=technician)).text


async def test_a_viewer_presses_the_cabin_light_and_not_the_winch(car: Car) -> None:
    await car.start(CONFIG)
    car.board("main", channels=2)
    web, viewer = await car.web(), await add(car, "bia", "viewer")
    for verb in ("turn_on", "turn_off"):
        pressed = await web.post(f"{API}/services/switch/{verb}", json={"entity": "switch.cabin_light"}, headers=viewer)
        assert pressed.status_code == 200
        refused = await web.post(f"{API}/services/switch/{verb}", json={"entity": "switch.winch"}, headers=viewer)
        assert refused.status_code == 403
        assert "switch.cabin_light only" in refused.json()["detail"]
    assert "<ac-switch" in (await web.get("/entities/switch.cabin_light", headers=viewer)).text
    assert "<ac-switch" not in (await web.get("/entities/switch.winch", headers=viewer)).text
    rows = (await web.get(f"{API}/audit")).json()["items"]
    assert {(one["outcome"], one["who"]) for one in rows if one["service"] == "switch.turn_on"} == {
        ("done", "bia"),
        ("forbidden", "bia"),
    }


async def test_the_users_page_and_rest_show_who_may_what(car: Car) -> None:
    await car.start(CONFIG)
    web = await car.web()
    told = (await web.get(f"{API}/auth/permissions")).json()
    assert told["panels"]["can"] == {"viewer": False, "operator": False, "technician": True, "admin": True}
    assert told["services"]["switch.turn_on"]["viewer"] == ["switch.cabin_light"]
    assert told["services"]["switch.turn_on"]["operator"] is True
    page = await car.page("/users")
    assert "only switch.cabin_light" in page
    assert "<code>relays.all_off</code>" in page


def test_check_finds_services_and_panels_that_do_not_exist(tmp_path: Path) -> None:
    words = 'viewer: {services: {switch.turn_onn: true, "relay.*": true}}, operator: {panels: {cann: false, relays: true}}'
    (tmp_path / "config.yaml").write_text(f"auth: {{permissions: {{{words}}}}}\nrelays:\n")
    place = "config.yaml:1:"
    misspelt, pattern, panel = failures(load(tmp_path))
    assert misspelt.startswith(
        f"{place}42 auth.permissions.viewer.services.switch.turn_onn: there is no service switch.turn_onn; "
    )
    assert misspelt.endswith("did you mean switch.turn_on?")
    assert pattern.startswith(f"{place}65 auth.permissions.viewer.services.relay.*: there is no service relay.*; ")
    assert panel.startswith(f"{place}104 auth.permissions.operator.panels.cann: there is no panel cann; ")


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_who_may_not_see_users_sees_no_matrix_either(car: Car, role: str) -> None:
    await car.start("telemetry:")
    other = await add(car, "bob", role)
    assert (await (await car.web()).get(f"{API}/auth/permissions", headers=other)).status_code == 403

"""Somebody stops everything from whatever page, and what is protected asks before it moves."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Vehicle, serious_faults
from tests.conftest import PASSWORD

TRIES = 150


def state_of(vehicle: Vehicle, page: Page, entity: str) -> object:
    return page.evaluate(f"fetch('/api/v1/entities/{entity}').then((answer) => answer.json())")["value"]


@pytest.fixture
def relays(page: Page) -> Page:
    page.goto("/relays")
    expect(page.get_by_role("switch", name="Light bar")).to_be_enabled()
    for _ in range(TRIES):  # until the board works by its configuration: before that it refuses everything
        delivery = page.evaluate("fetch('/api/v1/devices/relay_board_1/config').then((answer) => answer.json())")["delivery"]
        if delivery and not delivery["has_drifted"]:
            break
        page.wait_for_timeout(100)
    return page


def test_the_stop_turns_everything_off_and_keeps_it_off_until_it_is_reset(relays: Page, vehicle: Vehicle) -> None:
    light = relays.get_by_role("switch", name="Light bar")
    light.click()
    expect(light).to_be_checked()
    relays.get_by_role("button", name="Stop all").click()
    expect(light).not_to_be_checked()
    banner = relays.get_by_role("alert").filter(has_text="Everything is stopped.")
    expect(banner).to_be_visible()
    light.click()
    expect(relays.locator("ac-switch[entity='switch.light_bar'] .refusal")).to_have_text(
        "Everything is stopped. Reset that first."
    )
    relays.goto(vehicle.base)  # it stands on every page, with who did it
    expect(banner).to_contain_text("ana")
    banner.get_by_role("button", name="Reset").click()
    expect(banner).to_be_hidden()
    assert state_of(vehicle, relays, "switch.light_bar") is False
    relays.goto(f"{vehicle.base}/relays")
    light.click()
    expect(light).to_be_checked()
    light.click()
    expect(light).not_to_be_checked()


def test_a_winch_that_is_held_stops_with_the_rest(relays: Page, vehicle: Vehicle) -> None:
    winch = relays.get_by_role("button", name="Hold Winch")
    winch.hover()
    relays.mouse.down()
    expect(winch).to_have_attribute("aria-pressed", "true")
    vehicle.publish("autocore/stop_all", json.dumps({"who": "the red button"}))
    expect(winch).to_have_attribute("aria-pressed", "false")
    expect(relays.get_by_role("alert").filter(has_text="Everything is stopped.")).to_be_visible()
    relays.mouse.up()
    relays.reload()
    expect(relays.get_by_role("alert").filter(has_text="the red button")).to_be_visible()
    relays.get_by_role("button", name="Reset").click()


def test_without_a_script_the_stop_works_all_the_same(vehicle: Vehicle, relays: Page) -> None:
    cookies = {one["name"]: one["value"] for one in relays.context.cookies()}
    with httpx.Client(base_url=vehicle.base, cookies=cookies, headers={"Origin": vehicle.base}) as plain:
        answer = plain.post("/stop", data={"next": "/relays"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/relays")
        page = plain.get("/relays").text
        assert re.search(r'class="banner is-stopped" role="alert">', page)
        plain.post("/stop/reset", data={"next": "https://elsewhere.example"})
        assert re.search(r'class="banner is-stopped" role="alert" hidden>', plain.get("/relays").text)


def test_what_asks_first_is_turned_on_by_a_yes_only(relays: Page) -> None:
    inverter, dialog = relays.get_by_role("switch", name="Inverter"), relays.get_by_role("dialog")
    inverter.click()
    expect(dialog).to_contain_text("Inverter")
    dialog.get_by_role("button", name="Cancel").click()
    expect(inverter).not_to_be_checked()
    inverter.click()
    dialog.get_by_role("button", name="Yes").click()
    expect(inverter).to_be_checked()
    inverter.click()  # off is asked nothing
    expect(inverter).not_to_be_checked()


def test_what_asks_for_a_pin_is_turned_on_by_the_right_one_only(relays: Page) -> None:
    done = relays.evaluate(
        f"""fetch('/api/v1/auth/pin', {{method: 'PUT', headers: {{'Content-Type': 'application/json'}},
        body: JSON.stringify({{pin: '4711', own_password: '{PASSWORD}'}})}}).then((answer) => answer.status)"""
    )
    assert done == 204
    pump, dialog = relays.get_by_role("switch", name="Fuel pump"), relays.get_by_role("dialog")
    for pin, is_on in (("0815", False), ("4711", True)):
        pump.click()
        dialog.get_by_label("Your PIN").fill(pin)
        dialog.get_by_role("button", name="Yes").click()
        expect(pump).to_have_attribute("aria-checked", str(is_on).lower())
    pump.click()  # off would stop the engine: it asks once more
    expect(dialog).to_be_visible()
    assert serious_faults(relays) == []


def test_the_page_of_a_channel_tells_who_moved_it(relays: Page, vehicle: Vehicle) -> None:
    light = relays.get_by_role("switch", name="Rock lights")
    light.click()
    expect(light).to_be_checked()
    relays.get_by_role("link", name="Rock lights", exact=True).click()
    row = relays.locator("ol.audit li").first
    expect(row).to_contain_text("ana")
    expect(row).to_contain_text("switch.turn_on")
    expect(row).to_contain_text("done")
    expect(row).to_contain_text(re.compile(r"\d+\.\d ms"))

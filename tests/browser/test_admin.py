"""A person with a browser: set up, log in, see values move, switch a relay, and nobody is shut out."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Vehicle, serious_faults

PAGES = [
    "/",
    "/relays",
    "/telemetry",
    "/can",
    "/themes",
    "/telegram",
    "/entities",
    "/entities/sensor.engine_rpm",
    "/devices",
    "/devices/relay_board_1",
    "/monitoring",
    "/logs",
    "/plugins",
    "/configuration",
    "/developer?service=switch.turn_on",
    "/users",
    "/settings",
    "/menu",
]


def test_a_value_moves_without_a_reload(page: Page, vehicle: Vehicle) -> None:
    vehicle.publish("autocore/telemetry/cabin/data", '{"temperature": 21.5}')
    page.goto("/telemetry")
    cabin = page.locator('ac-state[entity="sensor.cabin_temperature"] .value')
    expect(cabin).to_have_text("21.5")
    page.evaluate("() => { window.stayed = true; }")
    vehicle.publish("autocore/telemetry/cabin/data", '{"temperature": 22.75}')
    expect(cabin).to_have_text(re.compile(r"22\.[78]"))
    assert page.evaluate("() => window.stayed") is True


def open_relays(page: Page) -> None:
    """Go to the relays and wait for the live connection: before it a switch says that there is none, and sends nothing."""
    page.goto("/relays")
    page.wait_for_function("() => document.querySelector('ac-switch')?.state")


def test_a_relay_is_switched_and_shows_what_its_board_said(page: Page) -> None:
    open_relays(page)
    light = page.get_by_role("switch", name="Light bar")
    expect(light).to_have_attribute("aria-checked", "false")
    light.click()
    expect(light).to_have_attribute("aria-checked", "true")
    expect(light).to_contain_text("On")
    page.goto("/")
    expect(page.locator("ac-count")).to_have_text("1")
    open_relays(page)
    light.click()
    expect(light).to_contain_text("Off")


def test_the_dashboard_draws_its_chart(page: Page) -> None:
    page.goto("/")
    expect(page.locator("ac-chart canvas")).to_be_visible()
    expect(page.locator("ac-devices")).to_have_text(re.compile(r"[34] of [34]"))
    ink = """() => {
        const canvas = document.querySelector("ac-chart canvas");
        return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((one) => one);
    }"""
    page.wait_for_function(ink)


def test_a_lost_connection_is_said_at_once_and_nothing_is_sent_later(page: Page) -> None:
    page.goto("/relays")
    light = page.get_by_role("switch", name="Rock lights")
    expect(light).to_have_attribute("aria-checked", "false")
    page.context.set_offline(True)  # Playwright's signature
    page.evaluate("() => performance.getEntriesByType('resource').length")
    page.context.set_offline(False)  # Playwright's signature
    page.route_web_socket(re.compile("/api/v1/live"), lambda socket: socket.close())
    page.reload()
    expect(page.locator("#lost")).to_be_visible()
    light.click()
    expect(page.locator('ac-switch[entity="switch.rock_lights"] .refusal')).to_have_text("Not connected: nothing was sent.")


def test_a_plugin_is_reloaded_from_its_page(page: Page) -> None:
    page.goto("/plugins")
    card = page.locator("#plugin-system")
    expect(card).to_contain_text("Running")
    with page.expect_response(lambda answer: answer.url.endswith("/plugins/system/reload")) as answer:
        card.get_by_role("button", name="Reload").click()
    assert answer.value.ok
    expect(card).to_contain_text("Running")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_axe_finds_nothing_serious(page: Page, path: str, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert serious_faults(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_everything_is_reached_by_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    open_relays(page)
    page.get_by_role("switch", name="Strobe").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("switch", name="Strobe")).to_have_attribute("aria-checked", "true")
    page.keyboard.press("Space")
    expect(page.get_by_role("switch", name="Strobe")).to_have_attribute("aria-checked", "false")


def test_light_and_dark_are_the_persons_choice(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="Light or dark").click()
    page.goto("/plugins")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_in_portuguese_numbers_have_a_comma(browser: Browser, vehicle: Vehicle, state: dict[str, object]) -> None:
    vehicle.publish("autocore/telemetry/cabin/data", '{"humidity": 41, "pressure": 1013.25}')
    context = browser.new_context(storage_state=state, base_url=vehicle.base, locale="pt-BR")  # type: ignore[arg-type]  # its own answer
    page = context.new_page()
    page.goto("/telemetry")
    expect(page.get_by_role("heading", name="Telemetria")).to_be_visible()
    expect(page.locator('ac-state[entity="sensor.cabin_pressure"] .value')).to_have_text("1.013,25")
    context.close()

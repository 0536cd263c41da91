"""A person with a browser: set up, log in, see values move, switch a relay, and nobody is shut out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.conftest import PASSWORD, free_port

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "node_modules/axe-core/axe.min.js"
PAGES = ["/", "/relays", "/telemetry", "/plugins"]


class Vehicle:
    """The demonstration as a person runs it."""

    def __init__(self, data: Path) -> None:
        self.mqtt_port, self.http_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.http_port}"
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "autocore", "demo", "--data", str(data), *ports], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert self.process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += self.process.stdout.readline()
        self.code = re.findall(r"code: (\S+)", said)[0]

    def publish(self, topic: str, payload: str) -> None:
        subprocess.run(["mosquitto_pub", "-p", str(self.mqtt_port), "-t", topic, "-m", payload], check=True)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture(scope="module")
def vehicle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vehicle]:
    made = Vehicle(tmp_path_factory.mktemp("demo"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    made = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=quiet)
    yield made
    made.close()


@pytest.fixture(scope="module")
def state(browser: Browser, vehicle: Vehicle) -> dict[str, object]:
    """The set-up as the first administrator does it; gives the cookies of the log-in."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(vehicle.base)
    expect(page).to_have_url(f"{vehicle.base}/setup")
    assert serious_faults(page) == []
    page.get_by_label("Set-up code").fill(vehicle.code)
    page.get_by_label("Your name").fill("ana")
    page.get_by_label("Password", exact=True).fill("1234567890")
    page.get_by_label("Password, once more").fill("1234567890")
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("anybody tries")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, once more").fill(PASSWORD)
    page.get_by_role("button").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    cookies: dict[str, object] = dict(context.storage_state())
    context.close()
    return cookies


@pytest.fixture
def page(browser: Browser, vehicle: Vehicle, state: dict[str, object]) -> Iterator[Page]:
    context = browser.new_context(storage_state=state, base_url=vehicle.base, locale="en-GB")  # type: ignore[arg-type]  # its own answer
    faults: list[str] = []
    made = context.new_page()
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    yield made
    context.close()
    assert faults == []


def serious_faults(page: Page) -> list[str]:
    """Give what axe finds serious or worse."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


def test_a_value_moves_without_a_reload(page: Page, vehicle: Vehicle) -> None:
    vehicle.publish("autocore/telemetry/cabin/data", '{"temperature": 21.5}')
    page.goto("/telemetry")
    cabin = page.locator('ac-state[entity="sensor.cabin_temperature"] .value')
    expect(cabin).to_have_text("21.5")
    page.evaluate("() => { window.stayed = true; }")
    vehicle.publish("autocore/telemetry/cabin/data", '{"temperature": 22.75}')
    expect(cabin).to_have_text(re.compile(r"22\.[78]"))
    assert page.evaluate("() => window.stayed") is True


def test_a_relay_is_switched_and_shows_what_its_board_said(page: Page) -> None:
    page.goto("/relays")
    light = page.get_by_role("switch", name="Light bar")
    expect(light).to_have_attribute("aria-checked", "false")
    light.click()
    expect(light).to_have_attribute("aria-checked", "true")
    expect(light).to_contain_text("On")
    page.goto("/")
    expect(page.locator("ac-count")).to_have_text("1")
    page.goto("/relays")
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
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
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
    page.goto("/relays")
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

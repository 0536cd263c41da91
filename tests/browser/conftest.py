"""A person with a browser, at the demonstration."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.conftest import PASSWORD
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "node_modules/axe-core/axe.min.js"


expect.set_options(timeout=15_000)  # the tests share the machine


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
    expect(page).to_have_url(f"{vehicle.base}/setup/vehicle")
    page.get_by_role("link", name="Later").click()  # the wizard has tests of its own
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


@pytest.fixture(params=["390-light", "390-dark", "1280-light", "1280-dark"])
def screen(
    request: pytest.FixtureRequest, browser: Browser, vehicle: Vehicle, state: dict[str, object], tmp_path: Path
) -> Iterator[Page]:
    """A page in Portuguese on a phone and on a desk, by day and by night; nothing may be too wide or hard to read at its end."""
    width, scheme = request.param.split("-")
    context = browser.new_context(
        storage_state=state,  # type: ignore[arg-type]  # its own answer
        base_url=vehicle.base,
        locale="pt-BR",
        viewport={"width": int(width), "height": 900},
        color_scheme=scheme,
    )
    made = context.new_page()
    yield made
    assert serious_faults(made) == []
    assert made.evaluate("document.documentElement.scrollWidth") <= int(width)
    made.screenshot(path=tmp_path / f"{request.param}.png", full_page=True)
    context.close()


def serious_faults(page: Page) -> list[str]:
    """Give what axe finds serious or worse."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]

"""The first hour on a phone: from the code to the dashboard, in both languages, with and without scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, ROOT, serious_faults
from tests.ports import free_port

PHONE = {"width": 390, "height": 844}
WORDS = {
    "en": {
        "code": "Set-up code",
        "name": "Your name",
        "password": "Password",
        "again": "Password, once more",
        "vehicle": "Name of the vehicle",
        "zone": "Time zone",
        "other": "Another one, with this address",
        "address": "Address",
        "try": "Try it",
        "trouble": "Nothing listens there.",
        "own": "The gateway's own: nothing to set",
        "board": "The first board",
        "done": "All set",
        "dashboard": "Dashboard",
        "finish": "Finish setting up",
        "later": "Later",
        "go on": "Go on",
    },
    "pt-BR": {
        "code": "Código",
        "name": "Seu nome",
        "password": "Senha",
        "again": "Senha, mais uma vez",
        "vehicle": "Nome do veículo",
        "zone": "Fuso horário",
        "other": "Outro, com este endereço",
        "address": "Endereço",
        "try": "Testar",
        "trouble": "Nada escuta ali.",
        "own": "O do próprio gateway: nada a ajustar",
        "board": "A primeira placa",
        "done": "Tudo pronto",
        "dashboard": "Painel",
        "finish": "Terminar a configuração inicial",
        "later": "Mais tarde",
        "go on": "Continuar",
    },
}


class Fresh:
    """A gateway as `autocore run` starts it on the first day."""

    def __init__(self, folder: Path) -> None:
        (folder / "config.yaml").write_text("telemetry:\nlogging: {level: warning}\n")
        self.folder = folder
        self.base = f"http://127.0.0.1:{free_port()}"
        ports = ["--http-port", self.base.rpartition(":")[2], "--mqtt-port", str(free_port())]
        command = [sys.executable, "-m", "autocore", "run", "--config", str(folder), *ports]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout is not None
        while "code" not in (line := self.process.stdout.readline()):
            assert line, "it ended before it was ready"
        self.code = (folder / "data/autocore-setup.txt").read_text().strip()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=15)
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Fresh]:
    assert shutil.which("mosquitto")
    folder = tmp_path / "house"
    folder.mkdir()
    made = Fresh(folder)
    yield made
    made.end()


def look(page: Page, pictures: Path, name: str) -> None:
    """See that everybody can read and reach what is shown, and keep a picture of it."""
    assert serious_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.screenshot(path=pictures / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("pt-BR", "dark")])
def test_a_person_sets_the_vehicle_up_on_a_phone(
    browser: Browser, fresh: Fresh, tmp_path: Path, language: str, scheme: str
) -> None:
    say = WORDS[language]
    context = browser.new_context(base_url=fresh.base, locale="en-GB", viewport=PHONE, color_scheme=scheme, has_touch=True)  # type: ignore[arg-type]  # its words
    page = context.new_page()
    page.goto("/")
    expect(page).to_have_url(f"{fresh.base}/setup")
    if language != "en":
        page.get_by_role("link", name="Português").click()
    look(page, tmp_path, "1-administrator")
    page.get_by_label(say["code"]).fill(fresh.code)
    page.get_by_label(say["name"]).fill("ana")
    page.get_by_label(say["password"], exact=True).fill("summer")
    expect(page.locator(".strength")).to_have_class("strength is-short")
    page.get_by_label(say["password"], exact=True).fill(PASSWORD)
    expect(page.locator(".strength")).to_have_class("strength is-good")
    page.get_by_label(say["again"]).fill(PASSWORD)
    page.locator("form.card > button").click()

    page.get_by_label(say["vehicle"]).fill("Blue bus")
    page.get_by_label(say["zone"]).select_option("America/Sao_Paulo")
    look(page, tmp_path, "2-vehicle")
    page.locator("button.primary").click()

    page.get_by_label(say["other"]).check()
    page.get_by_label(say["address"], exact=True).fill(f"127.0.0.1:{free_port()}")
    page.get_by_role("button", name=say["try"]).click()
    expect(page.get_by_text(say["trouble"])).to_be_visible()
    look(page, tmp_path, "3-broker")
    page.get_by_role("link", name=say["later"]).click()

    expect(page.get_by_role("heading", name=say["dashboard"])).to_be_visible()
    page.goto("/settings")
    expect(page.get_by_role("heading", name=say["finish"])).to_be_visible()
    look(page, tmp_path, "4-settings")
    page.get_by_role("link", name=say["go on"]).click()
    page.get_by_label(say["own"]).check()
    page.locator('button.primary[value="save"]').click()

    expect(page.get_by_role("heading", name=say["board"])).to_be_visible()
    look(page, tmp_path, "5-board")
    page.locator("button.primary").click()
    expect(page.get_by_role("heading", name=say["done"])).to_be_visible()
    look(page, tmp_path, "6-done")
    page.locator("button.primary").click()
    look(page, tmp_path, "7-again")
    page.wait_for_url(f"{fresh.base}/", timeout=30_000)  # by itself, once the gateway is back
    expect(page.locator(".brand")).to_contain_text("Blue bus")
    page.goto("/settings")
    expect(page.get_by_role("heading", name=say["finish"])).to_have_count(0)
    context.close()


def test_it_works_without_a_script(browser: Browser, fresh: Fresh) -> None:
    context = browser.new_context(base_url=fresh.base, locale="en-GB", viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    for label, text in (("Set-up code", fresh.code), ("Your name", "ana")):
        page.get_by_label(label).fill(text)
    for label in ("Password", "Password, once more"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Make administrator").click()
    page.get_by_label("Name of the vehicle").fill("Quiet bus")
    for words in ("Save and go on", "Save and go on", "Go on"):
        page.get_by_role("button", name=words).click()
    page.get_by_role("button", name="Finish and start again").click()
    page.wait_for_url(f"{fresh.base}/", timeout=30_000)
    expect(page.locator(".brand")).to_contain_text("Quiet bus")
    context.close()

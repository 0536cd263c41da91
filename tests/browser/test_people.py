"""Users, tokens, permissions and what people change of themselves, on a phone and on a desk, by day and by night."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.conftest import PASSWORD


def test_an_administrator_looks_after_people(screen: Page) -> None:
    name = f"bia{re.sub('[^a-z0-9]', '', str(screen.viewport_size))}{screen.evaluate('Date.now()') % 100_000}"
    screen.goto("/users")
    form = screen.locator('form[action="/users"]')
    form.get_by_label("Nome").fill(name)
    form.get_by_label("Senha", exact=True).fill(PASSWORD)
    form.get_by_label("Papel").select_option("operator")
    form.get_by_label("Sua própria senha").fill("not my password")
    form.get_by_role("button").click()
    expect(form.get_by_role("alert")).to_contain_text("não é a sua própria senha")
    form.get_by_label("Senha", exact=True).fill(PASSWORD)
    form.get_by_label("Sua própria senha").fill(PASSWORD)
    form.get_by_role("button").click()
    row = screen.locator(".people > li").filter(has_text=name)
    expect(row).to_contain_text("operador")
    row.locator("summary").click()
    screen.get_by_text("serviços").click()
    expect(screen.get_by_role("row").filter(has_text="relays.all_off")).to_be_visible()


def test_a_person_looks_after_the_own_password_pin_and_sessions(screen: Page) -> None:
    screen.goto("/settings")
    pin = screen.get_by_role("region", name="Seu PIN")
    pin.get_by_label("Novo PIN").fill("1234")
    pin.get_by_label("Sua própria senha").fill(PASSWORD)
    pin.get_by_role("button", name="Definir o PIN").click()
    expect(pin.get_by_role("alert")).to_contain_text("um dos primeiros")
    pin.get_by_label("Novo PIN").fill("7305")
    pin.get_by_label("Sua própria senha").fill(PASSWORD)
    pin.get_by_role("button", name="Definir o PIN").click()
    expect(pin).to_contain_text("Você tem um PIN.")
    expect(screen.get_by_role("region", name="Suas sessões")).to_contain_text("esta")

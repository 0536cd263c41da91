"""The audit on a phone and on a desk, by day and by night: who did what, and whether nobody has touched it."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_an_administrator_looks_who_did_what_and_whether_it_was_touched(screen: Page) -> None:
    screen.goto("/relays")
    screen.wait_for_function("() => document.querySelector('ac-switch')?.state")
    first = screen.get_by_role("switch").first
    first.click()
    expect(first).to_have_attribute("aria-checked", "true")
    first.click()
    expect(first).to_have_attribute("aria-checked", "false")
    screen.goto("/audit")
    rows = screen.locator(".audit > li")
    newest = rows.filter(has_text="switch.turn_off").first
    expect(newest).to_contain_text("ana")
    expect(newest).to_contain_text("feito")
    newest.locator("summary").click()
    expect(newest.locator("pre")).to_contain_text('"entity": "switch.')
    screen.get_by_label("Resultado").select_option("done")
    screen.get_by_label("O serviço começa com").fill("switch.turn_on")
    screen.get_by_role("button", name="Filtrar").click()
    expect(rows.filter(has_text="switch.turn_off")).to_have_count(0)
    expect(rows.first).to_contain_text("switch.turn_on")
    with screen.expect_download() as waiting:
        screen.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename == "audit.csv"
    screen.get_by_role("button", name="Conferir").click()
    expect(screen.get_by_role("status")).to_contain_text("Íntegra")
    screen.get_by_text("Pontos de controle").click()
    expect(screen.get_by_role("region", name="A corrente")).to_contain_text("a corrente começou")
    rows.nth(0).locator("summary").click()

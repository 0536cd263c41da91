"""An administrator with a browser: a backup goes out and comes back, and so does the gateway, with the data."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Vehicle, serious_faults
from tests.conftest import PASSWORD

MINUTE_MS = 60_000
PASSPHRASE = "correct horse battery"


def make(page: Page, passphrase: str = "") -> None:
    page.goto("/backup")
    page.get_by_label("Passphrase", exact=True).fill(passphrase)
    page.get_by_role("button", name="Make a backup").click()
    expect(page.get_by_text("is made and was read again: it is right.")).to_be_visible(timeout=MINUTE_MS)


def name_of(page: Page, vehicle: Vehicle, entity: str = "sensor.engine_coolant") -> str:
    return str(page.request.get(f"{vehicle.base}/api/v1/entities/{entity}").json()["name"])


def rename(page: Page, vehicle: Vehicle, name: str, entity: str = "sensor.engine_coolant") -> None:
    answer = page.request.patch(
        f"{vehicle.base}/api/v1/entities/{entity}",
        data=json.dumps({"name": name}),
        headers={"Content-Type": "application/json", "Origin": vehicle.base},
    )
    assert answer.ok, answer.text()


def test_a_backup_goes_out_and_comes_back_with_the_data(page: Page, vehicle: Vehicle, tmp_path: Path) -> None:
    page.goto("/backup")
    expect(page.get_by_text("There is no backup yet")).to_be_visible()
    rename(page, vehicle, "Water of the engine")
    make(page, PASSPHRASE)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    assert file.read_bytes().startswith(b"AUTOCORE-BACKUP")
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete for ever").click()
    expect(page.get_by_text("There is no backup yet")).to_be_visible()
    rename(page, vehicle, "Something else")

    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("uploaded")).to_be_visible()
    assert serious_faults(page) == []
    page.get_by_text("Restore", exact=True).click()
    page.get_by_label("Your password").fill("not the password")
    page.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
    page.get_by_role("button", name="Restore this backup").click()
    expect(page.get_by_role("alert").filter(has_text="the password is wrong")).to_be_visible()
    assert name_of(page, vehicle) == "Something else"
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Passphrase of the backup").fill(PASSPHRASE)
    page.get_by_role("button", name="Restore this backup").click()
    expect(page.get_by_text("was restored; what stood there before lies in before-restore-1")).to_be_visible(timeout=MINUTE_MS)
    assert name_of(page, vehicle) == "Water of the engine"
    value = page.request.get(f"{vehicle.base}/api/v1/entities/sensor.engine_coolant/history").json()["points"]
    assert value


def test_the_page_is_good_on_a_phone_and_on_a_desk(screen: Page) -> None:
    screen.goto("/backup")
    screen.get_by_role("button", name="Fazer um backup").click()
    expect(screen.get_by_text("lido de novo: está correto.")).to_be_visible(timeout=MINUTE_MS)
    for one in screen.get_by_text("Restaurar", exact=True).all():
        one.click()

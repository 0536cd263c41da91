"""What a person does from the first click to what they wanted."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

DBC = """VERSION ""
NS_ :
BS_:
BU_: Engine
BO_ 256 Extra: 8 Engine
 SG_ TurboSpeed : 0|16@1+ (1,0) [0|65535] "rpm" Engine
"""


def test_a_plugin_is_switched_on_by_its_form_and_shows_its_page(page: Page) -> None:
    page.goto("/configuration")
    row = page.locator("li, tr").filter(has_text="derived")
    row.get_by_role("link", name="Switch on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("derived")
    page.get_by_label("Statistics").fill(
        '[{"name": "Mean speed", "entity": "sensor.engine_speed", "function": "meen", "window": "10min"}]'
    )
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("alert")).to_contain_text("use one of")
    page.get_by_label("Statistics").fill(
        '[{"name": "Mean speed", "entity": "sensor.engine_speed", "function": "mean", "window": "10min"}]'
    )
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("It runs.")).to_be_visible()
    page.get_by_role("link", name="Calculated").click()
    row = page.get_by_role("row").filter(has_text="Mean speed")
    expect(row.locator("ac-state .value")).to_have_text(re.compile(r"[0-9]"))
    page.goto("/configuration/derived")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("link", name="Calculated")).to_have_count(0)


def test_a_theme_is_edited_and_the_admin_wears_it(page: Page) -> None:
    page.goto("/themes")
    page.get_by_role("button", name="Duplicate AutoCore Light").click()
    page.get_by_label("Name", exact=True).fill("Violet")
    page.locator("#theme-primary").fill("#ffee00")
    expect(page.locator("#theme-preview")).to_contain_text("Fails")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#themes-editor [role=alert]").first).to_be_visible()  # yellow on white cannot be read
    page.locator("#theme-primary").fill("#7a1fa2")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#themes-editor [role=status]")).to_contain_text("Violet is saved")
    page.get_by_role("button", name="Apply Violet").click()
    expect(page.locator(".theme.is-worn h2")).to_have_text("Violet")
    page.goto("/")
    worn = "() => getComputedStyle(document.documentElement).getPropertyValue('--tblr-primary').trim()"
    assert page.evaluate(worn) == "#7a1fa2"
    page.goto("/themes")
    page.get_by_role("button", name="Apply AutoCore", exact=True).click()
    expect(page.locator(".theme.is-worn h2")).to_have_text("AutoCore")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete Violet").click()
    expect(page.get_by_role("button", name="Apply Violet")).to_have_count(0)


def test_a_can_signal_goes_from_a_dbc_file_to_the_live_chart(page: Page) -> None:
    page.goto("/can")
    page.get_by_label("Upload a DBC file").set_input_files(
        files=[{"name": "turbo.dbc", "mimeType": "text/plain", "buffer": DBC.encode()}]
    )
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#can-chooser")).to_contain_text("turbo.dbc")
    page.get_by_label("Find a signal").fill("Turbo")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("checkbox", name=re.compile("Turbo")).click()
    expect(page.get_by_role("checkbox", name=re.compile("Turbo"))).to_be_checked()
    row = page.get_by_role("region", name="Signals", exact=True).get_by_role("row").filter(has_text="TurboSpeed")
    expect(row.locator("ac-state .value")).to_have_text(re.compile(r"[0-9]"))
    expect(page.locator("#can-signals ac-chart")).to_contain_text(re.compile("turbo", re.IGNORECASE))
    expect(page.locator("#can-signals ac-chart canvas")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete turbo.dbc").click()
    expect(row).to_have_count(0)


def test_the_past_is_zoomed_and_downloaded(page: Page) -> None:
    page.goto("/telemetry?entities=sensor.engine_rpm#history")
    chart = page.locator("ac-history")
    expect(chart.locator("canvas")).to_be_visible()
    with page.expect_response(lambda answer: "/history?from=" in answer.url):
        chart.get_by_role("button", name="Zoom in").click()
    link = page.get_by_role("link", name="Download RPM as CSV")
    expect(link).to_have_attribute("href", re.compile(r"format=csv&from=[0-9.]+&to="))
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_text().startswith("time,value,unit")

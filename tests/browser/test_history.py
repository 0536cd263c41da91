"""A person looks back over a month: from the month into an hour, the spike always in sight, and takes the readings along."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Vehicle, serious_faults
from tests.history.month import DAYS, IN_HOUR, SPIKE, fill_month

COOLANT = "sensor.engine_coolant"


@pytest.fixture(scope="module")
def vehicle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vehicle]:
    """The demonstration, a month after it was first driven."""
    folder = tmp_path_factory.mktemp("month")
    with ThreadPoolExecutor(1) as beside:  # the browser has a loop of its own in this thread
        beside.submit(asyncio.run, fill_month(folder, COOLANT)).result()
    made = Vehicle(folder)
    yield made
    made.end()


def asked(page: Page, act: str) -> dict[str, Any]:
    """Press a button of the chart and give what the server answered for it."""
    with page.expect_response(lambda answer: "/history?from=" in answer.url) as waiting:
        page.locator("ac-history").get_by_role("button", name=act, exact=True).click()
    answer: dict[str, Any] = waiting.value.json()
    if act in ("Month", "Mês"):
        expect(page.locator("ac-history").get_by_role("button", name=act)).to_have_attribute("aria-pressed", "true")
    return answer


def test_a_month_is_zoomed_into_until_every_reading_is_seen(page: Page) -> None:
    page.goto(f"/telemetry?entities={COOLANT}#history")
    chart = page.locator("ac-history")
    expect(chart.locator("canvas")).to_be_visible()
    month = asked(page, "Month")
    assert month["resolution"] == "hours"
    assert max(value for _, value in month["points"] if value is not None) == SPIKE
    expect(chart.get_by_text("Each hour is drawn by its lowest and its highest reading.")).to_be_visible()
    assert serious_faults(page) == []
    area = chart.locator(".u-over").bounding_box()
    assert area is not None
    with page.expect_response(lambda answer: "/history?from=" in answer.url) as waiting:  # dragged over the middle
        page.mouse.move(area["x"] + area["width"] * 0.44, area["y"] + 40)
        page.mouse.down()
        page.mouse.move(area["x"] + area["width"] * 0.56, area["y"] + 40, steps=5)
        page.mouse.up()
    days = waiting.value.json()
    assert days["resolution"] == "minutes"
    assert max(value for _, value in days["points"]) == SPIKE
    for _ in range(4):
        closer = asked(page, "Zoom in")
    assert closer["resolution"] == "readings"
    expect(chart.get_by_text("Each hour is drawn")).to_have_count(0)


def test_the_readings_of_a_month_are_taken_along_with_progress(page: Page, tmp_path: Path) -> None:
    page.goto(f"/telemetry?entities={COOLANT}#history")
    asked(page, "Month")
    with page.expect_download() as waiting:
        page.get_by_role("link", name=re.compile("as CSV")).click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    lines = file.read_text().splitlines()
    assert (file.name, lines[0]) == (f"{COOLANT}.csv", "time,value,unit,boot,seq,resolution")
    assert len(lines) - 1 > DAYS * 24 * IN_HOUR * 0.98
    assert sum(f",{SPIKE}," in line for line in lines) == 1
    expect(page.locator("ac-export [role=status]")).to_have_text(re.compile(r"Saved: [\d,]+ lines\."))


def test_a_download_that_takes_too_long_is_cancelled(page: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:  # a server that takes its time
        held.append(route)

    page.route("**/history?format=ndjson**", hold)
    page.goto(f"/telemetry?entities={COOLANT}#history")
    expect(page.locator("ac-history canvas")).to_be_visible()
    page.get_by_role("link", name=re.compile("as NDJSON")).click()
    page.locator("ac-export").get_by_role("button", name="Cancel").click()
    expect(page.locator("ac-export [role=status]")).to_have_text("Cancelled, nothing was saved.")
    for route in held:
        route.abort()


def test_the_past_is_good_on_a_phone_and_on_a_desk(screen: Page) -> None:
    screen.goto(f"/telemetry?entities={COOLANT}#history")
    asked(screen, "Mês")
    expect(screen.get_by_text("Cada hora é desenhada por sua menor e sua maior leitura.")).to_be_visible()

"""Wrong input over REST: one clear sentence each, never a mistake of the gateway's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from autocore.testing import Car
from autocore.testing.car import PASSWORD

TOO_LARGE = "99999999999999999999"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def web(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """One gateway for all of them: what was refused leaves nothing behind, or the next one sees it."""
    car = Car(tmp_path_factory.mktemp("car"))
    await car.start("telemetry:\n")
    car.board("cabin").measure(temperature=21.5, text="=1+1", door=True)
    yield await car.web()
    await car.stop()


@pytest.mark.parametrize("points", ["-1", "0", "1", "10001", TOO_LARGE, "nan", "many"])
@pytest.mark.parametrize("form", ["json", "csv"])
async def test_a_number_of_points_that_no_chart_has_is_refused(web: httpx.AsyncClient, points: str, form: str) -> None:
    answer = await web.get(f"/api/v1/entities/sensor.cabin_temperature/history?points={points}&format={form}")
    assert (answer.status_code, answer.json()["field"]) == (400, "points")


@pytest.mark.parametrize("path", ["events", "audit"])
@pytest.mark.parametrize("cursor", ["-1", str(1 << 63), TOO_LARGE, "last"])
async def test_a_cursor_that_no_page_gave_is_refused(web: httpx.AsyncClient, path: str, cursor: str) -> None:
    answer = await web.get(f"/api/v1/{path}?cursor={cursor}")
    assert (answer.status_code, answer.json()["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    "wish", ['{"history": "no"}', '{"history": 5}', '{"history": null}', '{"passphrase": 5}', '{"pass": "x"}', "[]"]
)
async def test_a_wish_for_a_backup_that_is_misspelt_makes_none(web: httpx.AsyncClient, wish: str) -> None:
    answer = await web.post("/api/v1/backup", content=wish, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert (await web.get("/api/v1/backup")).json() == {"items": [], "next": None, "job": None}


@pytest.mark.parametrize("name", ["Uptime", "a b", "%20", "..x"])
async def test_a_section_that_could_be_no_plugins_is_unknown(web: httpx.AsyncClient, name: str) -> None:
    for method in ("PUT", "DELETE"):
        assert (await web.request(method, f"/api/v1/config/{name}", json={})).status_code == 404


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway at which nobody has guessed yet."""
    car = Car(tmp_path)
    await car.start("")
    yield await car.web()
    await car.stop()


async def test_a_user_without_a_name_is_nobody(fresh: httpx.AsyncClient) -> None:
    for name in ("", " ", "\t"):
        assert (await fresh.post("/api/v1/auth/login", json={"username": name, "password": PASSWORD})).status_code == 401
    for name in ("", " "):
        assert (await fresh.post("/login", data={"username": name, "password": PASSWORD})).status_code == 401


async def test_spaces_around_a_name_get_nobody_further_attempts(fresh: httpx.AsyncClient) -> None:
    statuses = [
        (await fresh.post("/api/v1/auth/login", json={"username": f"ana{' ' * n}", "password": "wrong password"})).status_code
        for n in range(6)
    ]
    assert statuses == [401] * 5 + [429]


@pytest.mark.parametrize("path", ["auth/login", "auth/tokens", "backup", "config/telemetry"])
async def test_a_body_that_is_not_there_is_asked_for(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.request("PUT" if "config" in path else "POST", f"/api/v1/{path}")
    assert answer.status_code == 400
    assert "the request needs a body, as JSON" in answer.json()["detail"]


async def test_a_format_that_there_is_not_is_named_as_the_request_named_it(web: httpx.AsyncClient) -> None:
    answer = await web.get("/api/v1/entities/sensor.cabin_temperature/history?format=xml")
    assert (answer.status_code, answer.json()["field"]) == (400, "format")
    assert answer.json()["detail"].startswith("format: ")


async def test_what_a_device_says_is_no_formula_in_a_spreadsheet(web: httpx.AsyncClient) -> None:
    lines = (await web.get("/api/v1/entities/sensor.cabin_text/history?format=csv")).text.splitlines()
    assert [line.split(",")[1] for line in lines] == ["value", "'=1+1"]


DEEP = b'{"a":' * 900 + b"1" + b"}" * 900


@pytest.mark.parametrize("body", [b'{"name": "\xff"}', DEEP, b"[" * 60_000], ids=["no UTF-8", "deep", "deeper than any stack"])
@pytest.mark.parametrize(
    "way",
    [
        ("POST", "auth/login"),
        ("POST", "services/switch/turn_on"),
        ("PUT", "config/derived"),
        ("PATCH", "devices/cabin"),
    ],
    ids=lambda way: way[1],
)
async def test_a_body_that_nobody_can_go_down_is_refused(web: httpx.AsyncClient, way: tuple[str, str], body: bytes) -> None:
    method, path = way
    answer = await web.request(method, f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.text
    assert (await web.get("/api/v1/audit")).status_code == 200


async def test_a_form_whose_json_nobody_can_go_down_is_refused(web: httpx.AsyncClient) -> None:
    for text in (DEEP.decode(), "[" * 5_000, "[NaN]", "[1e400]"):
        answer = await web.post("/configuration/derived", data={"templates": text})
        assert answer.status_code == 400, answer.text

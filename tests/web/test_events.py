"""The event log in REST and on its page: by class and time, page by page, as a file; security for the administrator only."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from autocore.core.clock import EARLIEST_WALL_NS, NS
from autocore.core.errors import AutocoreError
from autocore.core.model import Role
from autocore.testing import Car
from autocore.testing.car import PASSWORD

START = datetime.fromtimestamp(EARLIEST_WALL_NS / NS, UTC)


async def types(car: Car, query: str = "") -> list[str]:
    web = await car.web()
    answer = await web.get(f"/api/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return [one["type"] for one in answer.json()["items"]]


async def test_events_are_found_by_class_type_text_and_time(car: Car) -> None:
    await car.start("relays:\n  boards: [{device: bar, channels: {1: {name: Light}}}]\n")
    board = car.board("bar", channels=1)
    await car.advance(600)
    board.disconnect()
    await car.settle()
    found = await types(car, "class=warning,error&type=device.")
    assert found == ["device.offline"]
    assert "auth.set_up" in await types(car, "class=security")
    late = (START + timedelta(seconds=300)).isoformat().replace("+00:00", "Z")
    assert "device.offline" in await types(car, f"from={late}")
    assert "device.offline" not in await types(car, f"to={late}")
    assert "device.online" in await types(car, f"to={late}&text=bar")
    web = await car.web()
    wrong = await web.get("/api/v1/events?class=loud")
    assert (wrong.status_code, wrong.json()["detail"]) == (
        400,
        "class: there is no class loud; use info, warning, error, security",
    )
    assert (await web.get("/api/v1/events?from=yesterday")).status_code == 400
    assert (await web.get("/api/v1/events?from=2026-05-02&to=2026-05-01")).json()[
        "detail"
    ] == "from: lies after to; change the two"


async def test_a_board_that_comes_is_told_of_once(car: Car) -> None:
    await car.start("relays:\n  boards: [{device: bar, channels: {1: {name: Light}}}]\n")
    car.board("bar", channels=1)
    await car.settle()
    assert sorted(await types(car, "type=device.")) == ["device.changed", "device.found", "device.online"]


async def test_a_call_is_told_done_refused_or_denied(car: Car) -> None:
    await car.start("relays:\n  boards: [{device: bar, channels: {1: {name: Light}}}]\n")
    car.board("bar", channels=1)
    await car.settle()
    await car.call("switch.turn_on", {"entity": "switch.light"})
    for data, role in (({"entity": "switch.nothing"}, Role.ADMIN), ({"entity": "switch.light"}, Role.VIEWER)):
        with pytest.raises(AutocoreError):
            await car.call("switch.turn_on", data, role)
    assert await types(car, "type=service.") == ["service.denied", "service.refused", "service.called"]


async def test_pages_of_events_follow_each_other_without_a_gap(car: Car) -> None:
    await car.start("telemetry:\n")
    seqs = [car.core.bus.emit("test.tick", {"number": number}).seq for number in range(25)]
    web = await car.web()
    found, cursor = [], ""
    while True:
        answer = (await web.get(f"/api/v1/events?type=test.&limit=10{cursor}")).json()
        found += [one["seq"] for one in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"
    assert found == seqs[::-1]


async def test_the_whole_log_comes_as_a_file(car: Car) -> None:
    await car.start("telemetry:\n")
    for number in range(1_200):
        car.core.bus.emit("test.tick", {"number": number, "text": "=1+1"})
    web = await car.web()
    lines = (await web.get("/api/v1/events/export?type=test.")).text.splitlines()
    assert [json.loads(line)["data"]["number"] for line in lines] == list(range(1_199, -1, -1))
    answer = await web.get("/api/v1/events/export?type=test.&format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="events.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert (len(rows), rows[0]["class"], rows[0]["text"]) == (1_200, "info", "'=1+1")  # no formula for a spreadsheet


async def test_security_is_for_the_administrator_only(car: Car) -> None:
    await car.start("telemetry:\n")
    web = await car.web()
    await web.post(
        "/api/v1/users", json={"username": "bia", "password": "four random words", "role": "viewer", "own_password": PASSWORD}
    )
    answer = await web.post("/api/v1/auth/login", json={"username": "bia", "password": "four random words"})
    web.cookies.clear()
    bia = {"Authorization": f"Bearer {answer.json()['token']}"}
    seen = (await web.get("/api/v1/events", headers=bia)).json()["items"]
    assert seen
    assert not {one["class"] for one in seen} & {"security"}
    assert (await web.get("/api/v1/events?class=security", headers=bia)).json()["items"] == []
    page = (await web.get("/logs", headers=bia)).text
    assert "Security" not in page
    assert (await web.get("/logs?show=log", headers=bia)).status_code == 403
    assert "user.added" in await types(car, "class=security")


async def test_the_page_says_events_as_sentences_in_both_languages_and_leads_on(car: Car) -> None:
    await car.start("telemetry:\n")
    for number in range(150):
        car.core.bus.emit("test.tick", {"text": f"tick {number}"})
    car.core.bus.emit("device.offline", {"device": "winch"})
    page = await car.page("/logs")
    assert "the device winch is offline" in page
    assert "o dispositivo winch está offline" in await car.page("/logs", "pt-BR")
    assert "tick 149" in page
    assert "tick 20<" not in page
    assert "Stop following" in page
    older = page.partition('href="/logs?show=events&amp;text=&amp;level=&amp;class=&amp;before=')[2].partition('"')[0]
    before = await car.page(f"/logs?before={older}")
    assert "tick 20<" in before
    assert "tick 149<" not in before
    assert "every 3s" not in before
    newer = before.partition("&amp;after=")[2].partition('"')[0]
    assert "tick 149<" in await car.page(f"/logs?after={newer}")
    assert "device winch" not in await car.page("/logs?class=info&text=winch")


async def test_a_configuration_that_is_written_or_refused_is_told(car: Car) -> None:
    await car.start("telemetry:\n")
    web = await car.web()
    await web.put("/api/v1/config/system", json={})
    (car.folder / "config.yaml").write_text("telemetrie:\n")
    assert (await web.post("/api/v1/reload")).status_code == 400
    told = await types(car, "type=config.")
    assert told == ["config.refused", "config.written", "config.reloaded"]


async def test_a_bit_that_is_flipped_in_a_row_spoils_that_row_only(car: Car) -> None:
    await car.start("telemetry:\n")
    web = await car.web()
    await web.delete("/api/v1/backup/files/manual-000001-b1-s1.autocore-backup")
    await web.post("/api/v1/backup", json={"history": False})
    before = {path: (await web.get(f"/api/v1/{path}?limit=1000")).json()["items"] for path in ("events", "audit")}
    change = "SET data = CAST(? AS TEXT), who = CAST(? AS TEXT) WHERE seq = ?"
    with sqlite3.connect(car.folder / "data" / "state.db") as sql:
        for table, path in (("event", "events"), ("audit", "audit")):
            sql.execute(f"UPDATE {table} {change}", (b'{"\xef', b"an\xef", before[path][0]["seq"]))
    for path in ("events", "audit"):
        answer = await web.get(f"/api/v1/{path}?limit=1000")
        assert answer.status_code == 200
        items = [one for one in answer.json()["items"] if one["seq"] <= before[path][0]["seq"]]
        assert items[0]["data"] == {"damaged": '{"\ufffd'}
        assert items[0]["who"] == "an\ufffd"
        assert items[1:] == before[path][1:]

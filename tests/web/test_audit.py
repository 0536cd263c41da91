"""The audit over REST and on its page: found by what people ask for, taken along as a file, looked at whether it was touched."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autocore.audit.export import verify_file
from autocore.core.errors import AutocoreError
from autocore.core.model import Caller, Cause, Role
from autocore.testing import Car

CONFIG = "relays:\n  boards: [{device: bar, channels: {1: {name: Light}}}]\n"
API = "/api/v1/audit"


@pytest.fixture
async def driven(car: Car) -> Car:
    """A vehicle whose light was switched by three people; one of them may not."""
    await car.start(CONFIG)
    car.board("bar", channels=1)
    await car.settle()
    for who, via, role in (("ana", "rest", Role.ADMIN), ("bia", "mqtt", Role.OPERATOR), ("leo", "rest", Role.VIEWER)):
        try:
            await car.core.services.call(
                "switch.turn_on", {"entity": "switch.light"}, Caller(Cause(via, who, "192.168.4.7"), role)
            )
        except AutocoreError:
            assert who == "leo"
        await car.advance(60)
    return car


async def people(car: Car, query: str) -> list[str]:
    web = await car.web()
    answer = await web.get(f"{API}?service=switch.&{query}")
    assert answer.status_code == 200, answer.text
    return [one["who"] for one in answer.json()["items"]]


async def press_nothing(car: Car, times: int) -> None:
    """Have somebody press a switch that is not there, so often."""
    for _ in range(times):
        with pytest.raises(AutocoreError):
            await car.core.services.call("switch.turn_on", {"entity": "switch.nothing"}, Caller(Cause("rest", "eva"), Role.ADMIN))


def touch(car: Car, sql: str, *facts: Any) -> None:
    with closing(sqlite3.connect(car.folder / "data" / "state.db", isolation_level=None)) as connection:
        connection.execute(sql, facts)


async def test_rows_are_found_by_who_way_result_text_and_time(driven: Car) -> None:
    assert await people(driven, "") == ["leo", "bia", "ana"]
    assert await people(driven, "who=bia") == ["bia"]
    assert await people(driven, "via=rest") == ["leo", "ana"]
    assert await people(driven, "outcome=done") == ["bia", "ana"]
    assert await people(driven, "text=192.168.4") == ["leo", "bia", "ana"]
    assert await people(driven, "text=nowhere") == []
    web = await driven.web()
    at = (await web.get(f"{API}?who=bia")).json()["items"][0]["at"]
    assert await people(driven, f"from={at}") == ["leo", "bia"]
    assert await people(driven, f"to={at}") == ["bia", "ana"]
    assert (await web.get(f"{API}?from=2026-05-02&to=2026-05-01")).status_code == 400
    page = (await web.get(f"{API}?service=switch.&limit=2")).json()
    assert await people(driven, f"cursor={page['next']}") == ["ana"]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_a_download_can_be_checked_with_the_key(driven: Car, tmp_path: Path, form: str) -> None:
    web = await driven.web()
    answer = await web.get(f"{API}/export?format={form}&service=switch.")
    assert answer.headers["content-disposition"] == f'attachment; filename="audit.{form}"'
    file = tmp_path / f"audit.{form}"
    file.write_bytes(answer.content)
    verdict = verify_file(file, (driven.folder / "data" / "audit.key").read_bytes())
    assert (verdict.is_intact, verdict.rows, verdict.checked) == (True, 3, 3)
    if form == "ndjson":
        first = json.loads(answer.text.splitlines()[0])
        assert (first["who"], first["data"]) == ("ana", {"entity": "switch.light"})


async def test_the_gateway_says_whether_its_audit_was_touched(driven: Car) -> None:
    web = await driven.web()
    good = (await web.post(f"{API}/verify")).json()
    assert (good["intact"], good["findings"], good["checkpoints"][0]["reason"]) == (True, [], "new")
    touch(driven, "UPDATE audit SET who = 'bia' WHERE who = 'leo'")
    bad = (await web.post(f"{API}/verify")).json()
    assert (bad["intact"], [one["what"] for one in bad["findings"]]) == (False, ["changed"])
    page = await web.post("/audit/verify", headers={"Accept-Language": "pt-BR", "Origin": "http://localhost"})
    assert page.status_code == 200
    assert "Não está íntegra" in page.text
    assert f"a linha {bad['findings'][0]['seq']} não está como foi escrita" in page.text


async def test_the_page_shows_who_did_what_and_the_older_ones_behind_it(driven: Car) -> None:
    page = await driven.page("/audit")
    assert page.index("<strong>leo") < page.index("<strong>bia") < page.index("<strong>ana")
    for words in ("switch.turn_on</code>", "192.168.4.7", "the chain began", "Verify"):
        assert words in page
    only = await driven.page("/audit?outcome=done&who=bia")
    assert "format=csv&amp;who=bia&amp;outcome=done" in only
    assert "<strong>leo</strong>" not in only
    assert "No row is like that" in await driven.page("/audit?text=nowhere")
    web = await driven.web()
    assert (await web.get("/audit?from=soon")).status_code == 400
    await press_nothing(driven, 60)
    first = await driven.page("/audit")
    assert "Older" in first
    assert "Newer" not in first
    older = first.split("/audit?before=")[1].split('"')[0]
    second = await driven.page(f"/audit?before={older}")
    assert "the chain began" in second
    assert "Newer" in second
    newer = second.split("/audit?after=")[1].split('"')[0]
    assert "switch.nothing" in await driven.page(f"/audit?after={newer}")


async def test_rows_that_are_missing_at_a_start_are_told_and_keep_nobody_from_starting(driven: Car) -> None:
    await driven.stop()
    touch(driven, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    await driven.start(CONFIG)
    web = await driven.web()
    events = (await web.get("/api/v1/events?type=audit.")).json()["items"]
    assert [(one["class"], one["data"]) for one in events] == [("security", {"reason": "cut_off", "lost": 1})]
    notices = (await web.get("/api/v1/notices")).json()["items"]
    assert [one["severity"] for one in notices if one["source"] == "audit"] == ["error"]
    assert (await web.post(f"{API}/verify")).json()["findings"][0]["what"] == "cut_off"


async def test_a_copy_that_takes_the_place_of_a_damaged_database_is_a_gap_with_a_name(driven: Car) -> None:
    data = driven.folder / "data"
    await driven.advance(700)  # a copy is made
    await driven.call("switch.turn_off", {"entity": "switch.light"})
    await driven.stop()
    (data / "state.db").write_bytes(b"no database" * 1000)
    for copy in sorted((data / "snapshots").glob("state-*.db"))[1:]:
        copy.unlink()
    await driven.start(CONFIG)
    web = await driven.web()
    verdict = (await web.post(f"{API}/verify")).json()
    assert (verdict["intact"], verdict["checkpoints"][-1]["reason"]) == (True, "copy")
    notices = (await web.get("/api/v1/notices")).json()["items"]
    assert [one["severity"] for one in notices if one["source"] == "audit"] == ["warning"]
    assert not (data / "audit.copied").exists()


async def test_what_is_kept_follows_the_configuration(car: Car) -> None:
    await car.start(f"{CONFIG}audit: {{max_rows: 1000, keep_days: never}}\n")
    for _ in range(5):
        await press_nothing(car, 500)
        await car.advance(30)
    web = await car.web()
    verdict = (await web.post(f"{API}/verify")).json()
    assert verdict["intact"]
    assert verdict["rows"] <= 1_500
    assert "removed" in [one["reason"] for one in verdict["checkpoints"]]
    assert "whatever their age" in await car.page("/audit")

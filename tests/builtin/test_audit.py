"""Who did what is written down, without secrets, and what is lost is counted; it is found by what people ask for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.audit.question import Question
from autocore.builtin.audit import Audit, Place, masked
from autocore.core.clock import Sequence
from autocore.core.errors import StorageError
from autocore.core.model import Caller, Cause, Role
from autocore.core.services import Record
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock

ANA = Caller(Cause("rest", "ana", "::1"), Role.ADMIN)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = StateStore(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def audit(store: StateStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Audit]:
    made = Audit(store.database, clock, Sequence(1, lambda limit: None), 1, Place(tmp_path))
    await made.start()
    yield made
    await made.close()


def call(service: str = "switch.turn_on", caller: Caller = ANA, outcome: str = "done", **data: object) -> Record:
    return Record(5, service, data, caller, outcome, "", 0.01)


async def test_every_call_is_in_the_audit_without_its_secrets(audit: Audit, clock: FakeClock) -> None:
    for number in range(3):
        audit.remember(call(entity=f"switch.{number}", pin="1234"))
    clock.advance(0.6)
    assert audit._task is not None
    await audit._task
    rows = await audit.find(limit=2)
    assert [row["data"]["entity"] for row in rows] == ["switch.2", "switch.1"]
    assert rows[0]["data"]["pin"] == "***"
    older = await audit.find(Question(before=rows[-1]["seq"]))
    assert [(row["kind"], row["data"].get("entity")) for row in older] == [("act", "switch.0"), ("begun", None)]
    newer = await audit.find(Question(after=older[0]["seq"]))
    assert [row["data"]["entity"] for row in newer] == ["switch.2", "switch.1"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        (Question(who="bia"), ["b"]),
        (Question(via="mqtt"), ["c"]),
        (Question(service="light."), ["b"]),
        (Question(outcome="interlock"), ["c"]),
        (Question(text="FRONT"), ["a"]),
        (Question(who="ana", text="nothing like that"), []),
    ],
    ids=["who", "via", "service", "outcome", "text", "nobody"],
)
async def test_rows_are_found_by_what_people_ask_for(audit: Audit, question: Question, found: list[str]) -> None:
    audit.remember(call(name="a", entity="switch.front"))
    audit.remember(call("light.turn_on", Caller(Cause("rest", "bia"), Role.OPERATOR), name="b"))
    audit.remember(call("switch.turn_off", Caller(Cause("mqtt", "display"), Role.OPERATOR), "interlock", name="c"))
    assert [row["data"]["name"] for row in await audit.find(question)] == found


async def test_an_audit_that_cannot_be_written_waits_and_counts_what_is_lost(
    audit: Audit, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocore.builtin.audit.MOST_WAITING", 1)
    with monkeypatch.context() as patch:

        async def full(work: object) -> None:
            raise StorageError("disk full")

        patch.setattr(store.database, "run", full)
        for _ in range(3):
            audit.remember(call())
        await audit.flush()
        assert audit.is_failing
    assert (audit.dropped, len(await audit.find(Question(who="ana")))) == (2, 1)
    assert (await audit.verify()).is_intact


async def test_what_was_committed_although_the_disk_said_no_is_not_written_twice(
    audit: Audit, store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.database.run
    with monkeypatch.context() as patch:

        async def lost(work: object) -> None:
            await run(work)  # type: ignore[arg-type]  # the audit's own
            raise StorageError("the word of it was lost")

        patch.setattr(store.database, "run", lost)
        audit.remember(call(name="a"))
        await audit.flush()
    audit.remember(call(name="b"))
    assert [row["data"]["name"] for row in await audit.find(Question(who="ana"))] == ["b", "a"]
    assert (await audit.verify()).is_intact


async def test_the_head_is_written_seldom_and_at_the_end(audit: Audit, clock: FakeClock, tmp_path: Path) -> None:
    head = tmp_path / "audit.head"
    before = head.read_bytes()
    for _ in range(5):
        audit.remember(call())
        await audit.flush()
    assert head.read_bytes() == before
    clock.advance(5.1)
    await audit.flush()
    assert head.read_bytes() != before


async def test_who_gives_up_while_rows_are_written_leaves_the_chain_whole(audit: Audit) -> None:
    for number in range(30):
        audit.remember(call(number=number))
        asking = asyncio.create_task(audit.find())
        for _ in range(number % 7):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert len(await audit.find(Question(who="ana"))) == 30
    verdict = await audit.verify()
    assert (verdict.is_intact, verdict.checked) == (True, 31)


async def test_half_a_letter_in_a_name_is_written_out(audit: Audit) -> None:
    audit.remember(Record(5, "a.b", {}, ANA, "failed", "no file \udcff", 0.0))
    assert (await audit.find(limit=1))[0]["detail"] == "no file \\udcff"
    assert (await audit.verify()).is_intact


def test_secrets_are_masked_wherever_they_stand() -> None:
    assert masked({"a": {"Password": "x"}, "b": [1], "token": "t"}) == {"a": {"Password": "***"}, "b": [1], "token": "***"}

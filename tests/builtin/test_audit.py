"""Who did what is written down, without secrets, and what is lost is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.builtin.audit import Audit, masked
from autocore.core.clock import Sequence
from autocore.core.errors import StorageError
from autocore.core.model import Caller, Cause, Role
from autocore.core.services import Record
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = StateStore(tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_every_call_is_in_the_audit_without_its_secrets(store: StateStore, clock: FakeClock) -> None:
    audit = Audit(store.database, clock, Sequence(1, lambda limit: None), boot=1)
    audit.start()
    caller = Caller(Cause("rest", "ana", "::1"), Role.ADMIN)
    for number in range(3):
        audit.remember(Record(5, "switch.turn_on", {"entity": f"switch.{number}", "pin": "1234"}, caller, "done", "", 0.01))
    clock.advance(0.6)
    assert audit._task is not None
    await audit._task
    rows = await audit.rows(2)
    assert [row["data"]["entity"] for row in rows] == ["switch.2", "switch.1"]
    assert rows[0]["data"]["pin"] == "***"
    assert [row["data"]["entity"] for row in await audit.rows(5, before=rows[-1]["seq"])] == ["switch.0"]
    await audit.close()


async def test_an_audit_that_cannot_be_written_waits_and_counts_what_is_lost(
    store: StateStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audit(store.database, clock, Sequence(1, lambda limit: None), boot=1)
    monkeypatch.setattr("autocore.builtin.audit.MOST_WAITING", 1)
    working = store.database.run

    async def full(work: object) -> None:
        raise StorageError("disk full")

    monkeypatch.setattr(store.database, "run", full)
    caller = Caller(Cause("rest", "ana"), Role.ADMIN)
    for _ in range(3):
        audit.remember(Record(5, "a.b", {}, caller, "done", "", 0.0))
    await audit.flush()
    monkeypatch.setattr(store.database, "run", working)
    assert (audit.dropped, len(await audit.rows())) == (2, 1)


def test_secrets_are_masked_wherever_they_stand() -> None:
    assert masked({"a": {"Password": "x"}, "b": [1], "token": "t"}) == {"a": {"Password": "***"}, "b": [1], "token": "***"}

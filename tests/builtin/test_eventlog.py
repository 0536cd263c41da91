"""What happened is found again, newest first, also after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.builtin import eventlog
from autocore.builtin.eventlog import EventLog
from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.model import Cause
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock


class Desk:
    def __init__(self, store: StateStore) -> None:
        self.clock = FakeClock()
        self.bus = Bus(self.clock, Sequence(1, lambda limit: None))
        self.log = EventLog(store.database, self.bus, self.clock, boot=3)
        self.log.start()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = StateStore(tmp_path)
    await store.open()
    made = Desk(store)
    yield made
    await made.log.stop()
    await store.close()


async def test_events_are_found_by_type_and_text(desk: Desk) -> None:
    desk.bus.emit("device.online", {"device": "winch"})
    desk.bus.emit("device.offline", {"device": "fridge"}, Cause("device", "fridge"))
    desk.bus.emit("plugin.failed", {"plugin": "can", "reason": "no bus"})
    desk.bus.emit("entity.added", {"entity": "sensor.x"})  # every start makes hundreds of these
    assert [one.type for one in await desk.log.find()] == ["plugin.failed", "device.offline", "device.online"]
    assert [one.data["device"] for one in await desk.log.find(types="device.")] == ["fridge", "winch"]
    (found,) = await desk.log.find(text="fridge")
    assert (found.type, found.who, found.via, found.boot) == ("device.offline", "fridge", "device", 3)
    newest = await desk.log.find(limit=1)
    assert [one.type for one in await desk.log.find(before=newest[0].seq)] == ["device.offline", "device.online"]


async def test_only_the_newest_stay(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "KEPT", 10)
    for number in range(25):
        desk.bus.emit("test.tick", {"number": number})
    assert [one.data["number"] for one in await desk.log.find()] == list(range(24, 14, -1))


async def test_a_text_that_looks_like_sql_finds_nothing_and_harms_nothing(desk: Desk) -> None:
    desk.bus.emit("device.online", {"device": "winch"})
    assert await desk.log.find(text="'; DROP TABLE event; --") == []
    assert len(await desk.log.find(text="%")) == 0
    assert len(await desk.log.find()) == 1


async def test_a_flood_between_two_flushes_is_bounded_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_WAITING", 100)
    for number in range(150):
        desk.bus.emit("test.tick", {"number": number})
    assert desk.log.dropped == 50
    assert (await desk.log.find(limit=1))[0].data == {"number": 149}

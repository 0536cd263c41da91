"""What happened is found again, newest first, also after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.builtin import eventlog
from autocore.builtin.eventlog import EventLog, Question
from autocore.builtin.eventtypes import EventClass
from autocore.core.bus import Bus
from autocore.core.clock import EARLIEST_WALL_NS, NS, Sequence
from autocore.core.model import Cause
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock


class Desk:
    def __init__(self, store: StateStore) -> None:
        self.store = store
        self.clock = FakeClock()
        self.bus = Bus(self.clock, Sequence(1, lambda limit: None))
        self.log = EventLog(store.database, self.bus, self.clock, boot=3)
        self.log.start()

    async def boot(self, number: int, offset_ns: int | None) -> None:
        db = self.store.database.pony
        facts = {"machine_boot": "x", "started_ns": 0, "offset_ns": offset_ns, "quality": "ntp"}
        await self.store.database.run(lambda: db.Boot(number=number, **facts) and None)


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
    assert [one.data["device"] for one in await desk.log.find(Question("device."))] == ["fridge", "winch"]
    (found,) = await desk.log.find(Question(text="FRIDGE"))
    assert (found.type, found.who, found.via, found.boot) == ("device.offline", "fridge", "device", 3)
    newest = await desk.log.find(limit=1)
    assert [one.kind for one in await desk.log.find()] == [EventClass.ERROR, EventClass.WARNING, EventClass.INFO]
    assert [one.type for one in await desk.log.find(Question(kinds=["error"]))] == ["plugin.failed"]
    assert [one.type for one in await desk.log.find(Question(before=newest[0].seq))] == ["device.offline", "device.online"]


async def test_of_each_class_the_newest_stay_and_a_flood_takes_nothing_from_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventlog, "KEPT", {"info": 10, "warning": 3, "error": 5, "security": 5})
    desk.bus.emit("auth.failed", {"user": "ana", "address": "::1"})
    for number in range(25):
        desk.bus.emit("test.tick", {"number": number})
        desk.bus.emit("device.offline", {"device": f"d{number}"})
    assert [one.data["number"] for one in await desk.log.find(Question(kinds=["info"]))] == list(range(24, 14, -1))
    assert [one.data["device"] for one in await desk.log.find(Question(kinds=["warning"]))] == ["d24", "d23", "d22"]
    assert [one.type for one in await desk.log.find(Question(kinds=["security"]))] == ["auth.failed"]


async def test_too_many_rows_go_a_few_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        desk.bus.emit("test.tick", {"number": number})
    assert len(await desk.log.find()) == 20
    monkeypatch.setattr(eventlog, "KEPT", {"info": 4})
    monkeypatch.setattr(eventlog, "SLICE", 10)
    left = []
    for _ in range(4):
        desk.clock.advance(5)
        if desk.log._task is not None:
            await desk.log._task
        left.append(await desk.store.database.run(lambda: desk.store.database.pony.EventRow.select().count()))
    assert left == [10, 4, 4, 4]


async def test_nothing_goes_because_of_its_age(desk: Desk) -> None:
    desk.bus.emit("device.online", {"device": "winch"})
    for year in (1970, 2090, 2026):
        desk.clock.set_wall((year - 1970) * 31_557_600 * NS)
        desk.clock.advance(3600)
        desk.bus.emit("test.tick", {"year": year})
        await desk.log.find()
    assert len(await desk.log.find()) == 4


async def test_a_time_finds_what_happened_in_it_and_not_what_has_no_time(desk: Desk) -> None:
    offset_ns = EARLIEST_WALL_NS
    await desk.boot(3, offset_ns)
    await desk.boot(2, None)
    for number in range(5):
        desk.bus.emit("test.tick", {"number": number})
        desk.clock.advance(60)
    start_ns = 1_000 * NS + offset_ns
    found = await desk.log.find(Question(from_ns=start_ns + 60 * NS, to_ns=start_ns + 180 * NS))
    assert [one.data["number"] for one in found] == [3, 2, 1]
    desk.log._boot = 2
    desk.bus.emit("test.tick", {"number": 9})
    assert 9 not in [one.data["number"] for one in await desk.log.find(Question(from_ns=0))]


async def test_a_page_leads_to_the_newer_and_a_download_has_all(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "PAGE", 4)
    seqs = [desk.bus.emit("test.tick", {"number": number}).seq for number in range(10)]
    newer = await desk.log.find(Question(after=seqs[4]), 3)
    assert [one.data["number"] for one in newer] == [7, 6, 5]
    assert [one.data["number"] async for one in desk.log.every(Question())] == list(range(9, -1, -1))


async def test_a_page_of_events_is_read_in_their_order_and_never_sorted(desk: Desk) -> None:
    db = desk.store.database.pony
    for kinds in (tuple(EventClass), (EventClass.INFO,)):
        sql, facts = eventlog._select(Question(types="test.", kinds=kinds), 50)
        plan = await desk.store.database.read(
            lambda sql=sql, facts=facts: db.get_connection().execute(f"EXPLAIN QUERY PLAN {sql}", facts).fetchall()
        )
        assert not [row for row in plan if "TEMP B-TREE" in row[-1]], kinds


async def test_secrets_are_not_written(desk: Desk) -> None:
    desk.bus.emit(
        "device.reported", {"device": "winch", "code": "hot", "message": "too hot", "pin": "1234", "more": {"Token": "t"}}
    )
    (found,) = await desk.log.find()
    assert (found.data["code"], found.data["pin"], found.data["more"]) == ("hot", "***", {"Token": "***"})


async def test_a_text_that_looks_like_sql_finds_nothing_and_harms_nothing(desk: Desk) -> None:
    desk.bus.emit("device.online", {"device": "winch"})
    assert await desk.log.find(Question(text="'; DROP TABLE event; --")) == []
    assert len(await desk.log.find(Question(text="%"))) == 0
    assert len(await desk.log.find()) == 1


async def test_a_flood_between_two_flushes_is_bounded_and_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_WAITING", 100)
    for number in range(150):
        desk.bus.emit("test.tick", {"number": number})
    assert desk.log.dropped == 50
    assert (await desk.log.find(limit=1))[0].data == {"number": 149}

"""What the clock says is held against what can be, and a better source corrects what a worse one said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autocore.builtin.timekeeper import BelievableClock, TimeKeeper
from autocore.core.bus import Bus, Event
from autocore.core.clock import NS, Sequence, Timeline
from autocore.core.errors import StorageError
from autocore.core.model import Quality
from autocore.core.storage.state import StateStore
from autocore.testing import Car, FakeClock

DAY_NS = 86_400 * NS


def year(number: int) -> int:
    return int(datetime(number, 6, 1, tzinfo=UTC).timestamp()) * NS


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = StateStore(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("said", "quality", "is_believed"),
    [
        (1970, Quality.NTP, False),
        (2025, Quality.RTC, False),
        (2026, Quality.RTC, True),
        (2030, Quality.RTC, True),
        (2052, Quality.RTC, False),
        (2052, Quality.NTP, True),
        (2076, Quality.NTP, False),
    ],
    ids=["1970", "before this program", "as known", "four years stood", "decades off", "decades, synchronised", "+50 years"],
)
async def test_a_clock_that_cannot_be_counts_as_unset(
    store: StateStore, said: int, quality: Quality, *, is_believed: bool
) -> None:
    await store.begin_boot(BelievableClock(FakeClock(year(2026), Quality.NTP)))
    await store.begin_boot(BelievableClock(FakeClock(year(2050), Quality.RTC)))  # a battery's word is no witness later
    clock = BelievableClock(FakeClock(year(said), quality))
    await clock.remember(store.database)
    assert clock.wall_ns() == ((year(said), quality) if is_believed else (None, Quality.UNSET))
    assert clock.disbelieved_ns() == (None if is_believed else year(said))


class Desk:
    def __init__(self, wall_ns: int | None, quality: Quality) -> None:
        self.clock = FakeClock(wall_ns, quality)
        self.kept: list[tuple[int, int, Quality]] = []
        self.told: list[Event] = []
        self.is_full = False
        believable = BelievableClock(self.clock)
        wall, _ = believable.wall_ns()
        self.timeline = Timeline({} if wall is None else {3: wall - self.clock.monotonic_ns()})
        bus = Bus(self.clock, Sequence(1, lambda limit: None))
        bus.on("*", self.told.append)
        self.keeper = TimeKeeper(believable, self.timeline, bus, 3, self._keep)
        self.keeper.start()

    async def _keep(self, boot: int, offset_ns: int, quality: Quality) -> None:
        if self.is_full:
            raise StorageError("the disk is full")
        self.kept.append((boot, offset_ns, quality))

    async def advance(self, s: float) -> None:
        self.clock.advance(s)
        if self.keeper._task is not None:
            await self.keeper._task


async def test_the_first_time_that_can_be_believed_dates_the_start() -> None:
    desk = Desk(None, Quality.UNSET)
    await desk.advance(60)
    assert (desk.timeline.offset_ns(3), desk.told) == (None, [])
    desk.clock.set_wall(year(2026), Quality.RTC)
    await desk.advance(10)
    assert desk.timeline.wall_ns(3, desk.clock.monotonic_ns()) == year(2026) + 10 * NS
    assert [(one.type, one.data) for one in desk.told] == [("clock.set", {"quality": "rtc"})]
    assert [(boot, quality) for boot, _, quality in desk.kept] == [(3, Quality.RTC)]


async def test_a_better_source_corrects_a_worse_one_and_never_the_other_way_round() -> None:
    desk = Desk(year(2026) - 14 * DAY_NS, Quality.RTC)
    await desk.advance(10)
    desk.clock.set_wall(year(2026), Quality.NTP)
    await desk.advance(10)
    right = desk.timeline.offset_ns(3)
    assert right == year(2026) - (desk.clock.monotonic_ns() - 10 * NS)
    assert [(one.type, one.data["by_s"]) for one in desk.told] == [("clock.corrected", 14 * 86_400 - 10.0)]
    for _ in range(5):  # it oscillates
        desk.clock.set_wall(year(2028), Quality.RTC)
        await desk.advance(10)
        desk.clock.set_wall(year(2026) + DAY_NS, Quality.NTP)
        await desk.advance(10)
    assert (desk.timeline.offset_ns(3), len(desk.kept), len(desk.told)) == (right, 1, 1)


async def test_what_the_disk_does_not_take_is_written_later() -> None:
    desk = Desk(None, Quality.UNSET)
    desk.is_full = True
    desk.clock.set_wall(year(2026), Quality.NTP)
    await desk.advance(30)
    assert (desk.kept, len(desk.told)) == ([], 1)
    desk.is_full = False
    await desk.advance(30)
    assert len(desk.kept) == 1


async def test_a_time_that_cannot_be_is_told_once() -> None:
    desk = Desk(year(2076), Quality.NTP)
    await desk.advance(60)
    desk.clock.set_wall(10**40, Quality.NTP)
    await desk.advance(60)
    assert [(one.type, one.data) for one in desk.told] == [("clock.implausible", {"at": "2076-06-01"})]
    desk.clock.set_wall(year(2026), Quality.NTP)
    await desk.advance(10)
    assert desk.told[-1].type == "clock.set"


async def test_what_was_told_before_the_clock_was_right_has_its_time_afterwards(car: Car) -> None:
    car.clock.set_wall(year(2076))
    await car.start("telemetry:\n")
    web = await car.web()
    first = (await web.get("/api/v1/events?type=auth.logged_in")).json()["items"][0]
    assert first["at"] is None
    car.clock.set_wall(year(2026))
    await car.advance(20)
    assert (await web.get("/api/v1/events?type=auth.logged_in")).json()["items"][0]["at"] == "2026-06-01T00:00:00.000Z"

"""What people should know is kept until every channel took it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.builtin.notifications import MOST_PER_MINUTE, Notifications
from autocore.builtin.outbox import KEPT, Outbox, Told, leave_note
from autocore.core.bus import Bus
from autocore.core.clock import NS, Sequence, Timeline
from autocore.core.errors import PluginError, StorageError
from autocore.core.notices import Notification, Severity
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock
from tests.conftest import eventually


class Channel:
    """A way to people that may be closed."""

    def __init__(self) -> None:
        self.is_open = True
        self.is_broken = False
        self.got: list[Notification] = []

    async def deliver(self, _name: str, notification: Notification) -> bool:
        if self.is_broken:
            raise PluginError("telegram", "it fell over")
        if self.is_open:
            self.got.append(notification)
        return self.is_open

    def texts(self) -> list[list[str]]:
        return [[notice.text for notice in one.notices] for one in self.got]


class Desk:
    def __init__(self, store: StateStore, clock: FakeClock, boot: int = 1) -> None:
        self.clock = clock
        self.bus = Bus(clock, Sequence(1, lambda limit: None))
        now_ns, _ = clock.wall_ns()
        timeline = Timeline({boot: (now_ns or 0) - clock.monotonic_ns()})
        self.outbox = Outbox(store.database, timeline, clock, boot)
        self.notifications = Notifications(self.outbox, self.bus, clock, Severity.INFO)
        self.channel = Channel()

    def start(self, *channels: str) -> None:
        self.notifications.start(lambda: channels, self.channel.deliver)

    def tell(self, text: str, severity: Severity = Severity.INFO, source: str = "test") -> None:
        self.notifications.send(text, title="", severity=severity, source=source, key=None)

    async def texts(self) -> list[str]:
        return [one.text for one in await self.notifications.newest()]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = StateStore(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def desk(store: StateStore, clock: FakeClock) -> AsyncIterator[Desk]:
    made = Desk(store, clock)
    yield made
    await made.notifications.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_a_notice_reaches_the_channel(desk: Desk) -> None:
    desk.start("telegram")
    desk.tell("The winch is warm", Severity.WARNING)
    await eventually(lambda: desk.channel.got)
    (notice,) = desk.channel.got[0].notices
    assert (notice.text, notice.severity, notice.source, notice.count) == ("The winch is warm", Severity.WARNING, "test", 1)
    assert notice.at == "2026-01-01T00:00:00Z"
    assert await desk.notifications.waiting() == {}


async def test_what_waited_comes_in_one_piece_with_its_own_times(desk: Desk) -> None:
    desk.channel.is_open = False
    desk.start("telegram")
    for number in range(20):
        desk.tell(f"number {number}")
        await eventually(lambda number=number: _is_kept(desk, f"number {number}"))
        desk.clock.advance(s=60)
    assert (await desk.notifications.waiting()) == {"telegram": 20}
    desk.channel.is_open = True

    async def came() -> bool:
        desk.clock.advance(s=300)
        return bool(desk.channel.got)

    await eventually(came)
    (notification,) = desk.channel.got
    assert [one.text for one in notification.notices] == [f"number {number}" for number in range(20)]
    assert [one.at for one in notification.notices][:3] == [f"2026-01-01T00:0{minute}:00Z" for minute in range(3)]


async def _is_kept(desk: Desk, text: str) -> bool:
    return text in await desk.texts()


async def test_a_channel_that_raises_gets_it_again(desk: Desk) -> None:
    desk.channel.is_broken = True
    desk.start("telegram")
    desk.tell("hello")
    await eventually(lambda: _is_kept(desk, "hello"))
    desk.channel.is_broken = False

    async def came() -> bool:
        desk.clock.advance(s=10)
        return bool(desk.channel.got)

    await eventually(came)


async def test_the_same_within_a_minute_only_counts(desk: Desk) -> None:
    for _ in range(5):
        desk.tell("the door is open")
        await asyncio.sleep(0)
    await eventually(lambda: _counted(desk, 5))
    assert await desk.texts() == ["the door is open"]
    desk.clock.advance(s=61)
    desk.tell("the door is open")
    await eventually(lambda: _amount(desk, 2))


async def _counted(desk: Desk, count: int) -> bool:
    newest = await desk.notifications.newest()
    return bool(newest) and newest[0].count == count


async def _amount(desk: Desk, amount: int) -> bool:
    return len(await desk.texts()) == amount


async def test_a_flood_is_cut_short_and_others_are_heard(desk: Desk) -> None:
    for number in range(200):
        desk.tell(f"spam {number}", source="chatty")
    desk.tell("the winch is warm", source="relays")
    await eventually(lambda: _amount(desk, MOST_PER_MINUTE + 1))
    assert desk.notifications.left_out == 200 - MOST_PER_MINUTE


async def test_a_restart_loses_nothing(store: StateStore, clock: FakeClock) -> None:
    first = Desk(store, clock)
    first.channel.is_open = False
    first.start("telegram")
    first.tell("before the restart")
    await eventually(lambda: _is_kept(first, "before the restart"))
    await first.notifications.stop()
    second = Desk(store, clock, boot=2)
    second.start("telegram")
    await eventually(lambda: second.channel.got)
    assert second.channel.texts() == [["before the restart"]]
    await second.notifications.stop()


async def test_a_note_left_while_the_gateway_was_down_goes_out_with_its_time(desk: Desk, store: StateStore) -> None:
    told = Told("cli", "backup done", Severity.INFO, "", "backup done", 0)
    await leave_note(store.database, desk.clock, told)
    desk.clock.advance(s=3600)
    desk.start("telegram")
    await eventually(lambda: desk.channel.got)
    (notice,) = desk.channel.got[0].notices
    assert notice.at == "2026-01-01T00:00:00Z"
    assert notice.age_s == pytest.approx(3600)


async def test_what_matters_too_little_is_kept_and_not_delivered(store: StateStore, clock: FakeClock) -> None:
    desk = Desk(store, clock)
    desk.notifications = Notifications(desk.outbox, desk.bus, clock, Severity.WARNING)
    desk.start("telegram")
    desk.tell("chatter")
    desk.tell("trouble", Severity.ERROR)
    await eventually(lambda: desk.channel.got)
    assert desk.channel.texts() == [["trouble"]]
    assert set(await desk.texts()) == {"chatter", "trouble"}
    await desk.notifications.stop()


async def test_the_oldest_beyond_the_limit_go(desk: Desk) -> None:
    for number in range(KEPT + 5):
        told = Told("test", str(number), Severity.INFO, "", str(number), number * NS)
        await desk.outbox.add(told, ["telegram"])
    assert len(await desk.outbox.newest(KEPT * 2)) == KEPT
    assert (await desk.outbox.pending("telegram", 1))[0].text == "5"


async def test_what_the_disk_does_not_take_is_shown_handed_on_and_kept_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    working = desk.outbox.add

    async def full(told: Told, channels: object) -> int:
        raise StorageError("database or disk is full")

    desk.start("telegram")
    await eventually(lambda: desk.notifications._wake)
    monkeypatch.setattr(desk.outbox, "add", full)
    desk.tell("the disk is full", Severity.CRITICAL)
    await eventually(lambda: desk.channel.got)
    desk.channel.is_open = False
    desk.tell("and still is")
    await eventually(lambda: len(desk.notifications._unkept) == 2)
    assert await desk.texts() == ["and still is", "the disk is full"]
    assert desk.notifications.is_failing
    monkeypatch.setattr(desk.outbox, "add", working)
    desk.channel.is_open = True
    desk.clock.advance(s=2)
    await eventually(lambda: not desk.notifications.is_failing)
    await eventually(lambda: len(desk.channel.got) == 2)
    assert desk.channel.texts() == [["the disk is full"], ["and still is"]]  # each once
    assert [one.text for one in await desk.outbox.newest(9)] == ["and still is", "the disk is full"]


async def test_notices_that_wait_for_the_disk_are_bounded_and_kept_at_the_stop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = desk.outbox.add
    monkeypatch.setattr("autocore.builtin.notifications.MOST_UNKEPT", 3)

    async def full(told: Told, channels: object) -> int:
        raise StorageError("database or disk is full")

    monkeypatch.setattr(desk.outbox, "add", full)
    for number in range(5):
        desk.tell(str(number), source=str(number))
    await eventually(lambda: desk.notifications.left_out == 2)
    monkeypatch.setattr(desk.outbox, "add", working)
    await desk.notifications.stop()
    assert [one.text for one in await desk.outbox.newest(9)] == ["4", "3", "2"]

"""Backups by themselves: no jump of the clock makes many of them, or deletes one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autocore.backup import desk as desks
from autocore.backup.desk import Backups, Ground
from autocore.backup.schedule import Last, is_due
from autocore.backup.shelf import Backup
from autocore.core.clock import EARLIEST_WALL_NS, NS, Sequence
from autocore.core.config import load
from autocore.core.config.sections import BackupSection
from autocore.core.errors import ConfigFaults, Refused
from autocore.core.model import Quality
from autocore.testing import FakeClock
from tests.backup.conftest import Vehicle

HOUR_S, DAY_S, YEAR_S = 3_600, 86_400, 365 * 86_400
NOW_NS = EARLIEST_WALL_NS + 200 * DAY_S * NS


@pytest.mark.parametrize(
    ("last", "up_s", "ran_s", "wall_ns", "wanted"),
    [
        (Last(), 100, 0, NOW_NS, False),
        (Last(), 300, 0, None, True),
        (Last(7, NOW_NS - 2 * DAY_S * NS), 100, 0, NOW_NS, False),
        (Last(7, NOW_NS - 2 * DAY_S * NS), 300, 0, NOW_NS, True),
        (Last(7, NOW_NS - 2 * DAY_S * NS), 300, 0, None, False),
        (Last(7, None), 300, 0, NOW_NS, False),
        (Last(7, NOW_NS - HOUR_S * NS), 300, HOUR_S, NOW_NS, False),
        (Last(7, NOW_NS - HOUR_S * NS), 300, DAY_S, NOW_NS, True),
        (Last(7, NOW_NS + 50 * YEAR_S * NS), 300, HOUR_S, NOW_NS, False),
        (Last(7, NOW_NS + 50 * YEAR_S * NS), 300, DAY_S, NOW_NS, True),
        (Last(7, NOW_NS, is_of_this_start=True), 2 * HOUR_S, HOUR_S, NOW_NS + 50 * YEAR_S * NS, False),
        (Last(7, NOW_NS, is_of_this_start=True), 2 * DAY_S, DAY_S, NOW_NS - 14 * DAY_S * NS, True),
    ],
    ids=[
        "just started",
        "none yet",
        "just started, an old one",
        "it stood for two days",
        "it stood, but no clock",
        "the old one has no time",
        "a young one",
        "a day of driving",
        "made in the future",
        "made in the future, a day of driving",
        "the clock jumps fifty years",
        "the clock went back two weeks",
    ],
)
def test_a_backup_is_due_by_running_time_or_a_trusted_clock(
    last: Last, up_s: float, ran_s: float, wall_ns: int | None, wanted: bool
) -> None:
    assert is_due(DAY_S, last, up_s=up_s, ran_s=ran_s, wall_ns=wall_ns) is wanted
    assert is_due(0, last, up_s=up_s, ran_s=ran_s, wall_ns=wall_ns) is False


class Store:
    """A key-value store that survives the desk."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    async def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    async def set(self, name: str, value: Any) -> None:
        self.values[name] = value


class Garage:
    """Starts desks on one vehicle, one after the other."""

    def __init__(self, vehicle: Vehicle) -> None:
        self.vehicle, self.store, self.boot = vehicle, Store(), 0
        self.notices: list[str] = []
        self.acts: list[str] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        self.settled = 0
        self.restarts = 0

    async def start(self, clock: FakeClock, section: BackupSection | None = None) -> Backups:
        self.boot += 1
        sequence = Sequence(self.boot * 1_000, lambda _limit: None)

        async def settle() -> None:
            self.settled += 1

        ground = Ground(
            self.vehicle.config,
            self.vehicle.data,
            clock,
            self.boot,
            sequence,
            "Bus",
            (settle,),
            self.notices.append,
            lambda record: self.acts.append(record.service),
            lambda kind, data: self.events.append((kind, dict(data))),
        )

        def restart() -> None:
            self.restarts += 1

        desk = Backups(ground, section or BackupSection(), self.store, restart)  # type: ignore[arg-type]  # as good as the real one
        await desk.start()
        return desk


@pytest.fixture
def garage(vehicle: Vehicle) -> Garage:
    return Garage(vehicle)


async def drive(desk: Backups, clock: FakeClock, s: float, step_s: float = 60.0) -> None:
    """Let time pass, and every backup that begins come to its end."""
    for _ in range(round(s / step_s)):
        clock.advance(step_s)
        if desk._looking is not None:
            await desk._looking


async def autos(desk: Backups) -> list[Backup]:
    return [one for one in await desk.all() if one.origin.value == "auto"]


async def test_one_is_made_some_minutes_after_the_start_and_then_one_a_day(garage: Garage) -> None:
    clock = FakeClock(NOW_NS)
    desk = await garage.start(clock)
    await drive(desk, clock, 240)
    assert await desk.all() == []
    await drive(desk, clock, 120)
    (first,) = await desk.all()
    assert (first.origin.value, first.about.is_verified, first.about.has_secrets) == ("auto", True, False)
    assert first.about.created.wall is not None
    assert garage.settled == 1
    await drive(desk, clock, 23 * HOUR_S, 600)
    assert len(await desk.all()) == 1
    await drive(desk, clock, 2 * HOUR_S, 600)
    assert len(await desk.all()) == 2
    await desk.stop()


async def test_many_short_drives_without_a_clock_add_up(garage: Garage) -> None:
    for _ in range(12):
        clock = FakeClock(None)
        desk = await garage.start(clock, BackupSection(every=6 * HOUR_S))
        await drive(desk, clock, HOUR_S, 300)
        await desk.stop()
    found = await autos(desk)
    assert len(found) == 2  # the first at once, one after six hours; the third is nearly due
    assert all(one.about.created.wall is None for one in found)


async def test_a_clock_that_runs_wild_makes_no_dozens_and_deletes_none(garage: Garage) -> None:
    desk = await garage.start(clock := FakeClock(NOW_NS), BackupSection(keep=3))
    await drive(desk, clock, 600)
    (first,) = await autos(desk)
    for wall_ns in (NOW_NS + 50 * YEAR_S * NS, 0, NOW_NS - 14 * DAY_S * NS, NOW_NS) * 5:
        clock.set_wall(wall_ns)
        await drive(desk, clock, 600)
    assert [one.name for one in await autos(desk)] == [first.name]
    await desk.stop()
    made = 0
    for wall_ns in (NOW_NS + 50 * YEAR_S * NS, NOW_NS - 14 * DAY_S * NS, NOW_NS, None) * 3:  # a start each
        clock = FakeClock(wall_ns, Quality.NTP)
        desk = await garage.start(clock, BackupSection(keep=3))
        await drive(desk, clock, 600)
        await desk.stop()
        made = len(await autos(desk))
    assert made == 2  # the one of the far future is the only one more
    assert first.name in [one.name for one in await autos(desk)]


async def test_the_oldest_goes_when_there_are_enough(garage: Garage) -> None:
    clock = FakeClock(NOW_NS)
    desk = await garage.start(clock, BackupSection(every=HOUR_S, keep=2, history=False))
    by_hand = desk.begin()
    await asyncio.gather(*filter(None, [by_hand.task]))
    await drive(desk, clock, 5 * HOUR_S, 300)
    names = [one.name for one in await desk.all()]
    assert len(await autos(desk)) == 2
    assert by_hand.name in names
    assert not any(one.about.has_history for one in await autos(desk))
    await desk.stop()


async def test_one_that_fails_is_told_and_tried_again_an_hour_later(garage: Garage, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = desks.make, []

    def full(wish: Any, work: Any) -> Any:
        calls.append(wish)
        raise Refused("the disk is too full", code="disk_full")

    monkeypatch.setattr(desks, "make", full)
    clock = FakeClock(NOW_NS)
    desk = await garage.start(clock)
    await drive(desk, clock, 1_800)
    assert (len(calls), garage.notices) == (1, ["The scheduled backup failed: the disk is too full"])
    monkeypatch.setattr(desks, "make", real)
    await drive(desk, clock, HOUR_S)
    assert len(await autos(desk)) == 1
    await desk.stop()


async def test_never_means_never(garage: Garage) -> None:
    clock = FakeClock(NOW_NS)
    desk = await garage.start(clock, BackupSection(every=0.0))
    await drive(desk, clock, 3 * DAY_S, 3_600)
    assert await desk.all() == []
    await desk.stop()


async def test_one_job_at_a_time_and_a_stop_ends_it(garage: Garage) -> None:
    desk = await garage.start(FakeClock(NOW_NS))
    job = desk.begin()
    with pytest.raises(Refused, match="is under way"):
        desk.begin()
    await desk.stop()
    assert job.state in ("cancelled", "done")
    assert [one.name for one in await desk.all()] == ([job.name] if job.state == "done" else [])


async def test_a_restore_is_staged_and_asks_for_a_restart(garage: Garage) -> None:
    desk = await garage.start(FakeClock(NOW_NS))
    made = desk.begin(passphrase="correct horse battery")
    await asyncio.gather(*filter(None, [made.task]))
    assert made.name is not None
    wrong = desk.begin_restore(made.name, "something else entirely")
    await asyncio.gather(*filter(None, [wrong.task]))
    assert (wrong.state, wrong.code, garage.restarts) == ("failed", "invalid", 0)
    right = desk.begin_restore(made.name, "correct horse battery")
    await asyncio.gather(*filter(None, [right.task]))
    assert (right.state, garage.restarts) == ("done", 1)
    assert right.plan is not None
    assert right.plan.skipped == ["config/plugins/fridge.py"]
    await desk.stop()


@pytest.mark.parametrize(("text", "wanted"), [("1d", DAY_S), ("never", 0.0), ("12h", 12 * HOUR_S), (7200, 7200.0)])
def test_the_section_says_how_often(tmp_path, text: object, wanted: float) -> None:
    (tmp_path / "config.yaml").write_text(f"backup: {{every: {text}, keep: 3, history: false}}\n")
    section = load(tmp_path).core.backup
    assert (section.every, section.keep, section.history) == (wanted, 3, False)


@pytest.mark.parametrize("text", ["5min", "500d", "soon", "true", "[1]"])
def test_a_rhythm_that_makes_no_sense_is_refused(tmp_path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(f"backup: {{every: {text}}}\n")
    with pytest.raises(ConfigFaults, match=r"backup\.every"):
        load(tmp_path)

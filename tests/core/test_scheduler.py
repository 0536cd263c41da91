"""Wall-time schedules on a clock that may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from autocore.core.clock import NS
from autocore.core.errors import InvalidData
from autocore.core.scheduler import Cron
from autocore.testing import FakeClock


def at(hour: int, minute: int, second: int = 0, day: int = 10) -> int:
    return int(datetime(2026, 6, day, hour, minute, second, tzinfo=UTC).timestamp()) * NS


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def lisbon(monkeypatch: pytest.MonkeyPatch) -> ZoneInfo:
    """Summer time begins on 29 March 2026 and ends on 25 October, both at 01:00 UTC."""
    zone = ZoneInfo("Europe/Lisbon")
    monkeypatch.setattr("apscheduler.triggers.cron.get_localzone", lambda: zone)
    return zone


def local_times(zone: ZoneInfo, line: str, start: datetime, hours: float) -> list[str]:
    clock, calls = FakeClock(int(start.timestamp()) * NS), []
    Cron(clock, line, lambda: calls.append(datetime.fromtimestamp(clock.wall_ns()[0] / NS, zone).strftime("%d %H:%M")))
    clock.advance(s=hours * 3600)
    return calls


def test_three_o_clock_comes_once_a_day() -> None:
    clock, calls = FakeClock(at(2, 59, 30)), []
    Cron(clock, "0 3 * * *", lambda: calls.append(clock.wall_ns()[0]))
    clock.advance(s=29)
    assert calls == []
    clock.advance(s=2)
    assert len(calls) == 1
    clock.advance(s=86_400)
    assert calls == [at(3, 0), at(3, 0, day=11)]


def test_nothing_is_called_while_the_clock_was_never_set_and_then_it_is() -> None:
    clock, calls = FakeClock(None), []
    job = Cron(clock, "* * * * *", lambda: calls.append(1))
    clock.advance(s=600)
    assert calls == []
    clock.set_wall(at(3, 0))
    clock.advance(s=125)
    assert len(calls) in (1, 2)  # it looks at the clock every half minute
    job.cancel()
    clock.advance(s=600)
    assert len(calls) in (1, 2)


def test_a_jump_over_the_hour_leaves_it_out() -> None:
    clock, calls = FakeClock(at(2, 0)), []
    Cron(clock, "0 3 * * *", lambda: calls.append(1))
    clock.set_wall(at(5, 0))
    clock.advance(s=120)
    assert calls == []


def test_a_clock_that_is_set_back_does_nothing_twice() -> None:
    clock, calls = FakeClock(at(2, 59, 30)), []
    Cron(clock, "0 3 * * *", lambda: calls.append(1))
    for _ in range(20):
        clock.advance(s=60)
        clock.set_wall(at(2, 59, 30))
    assert calls == [1]


def test_a_clock_that_was_set_back_two_weeks_keeps_the_daily_job() -> None:
    clock, calls = FakeClock(at(2, 59, day=20)), []
    Cron(clock, "0 3 * * *", lambda: calls.append(clock.wall_ns()[0]))
    clock.advance(s=86_400 * 3)
    clock.set_wall(at(12, 0, day=9))
    clock.advance(s=86_400 * 12)  # the days from the 10th to the 21st come again, and the 20th and 21st were done
    assert len(calls) == 3 + 12


def test_in_the_hour_that_comes_twice_a_named_hour_is_done_once_and_every_hour_goes_on(lisbon: ZoneInfo) -> None:
    autumn = datetime(2026, 10, 24, 23, 59, tzinfo=UTC)
    assert local_times(lisbon, "30 1 * * *", autumn, 30) == ["25 01:30", "26 01:30"]
    assert local_times(lisbon, "0 * * * *", autumn, 4) == ["25 01:00", "25 01:00", "25 02:00", "25 03:00"]


def test_in_the_hour_that_does_not_come_nothing_is_done_twice(lisbon: ZoneInfo) -> None:
    spring = datetime(2026, 3, 28, 23, 59, tzinfo=UTC)
    assert local_times(lisbon, "30 1 * * *", spring, 40) == ["30 01:30"]  # as a jump leaves it out
    assert local_times(lisbon, "0 * * * *", spring, 3) == ["29 00:00", "29 02:00", "29 03:00"]


def test_a_line_that_is_no_crontab_says_how_one_looks() -> None:
    with pytest.raises(InvalidData, match=r"write e\.g\. 0 3"):
        Cron(FakeClock(), "every day", lambda: None)

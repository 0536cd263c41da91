"""Wall-time schedules on a clock that may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime

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


def test_a_line_that_is_no_crontab_says_how_one_looks() -> None:
    with pytest.raises(InvalidData, match=r"write e\.g\. 0 3"):
        Cron(FakeClock(), "every day", lambda: None)

"""The time zone of the configuration: of what is shown and of jobs, also when it changes within one process."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from autocore.builtin.zone import live_in
from autocore.core.config import config_of
from autocore.core.errors import ConfigFaults
from autocore.core.scheduler import Cron
from autocore.testing import FakeClock

MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)


def next_job() -> datetime:
    job = Cron(FakeClock(wall_ns=int(MIDNIGHT.timestamp() * 1e9)), "0 3 * * *", lambda: None)
    assert job._due is not None
    job.cancel()
    return job._due.astimezone(UTC)


def test_jobs_and_times_follow_the_zone_and_come_back() -> None:
    before = time.tzname
    for zone, hour in (("America/Sao_Paulo", 6), ("Asia/Tokyo", 18)):
        back = live_in(zone)
        try:
            assert next_job().hour == hour
            assert MIDNIGHT.astimezone().hour == (3 - hour) % 24
        finally:
            back()
    assert time.tzname == before
    live_in(None)()
    assert time.tzname == before


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "''", "7", "[UTC]"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ConfigFaults, match=r"expected a time zone; write e\.g\. America/Sao_Paulo"):
        config_of(f"autocore: {{timezone: {zone}}}")

"""R9, the quick form: whatever the clock says, nothing is deleted, expired, doubled or locked out because of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autocore.core.model import Quality
from tests.faults.r9_clock import JUMPS, NAMED, Act, Back, Drive, Jump, Restart, play

anywhere = st.builds(
    Jump,
    st.integers(0, 4_102_444_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from((Quality.RTC, Quality.NTP)),
)
acts = st.one_of(
    st.sampled_from((5, 40, 100, 1_300)).map(Drive),
    st.sampled_from(JUMPS),
    anywhere,
    st.sampled_from((Quality.RTC, Quality.NTP)).map(Back),
    st.just(Restart()),
)


@pytest.mark.parametrize("name", NAMED)
def test_a_clock_that_is_wrong_harms_nothing(name: str) -> None:
    assert play(NAMED[name]) == []


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(journey=st.lists(acts, min_size=2, max_size=7))
def test_a_clock_that_jumps_anyhow_harms_nothing(journey: list[Act]) -> None:
    assert play(journey) == []


def test_a_gateway_that_doubles_a_job_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autocore.core.scheduler.DONE_NS", 0)  # it forgets at once what it did
    assert any("was done twice" in one for one in play(NAMED["to and fro"]))

"""The short form of R12 and R12b: some hundred holds that something ends, and some minutes that nothing shall end."""

from __future__ import annotations

import asyncio

from tests.faults import r12_real
from tests.faults.r12_deadman import an_hour, many
from tests.faults.thumb import Figures


def test_whatever_dies_while_a_winch_is_held_it_is_off_in_time_and_stays_off() -> None:
    figures = Figures()
    asyncio.run(many(12, 300, figures))
    assert figures.faults == []
    assert figures.began > 150
    assert figures.worst_ms > 300, "some of them died without a word"


def test_with_real_processes_it_is_off_in_time_by_the_clock_on_the_wall() -> None:
    found = r12_real.play(12, 10)
    assert found.failures == []
    assert found.runs >= 7


def test_a_good_link_holds_for_minutes() -> None:
    assert asyncio.run(an_hour(12, loss=0.01, jitter_ms=50.0, for_s=300)) == 0

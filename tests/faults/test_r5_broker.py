"""The short form of R5: a few kills, one empty return and two short absences."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.faults.r5_broker import Lane
from tests.faults.record import Findings

PATIENT_S = 15.0  # the tests share the machine; the full run asks for five seconds


def test_a_broker_that_is_killed_emptied_and_kept_away_is_back_with_everything_and_nothing_late(tmp_path: Path) -> None:
    found = Findings()
    with ExitStack() as stack:
        lane = Lane(tmp_path, 5, found, stack, PATIENT_S)
        lane.live()
        lane.shut_out()
        lane.live()
        lane.kill(is_saved=True)
        lane.live()
        lane.kill(is_emptied=True)
        lane.live()
        lane.kill(away_s=1.0, hides=True)
        lane.live()
        lane.look_at_history()
        lane.look_at_commands()
        lane.orphan()
    assert found.failures == []
    assert found.figures["commands_at_boards"] > 0
    assert found.figures["calls_that_failed"] > 0

"""The short form of R13: some hundred situations in virtual time, and everything once with real parts."""

from __future__ import annotations

from pathlib import Path

from tests.faults.r13_stale import ACTS, drive, play_many
from tests.faults.record import Findings


def test_nothing_that_was_delayed_bunched_doubled_or_recorded_moves_a_relay_in_virtual_time() -> None:
    found = Findings()
    play_many(range(250), found)
    assert found.failures == []
    assert min(found.figures[name] for name in ("carried_out", "refused", "replayed")) > 200


def test_what_was_queued_retained_doubled_or_repeated_moves_no_relay_of_a_real_board(tmp_path: Path) -> None:
    found = Findings()
    drive(tmp_path, 13, len(ACTS), found)
    assert found.failures == []
    assert found.figures["real_commands_carried_out"] > len(ACTS)
    assert found.figures["real_stale_deliveries"] > len(ACTS)

"""The short form of R23: some stops during a flood; how fast they are is for the long form, on a quiet machine."""

from __future__ import annotations

from tests.faults.r23_stop import measure
from tests.faults.record import Findings


def test_a_stop_stops_during_a_flood() -> None:
    found = Findings()
    measure(6, 5_000, found)
    assert found.failures == []
    assert found.runs == 6

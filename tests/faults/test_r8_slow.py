"""The short form of R8: pages and the broker stop to read for some seconds; the other ways out take longer."""

from __future__ import annotations

import pytest

from tests.faults import r8_slow
from tests.faults.busy import Limits

PATIENT = Limits(late_s=3.0, call_s=3.0, newest_s=20.0)  # the tests share the machine; the full run asks for more


@pytest.mark.parametrize(
    ("scene", "seconds", "shown"),
    [
        ("live", 2.0, "calls"),
        ("broker", 6.0, "broker_unsent"),
    ],
)
def test_who_does_not_read_costs_little_and_harms_nobody_else(scene: str, seconds: float, shown: str) -> None:
    found = r8_slow.run(scene, seconds, PATIENT)
    assert found.failures == []
    assert found.figures[shown] > 0

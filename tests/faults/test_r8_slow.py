"""The short form of R8: on every way out somebody stops to read for some seconds."""

from __future__ import annotations

import pytest

from tests.faults import r8_slow
from tests.faults.busy import Limits

PATIENT = Limits(late_s=3.0, call_s=3.0, newest_s=20.0)  # the tests share the machine; the full run asks for more


@pytest.mark.parametrize(
    ("scene", "seconds", "shown"),
    [
        ("live", 3.0, "calls"),
        ("broker", 4.0, "broker_unsent"),
        ("plugin", 3.0, "plugin_dropped"),
    ],
)
def test_who_does_not_read_costs_little_and_harms_nobody_else(scene: str, seconds: float, shown: str) -> None:
    found = r8_slow.run(scene, seconds, PATIENT)
    assert found.failures == []
    assert found.figures[shown] > 0

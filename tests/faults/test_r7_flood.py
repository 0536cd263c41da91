"""The short form of R7: some seconds of the same flood."""

from __future__ import annotations

import pytest

from tests.faults import r7_flood
from tests.faults.r7_flood import Limits, Scene

PATIENT = Limits(p99_s=3.0)  # the tests share the machine; the full runs ask for 300 ms


@pytest.mark.parametrize("scene", [Scene.ACCOUNT, Scene.FOREIGN])
def test_a_flood_is_named_and_harms_nobody_else(scene: Scene) -> None:
    found = r7_flood.run(scene, 8.0, PATIENT)
    assert found.failures == []
    assert found.figures["left_out"] > 10_000

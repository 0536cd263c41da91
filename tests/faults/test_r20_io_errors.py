"""The short form of R20: every fault once."""

from __future__ import annotations

from tests.faults.outage import Limits
from tests.faults.r20_io_errors import NAMES, run


def test_the_gateway_goes_on_whatever_the_disk_answers() -> None:
    found = run(4, list(NAMES), Limits(obey_s=2.0, resume_s=15.0))
    assert found.failures == []
    assert found.figures["calls"] > 0

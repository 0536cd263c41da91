"""The short form of R4: a few outages."""

from __future__ import annotations

from tests.faults import r4_disk_full
from tests.faults.outage import Limits

PATIENT = Limits(obey_s=2.0, resume_s=15.0)  # the tests share the machine; the full runs ask for 200 ms and 5 s


def test_relays_obey_while_the_disk_is_full_and_nothing_is_lost() -> None:
    found = r4_disk_full.run(3, 2, PATIENT, is_narrow=False, least_s=2.0)
    assert found.failures == []
    assert found.figures["readings_missing"] == 0


def test_exactly_what_is_said_to_be_dropped_is_missing() -> None:
    found = r4_disk_full.run(3, 1, PATIENT, is_narrow=True, least_s=6.0)
    assert found.failures == []
    assert found.figures["readings_missing"] > 0

"""The short form of R1."""

from __future__ import annotations

from tests.faults.promise import GONE, Promises
from tests.faults.r1_kill import run

PATIENT_S = 15.0  # the tests share the machine; the full run asks for three seconds


def test_what_was_acknowledged_is_there_after_three_kills() -> None:
    found = run(seed=5, kills=3, rate=300, restart_s=PATIENT_S)
    assert found.failures == []
    assert found.figures["acknowledged_readings"] > 0
    assert found.figures["acknowledged_acts"] > 0


def test_a_broken_promise_is_found() -> None:
    promises = Promises()
    for name, value in (("kept", 1), ("changed", 1), ("gone", 1), ("removed", GONE)):
        promises.keep(name, value)
    promises.ask("changed", 2)
    promises.ask("asked", 1)
    assert list(promises.broken({"kept": 1, "changed": 2})) == ["gone is None instead of 1"]
    assert len(list(promises.broken({"kept": 3, "changed": 3, "gone": 1, "removed": 1}))) == 3
    promises.settle({"changed": 2})
    assert promises.known("") == {"kept": 1, "changed": 2, "gone": 1}

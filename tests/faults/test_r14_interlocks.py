"""The short form of R14: some thousand commands in a storm."""

from __future__ import annotations

import asyncio

from tests.faults.r14_interlocks import storms
from tests.faults.record import Findings


def test_two_relays_that_must_never_meet_never_do() -> None:
    found = Findings()
    for seed in range(14, 17):
        asyncio.run(storms(seed, 2_000, found))
    assert found.failures == []
    assert found.figures["turned_on"] > 500

"""R4: the disk is full at random moments, and has room again.

A real gateway with a relay board and 250 readings a second works behind the shim. Again and again the disk is given only a
few bytes more (whatever would make a file grow beyond them fails with ENOSPC, in the middle of a write too) for up to 6 s,
and then room again. Meanwhile a relay is turned over REST: it must obey within 200 ms. Afterwards writing must go on within 5
s, nobody may have lost a reading, every call must stand in the audit, and people must have been told of both. Then the same
with a gateway that has memory for 800 readings only: exactly as many readings must be missing as it says that it dropped.
"""

from __future__ import annotations

import argparse
import random

from tests.faults.gateway import scratch
from tests.faults.outage import Limits, Outage, lasts
from tests.faults.record import Findings, run_as_command

NARROW_SHARE = 5  # of so many outages one is played on the gateway with little memory
MOST_ROOM = 60_000


def run(seed: int, runs: int, limits: Limits, *, is_narrow: bool, least_s: float = 0.0) -> Findings:
    """Fill the disk of one gateway `runs` times, each time for at least `least_s` seconds."""
    found, dice = Findings(), random.Random(seed)
    with scratch() as folder:
        outage = Outage(folder, found, limits, is_narrow=is_narrow)
        try:
            for number in range(runs):
                room = 0 if is_narrow or number == 0 else dice.choice((0, 0, dice.randrange(MOST_ROOM)))
                lasts_s = max(least_s, lasts(dice))
                what = f"seed {seed}, outage {number}, {room} bytes left"
                outage.one(what, lambda room=room: outage.control.fill(room), outage.control.heal, lasts_s)
            outage.count()
            outage.expect_told()
        except AssertionError as error:
            found.fail(str(error))
        finally:
            outage.close()
    return found


def full(options: argparse.Namespace) -> Findings:
    """Play most outages with a relay board, and the rest with little memory."""
    narrow = max(1, options.runs // NARROW_SHARE)
    found = run(options.seed, max(1, options.runs - narrow), Limits(), is_narrow=False)
    found.take(run(options.seed + 1, narrow, Limits(), is_narrow=True, least_s=5.0))
    return found


if __name__ == "__main__":
    run_as_command("R4", __doc__, full, runs=200)

"""R14: two relays that must never meet never do, under a storm of commands from everywhere.

A whole gateway in memory, two boards, fourteen channels: interlocks over both boards, an exclusive group, a feeder with its
fuse, conditions, rests, duty cycles, protections. People, a rule and thumbs call at random, several in one moment; buttons are
pressed on the boards, boards fall silent, leave and come back, everything is stopped and reset. Each command that turns something
on is judged by what the boards are at that moment: no other of its interlock is on, 300 ms since the last went off, the fuse
holds, 150 ms between starts.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import tempfile
from pathlib import Path

from autocore.testing import Car
from tests.faults.record import Findings, run_as_command
from tests.faults.storm import Storm, random_act

STEPS_A_CAR = 5_000


async def storms(seed: int, steps: int, found: Findings) -> None:
    """Let a storm rage for so many steps."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        storm = Storm(Car(Path(folder)))
        await storm.start()
        for _ in range(steps):
            await random_act(storm, dice)
        await storm.close()
    found.runs += steps
    found.add("turned_on", storm.commands)
    for fault in storm.faults:
        found.fail(f"seed {seed}: {fault}")


def _full(options: argparse.Namespace) -> Findings:
    logging.disable(logging.CRITICAL)
    found = Findings()
    for number in range(-(-options.runs // STEPS_A_CAR)):
        asyncio.run(storms(options.seed + number, min(STEPS_A_CAR, options.runs), found))
    return found


if __name__ == "__main__":
    run_as_command("R14", __doc__, _full, runs=1_000_000)

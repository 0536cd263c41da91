"""R20: a disk that became read-only, one with errors, and a gateway that has no file descriptors left.

As R4, with other faults: every write, creation and renaming fails with EROFS; writes, syncs or reads fail with EIO, all of
them or three of ten; opening files fails with EMFILE; and the process may really open nothing more (setrlimit). The gateway
must go on in memory, say so, and recover.
"""

from __future__ import annotations

import argparse
import errno
import random
import resource
from collections.abc import Callable
from pathlib import Path

from tests.faults.gateway import scratch
from tests.faults.outage import Limits, Outage, lasts
from tests.faults.record import Findings, run_as_command
from tests.faults.shim import Kinds

CHANGES = Kinds.WRITES | Kinds.NAMES | Kinds.OPENS_TO_WRITE
FAULTS: dict[str, tuple[int, Kinds, int]] = {
    "read-only": (errno.EROFS, CHANGES, 1000),
    "every write fails": (errno.EIO, Kinds.WRITES, 1000),
    "every sync fails": (errno.EIO, Kinds.SYNCS, 1000),
    "every read fails": (errno.EIO, Kinds.READS, 1000),
    "three of ten calls fail": (errno.EIO, Kinds.WRITES | Kinds.SYNCS | Kinds.READS | Kinds.NAMES, 300),
    "nothing can be opened": (errno.EMFILE, Kinds.OPENS, 1000),
}
NO_DESCRIPTORS = "no descriptors left"
NAMES = (*FAULTS, NO_DESCRIPTORS)
LOUD = ("read-only", "every write fails", "every sync fails")
"""Faults of which people must hear."""


def fault(outage: Outage, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Give what begins and what ends a fault."""
    if name == NO_DESCRIPTORS:
        pid = outage.gateway.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)

        def fail() -> None:
            opened = max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir())
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(opened + 1, before[1]), before[1]))

        return fail, lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, before) and None
    error, kinds, chance = FAULTS[name]
    return lambda: outage.control.fail(error, kinds, chance), outage.control.heal


def run(seed: int, names: list[str], limits: Limits, *, is_narrow: bool = False, least_s: float = 0.0) -> Findings:
    """Play these faults on one gateway, each for at least `least_s` seconds."""
    found, dice = Findings(), random.Random(seed)
    with scratch() as folder:
        outage = Outage(folder, found, limits, is_narrow=is_narrow)
        try:
            for number, name in enumerate(names):
                fail, heal = fault(outage, name)
                outage.one(f"seed {seed}, outage {number}, {name}", fail, heal, max(least_s, lasts(dice)))
                found.add(name.replace(" ", "_").replace("-", "_"))
            outage.count()
            if any(name in LOUD for name in names):
                outage.expect_told()
        except AssertionError as error:
            found.fail(str(error))
        finally:
            outage.close()
    return found


def full(options: argparse.Namespace) -> Findings:
    """Play every fault equally often, the last fifth on gateways with little memory."""
    dice = random.Random(options.seed)
    narrow = max(1, options.runs // 5)
    names = [NAMES[number % len(NAMES)] for number in range(max(1, options.runs - narrow))]
    dice.shuffle(names)
    found = run(options.seed, names, Limits())
    found.take(
        run(options.seed + 1, [LOUD[number % len(LOUD)] for number in range(narrow)], Limits(), is_narrow=True, least_s=5.0)
    )
    return found


if __name__ == "__main__":
    run_as_command("R20", __doc__, full, runs=210)

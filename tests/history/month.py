"""A month that lies behind: a data folder as thirty days of driving leave it."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path

from autocore.core.clock import MS, NS, Timeline
from autocore.core.config.sections import HistorySection
from autocore.core.storage.state import StateStore
from autocore.history.columns import Batch, Run
from autocore.history.history import History
from autocore.history.rollup import HOUR_MS
from autocore.history.shelf import Shelf
from autocore.testing import FakeClock

DAYS = 30
IN_HOUR = 120
SPIKE = 140.0
"""Read once, in the middle of the month."""


def temperature(hour: int, number: int) -> float:
    """Give the coolant's temperature as it was: warm by day, with one spike."""
    if (hour, number) == (DAYS * 12, IN_HOUR // 2):
        return SPIKE
    return round(60 + 25 * math.sin(2 * math.pi * hour / 24) + math.sin(number / 9), 1)


async def fill_month(folder: Path, entity: str) -> None:
    """Write thirty days of readings of one entity, up to an hour ago."""
    clock = FakeClock(wall_ns=time.time_ns() - (DAYS * 24 + 1) * HOUR_MS * MS)
    store = StateStore(folder)
    await store.open()
    boot = await store.begin_boot(clock)
    await store.close()
    history = History(clock, folder, Timeline(boot.offsets), boot=boot.number, section=HistorySection())
    await history.open()
    started_ms = clock.monotonic_ns() // MS
    await history.database.run(lambda: history.upkeep.shelf().name([(1, entity)]))
    for hour in range(DAYS * 24):
        first = 1 + hour * IN_HOUR
        times = [started_ms + hour * HOUR_MS + number * HOUR_MS // IN_HOUR for number in range(IN_HOUR)]
        run = Run(list(range(first, first + IN_HOUR)), times, [temperature(hour, number) for number in range(IN_HOUR)])
        span = history.recorder.span + hour
        await history.database.run(partial(_finish, history.upkeep.shelf, span, boot.number, run))
    assert clock.monotonic_ns() > NS
    await history.close()


def _finish(shelf_of: partial[Shelf], span: int, boot: int, run: Run) -> None:
    shelf = shelf_of()
    shelf.put_series(span, [(1, run)], frozenset())
    shelf.write([], span, boot, Batch([1] * IN_HOUR, *run))
    shelf.finish(span)

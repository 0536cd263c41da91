"""W7: a chart of one sensor over 30 days, 1 000 points, as the web asks for it. The figure is its time in ms.

The history is packed by the gateway's own code, hour by hour, as it would be by driving. `--rows 50000000` is the full form.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from functools import partial
from pathlib import Path

import psutil

from autocore.core.clock import EARLIEST_WALL_NS, MS, NS, Timeline
from autocore.core.config.sections import HistorySection
from autocore.history.columns import Batch, Run
from autocore.history.history import History
from autocore.testing import FakeClock
from benchmarks.measure import report

SENSORS = 20
DAYS = 30
ASKED = 20
HOUR_MS = 3_600_000


async def fill(history: History, rows: int) -> None:
    """Write finished hours of readings of 20 sensors."""
    noise = random.Random(7)
    hours = DAYS * 24
    amount = rows // hours // SENSORS
    shapes = [[round(20 + noise.gauss(0, 2), 1) for _ in range(amount)] for _ in range(SENSORS)]
    steps = [number * HOUR_MS // amount for number in range(amount)]
    shelf = history.upkeep.shelf
    await history.database.run(lambda: shelf().name([(one, f"sensor.s{one}") for one in range(1, SENSORS + 1)]))
    for hour in range(hours):
        first = 1 + hour * amount * SENSORS
        times = [hour * HOUR_MS + step for step in steps]
        runs = [
            (one, Run(list(range(first + one, first + one + amount * SENSORS, SENSORS)), times, shapes[(one + hour) % SENSORS]))
            for one in range(1, SENSORS + 1)
        ]
        span = (1 << 20) + hour
        await history.database.run(partial(finish, history, span, runs))


def finish(history: History, span: int, runs: list[tuple[int, Run]]) -> None:
    """Write one finished hour."""
    shelf = history.upkeep.shelf()
    shelf.put_series(span, runs, frozenset())
    run = runs[0][1]
    # A batch of one reading stands for those that the hour was made of.
    for place in (0, -1):
        shelf.write([], span, 1, Batch([1], [run.seqs[place]], [run.times_ms[place]], [run.values[place]]))
    shelf.finish(span)


async def measure(rows: int) -> None:
    """Fill a history and ask for charts."""
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        timeline = Timeline({1: EARLIEST_WALL_NS, 2: EARLIEST_WALL_NS})
        history = History(clock, Path(folder), timeline, boot=2, section=HistorySection(quota=10**11))
        await history.open()
        started = time.perf_counter()
        await fill(history, rows)
        filled_s = time.perf_counter() - started
        await history.close()

        history = History(clock, Path(folder), timeline, boot=2, section=HistorySection(quota=10**11))
        await history.open()
        end_ns = EARLIEST_WALL_NS + DAYS * 24 * HOUR_MS * MS
        size = (Path(folder) / "history.db").stat().st_size
        runs, days = [], []
        for number in range(ASKED):
            name = f"sensor.s{number % SENSORS + 1}"
            started = time.perf_counter()
            answer = await history.past.query(name, from_ns=EARLIEST_WALL_NS, to_ns=end_ns, points=1_000)
            runs.append((time.perf_counter() - started) * 1_000)
            assert 500 <= len(answer.points) <= 1_000
            started = time.perf_counter()
            await history.past.query(name, from_ns=end_ns - 86_400 * NS, to_ns=end_ns, points=1_000)
            days.append((time.perf_counter() - started) * 1_000)
        await history.close()
        rss = psutil.Process().memory_info().rss / 1e6
        day_ms = sorted(days)[len(days) // 2]
        more = {
            "rows": rows,
            "bytes_per_reading": size / rows,
            "day_ms": day_ms,
            "first_ms": runs[0],
            "filled_s": filled_s,
            "rss_mb": rss,
        }
        report("w7_history", "ms", runs, resolution=answer.resolution.value, **more)


def main() -> None:
    """Measure it once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    asyncio.run(measure(parser.parse_args().rows))


if __name__ == "__main__":
    main()

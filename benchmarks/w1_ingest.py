"""W1: 100 devices x 10 sensors publish JSON; each message becomes a state and a row. The figure is what was sustained.

A rate counts when every message arrived, every final state is right and every row is in the database within the flush
interval and two seconds. `--rate R --seconds S` runs one rate; the default climbs.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import time

from autocore.history.columns import unpack_batch
from autocore.simulator import LoadSettings, run_load
from benchmarks.measure import CONFIG, Gateway, gateway, report

FLUSH_S = 2
DEVICES = 100
SENSORS = 10


def rows_of(bench: Gateway) -> int:
    """Give how many readings of the load are on disk."""
    with sqlite3.connect(f"file:{bench.folder}/data/history.db?mode=ro", uri=True) as database:
        load = "SELECT number FROM series WHERE entity LIKE 'sensor.load_%'"
        spans = f"SELECT coalesce(sum(count), 0) FROM hour JOIN span ON number = key >> 24 WHERE key & 16777215 IN ({load})"
        series = {row[0] for row in database.execute(load)}
        batches = [unpack_batch(row[0]) for row in database.execute("SELECT data FROM batch")]
        finished = int(database.execute(spans).fetchone()[0])
        return finished + sum(one in series for batch in batches for one in batch.series)


def sustained(rate: float, seconds: float) -> tuple[bool, float, float, float]:
    """Give whether a rate held, the rate as sent, the CPU seconds for 10 000 messages, and the memory in MB."""
    with gateway(f"{CONFIG}\nhistory: {{flush_s: {FLUSH_S}}}\n") as bench:
        settings = LoadSettings(
            devices=DEVICES, sensors=SENSORS, rate=rate, seconds=seconds, port=bench.mqtt_port, registers=False
        )
        before = bench.cpu_s()
        result = asyncio.run(run_load(settings))
        deadline = time.monotonic() + FLUSH_S + 2
        rows = 0
        while time.monotonic() < deadline and rows < result.sent:
            time.sleep(0.1)
            rows = rows_of(bench)
        cost = (bench.cpu_s() - before) / result.sent * 10_000
        return rows == result.sent and result.late_s < 1.0, result.rate, cost, bench.rss_mb()


def main() -> None:
    """Climb until a rate does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    best = (0.0, 0.0, 0.0)
    for rate in [options.rate] if options.rate else [5_000, 10_000, 12_000, 14_000, 16_000, 20_000, 30_000]:
        held, _, cost, memory = sustained(rate, options.seconds)
        print(f"{rate:>8.0f} msg/s: {'held' if held else 'not held'}, {cost:.2f} CPU-s per 10 000, {memory:.0f} MB")
        if not held:
            break
        best = (float(rate), cost, memory)  # the offered rate: `sent` also counts the time until the broker had read all
    report("w1_ingest", "msg/s", [best[0]], seconds=options.seconds, cpu_s_per_10k=best[1], rss_mb=best[2])


if __name__ == "__main__":
    main()

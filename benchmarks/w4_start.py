"""W4: from the command to the first answer, and the memory of an idle gateway and of one with 1 000 entities."""

from __future__ import annotations

import asyncio
import statistics
import time

from autocore.simulator import LoadSettings, run_load
from benchmarks.measure import gateway, report

STARTS = 7


def main() -> None:
    """Start it seven times."""
    starts, idle = [], []
    for _ in range(STARTS):
        with gateway() as bench:
            starts.append(bench.start_s)
            time.sleep(0.5)
            idle.append(bench.rss_mb())
    with gateway() as bench:
        load = LoadSettings(devices=100, sensors=10, rate=1_000, seconds=2, port=bench.mqtt_port, registers=False)
        asyncio.run(run_load(load))
        time.sleep(1)
        full = bench.rss_mb()
    report("w4_start", "s", starts, rss_idle_mb=statistics.median(idle), rss_1000_entities_mb=full)


if __name__ == "__main__":
    main()

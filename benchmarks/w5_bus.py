"""W5: events through the bus and states through the registry, in the process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from autocore.core.bus import Bus
from autocore.core.clock import Sequence, SystemClock
from autocore.core.entities import EntityRegistry
from autocore.core.kinds import Sensor
from benchmarks.measure import report

TURNS = 5


def rate(act: Callable[[], object], times: int) -> float:
    """Give how often a second `act` runs: the median of five turns."""
    rates = []
    for _ in range(TURNS):
        started = time.perf_counter()
        for _ in range(times):
            act()
        rates.append(times / (time.perf_counter() - started))
    return statistics.median(rates)


def main() -> None:
    """Measure with one listener, a hundred, and none."""
    clock, sequence = SystemClock(), Sequence(1, lambda limit: None)
    few, many = Bus(clock, sequence), Bus(clock, sequence)
    few.on("tick", lambda event: None)
    for _ in range(100):
        many.on("tick", lambda event: None)
    entities = EntityRegistry(clock, sequence, few, boot=1)
    alone = entities.add("bench", Sensor("alone"))
    heard = entities.add("bench", Sensor("heard"))
    entities.on("sensor.heard", lambda entity, old, new: None)
    report(
        "w5_bus",
        "events/s",
        [rate(lambda: few.emit("tick"), 100_000)],
        listeners_100=rate(lambda: many.emit("tick"), 5_000),
        state_set=rate(lambda: alone.set(1.5), 100_000),
        state_set_one_listener=rate(lambda: heard.set(1.5), 100_000),
    )


if __name__ == "__main__":
    main()

"""R12 and R12b: whatever dies while a winch is held, it is off 600 ms after the stamp of the last beat; and a good link holds it.

In virtual time: a whole gateway in memory and the rules of a board, with a network between them and the hand that loses, delays,
doubles and bunches single messages. The tab, the display, the Wi-Fi, the broker or the gateway dies at a random moment of a hold.
The winch must be off in time, and nothing that comes late may turn it on again. R12b holds for an hour and counts how often the
winch lets go although the thumb is there. One run in twenty is with real processes: see `r12_real`.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import tempfile
import time
from pathlib import Path

from autocore.testing import Car
from tests.faults import r12_real
from tests.faults.record import Findings, run_as_command, write
from tests.faults.thumb import Death, Figures, Thumb, Vehicle, one_hold

MOODS: tuple[dict[str, float], ...] = (
    {"loss": 0.0, "delay_ms": 2, "jitter_ms": 5, "doubles": 0.0, "stalls": 0.0},
    {"loss": 0.01, "delay_ms": 5, "jitter_ms": 50, "doubles": 0.01, "stalls": 0.0},
    {"loss": 0.05, "delay_ms": 5, "jitter_ms": 150, "doubles": 0.05, "stalls": 0.002},
    {"loss": 0.2, "delay_ms": 20, "jitter_ms": 400, "doubles": 0.2, "stalls": 0.02},
)
HOLDS_A_CAR = 200  # then a fresh gateway
CALM: dict[str, float] = {"loss": 0.0, "delay_ms": 2, "jitter_ms": 0, "doubles": 0.0, "stalls": 0.0}
ONE_REAL_IN = 20
HOUR_S = 3_600.0
LINKS = (("1_50", 0.01, 50.0), ("5_150", 0.05, 150.0))


async def many(seed: int, amount: int, figures: Figures) -> None:
    """Hold so often, each time with another death and another network."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        vehicle = Vehicle(Car(Path(folder)), dice)
        await vehicle.start()
        try:
            for _ in range(amount):
                vehicle.spoil(**CALM)
                await vehicle.wait(1.0)  # the board is welcomed, and the last hold forgotten
                vehicle.spoil(**dice.choice(MOODS))
                await one_hold(vehicle, dice.choice(list(Death)), figures)
        finally:
            await vehicle.close()


async def an_hour(seed: int, loss: float, jitter_ms: float, for_s: float = HOUR_S) -> int:
    """Hold for so long on such a link, pressing again whenever it lets go, and give how often it did."""
    dice = random.Random(seed)
    releases = 0
    with tempfile.TemporaryDirectory() as folder:
        vehicle = Vehicle(Car(Path(folder)), dice)
        await vehicle.start()
        vehicle.spoil(loss=loss, delay_ms=5.0, jitter_ms=jitter_ms)
        until_ns = vehicle.car.clock.monotonic_ns() + round(for_s * 1e9)
        try:
            while vehicle.car.clock.monotonic_ns() < until_ns:
                thumb = vehicle.thumb = Thumb(vehicle)
                thumb.press()
                while thumb.ending is None and vehicle.car.clock.monotonic_ns() < until_ns:
                    await vehicle.wait(0.5)
                releases += thumb.began and thumb.ending is not None
                await vehicle.wait(1.0)
        finally:
            await vehicle.close()
    return releases


def _full(options: argparse.Namespace) -> Findings:
    logging.disable(logging.CRITICAL)  # two lines a hold
    found = Findings()
    figures = Figures()
    real = options.runs // ONE_REAL_IN
    left, seed = options.runs - real, options.seed
    while left > 0:
        amount = min(left, HOLDS_A_CAR)
        asyncio.run(many(seed, amount, figures))
        left, seed = left - amount, seed + 1
    found.runs = options.runs - real
    for fault in figures.faults:
        found.fail(fault)
    found.figures = {
        "virtual_runs": found.runs,
        "held": figures.began,
        "not_begun": figures.refused,
        "worst_ms": figures.worst_ms,
    }
    if real:
        found.take(_named("real", r12_real.play(options.seed, real)))
    if options.full:
        _hours(options.seed)
    return found


def _named(word: str, found: Findings) -> Findings:
    found.figures = {f"worst_{word}_{name.removeprefix('worst_')}": value for name, value in found.figures.items()}
    found.figures[f"{word}_runs"] = found.runs
    return found


def _hours(seed: int) -> None:
    """R12b: how often a link lets go within an hour."""
    found, started = Findings(), time.monotonic()
    for name, loss, jitter_ms in LINKS:
        releases = asyncio.run(an_hour(seed, loss, jitter_ms))
        found.runs += 1
        found.figures[f"false_releases_{name}"] = releases
        if name == LINKS[0][0] and releases > 1:
            found.fail(f"{releases} false releases in an hour at 1 % loss and 50 ms jitter")
    print(write("R12b", seed, found, time.monotonic() - started, {}))


if __name__ == "__main__":
    run_as_command("R12", __doc__, _full, runs=10_000)

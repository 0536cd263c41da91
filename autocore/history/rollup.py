"""Roll-ups: a minute or an hour of one series as lowest, highest, mean, last and number. Pure functions.

A switch counts as 0 and 1. A text has no lowest: of it only the last and the number of readings are kept. Means have six digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from autocore.history.columns import Kept, Run, pack, small, unpack

MINUTE_MS = 60_000
HOUR_MS = 3_600_000


class RollUp(NamedTuple):
    """A stretch of one series.

    Args:
        first_ms: monotonic time of its first reading.
        last_ms: monotonic time of its last.
        seq: the sequence number of its first reading.
        amount: readings in it, gaps left out.
        low: the lowest number; None for text, and when there is none.
        high: the highest.
        mean: of all readings alike, however long each held.
        last: the last reading; None when the entity was not available at the end.
    """

    first_ms: int
    last_ms: int
    seq: int
    amount: int
    low: float | None
    high: float | None
    mean: float | None
    last: Kept


def roll_up(run: Run) -> RollUp:
    """Give one roll-up of a run that has at least one reading."""
    numbers = [value for value in run.values if type(value) in (int, float, bool)]
    amount = sum(value is not None for value in run.values)
    low = high = mean = None
    if numbers:
        low, high = min(numbers), max(numbers)  # type: ignore[type-var]  # numbers only
        mean = rounded(math.fsum(numbers) / len(numbers))  # type: ignore[arg-type]  # numbers only
    low, high = (None if one is None else float(one) for one in (low, high))
    return RollUp(run.times_ms[0], run.times_ms[-1], run.seqs[0], amount, low, high, mean, small(run.values[-1]))


def minutes_of(run: Run) -> list[RollUp]:
    """Give a roll-up for each minute (of monotonic time) in which the run has readings."""
    found = []
    for _, places in groupby(range(len(run.seqs)), key=lambda place: run.times_ms[place] // MINUTE_MS):
        first, *rest = places
        end = rest[-1] + 1 if rest else first + 1
        found.append(roll_up(Run(run.seqs[first:end], run.times_ms[first:end], run.values[first:end])))
    return found


def joined(parts: Sequence[RollUp]) -> RollUp:
    """Give one roll-up of several that follow each other."""
    lows = [one.low for one in parts if one.low is not None]
    highs = [one.high for one in parts if one.high is not None]
    means = [(one.mean, one.amount) for one in parts if one.mean is not None]
    weight = sum(count for _, count in means)
    mean = rounded(math.fsum(mean * count for mean, count in means) / weight) if weight else None
    return RollUp(
        parts[0].first_ms,
        parts[-1].last_ms,
        parts[0].seq,
        sum(one.amount for one in parts),
        min(lows, default=None),
        max(highs, default=None),
        mean,
        parts[-1].last,
    )


def grouped(parts: Iterable[RollUp], width_ms: int) -> list[RollUp]:
    """Give roll-ups of `width_ms` of monotonic time each, made of shorter ones."""
    return [joined(list(some)) for _, some in groupby(parts, key=lambda one: one.first_ms // width_ms)]


def pack_roll_ups(parts: Sequence[RollUp]) -> bytes:
    """Give roll-ups of one series as bytes."""
    columns = list(zip(*parts, strict=True))
    return pack(columns[:4], columns[4:])


def unpack_roll_ups(data: bytes) -> list[RollUp]:
    """Give the roll-ups that `pack_roll_ups` made; raises StorageError when the bytes are damaged."""
    whole, values = unpack(data, 4, 4)
    return [RollUp(*one) for one in zip(*whole, *values, strict=True)]


def rounded(mean: float) -> float:
    """Give a mean to six significant digits: more are noise, and cost eight bytes each."""
    return float(f"{mean:.6g}")

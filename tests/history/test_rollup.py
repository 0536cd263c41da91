"""A minute and an hour tell the truth of the readings in them."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from autocore.history.columns import Run
from autocore.history.rollup import joined, minutes_of, pack_roll_ups, roll_up, unpack_roll_ups

VALUES = st.one_of(st.none(), st.integers(-1000, 1000), st.floats(-1e6, 1e6).map(lambda one: round(one, 2)))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    values = draw(st.lists(VALUES, min_size=1, max_size=120))
    steps = draw(st.lists(st.integers(0, 40_000), min_size=len(values), max_size=len(values)))
    times = [sum(steps[: place + 1]) for place in range(len(steps))]
    return Run(list(range(100, 100 + len(values))), times, values)


@given(runs())
def test_minutes_together_are_the_whole(run: Run) -> None:
    parts = minutes_of(run)
    whole, direct = joined(parts), roll_up(run)
    assert whole._replace(mean=None) == direct._replace(mean=None)
    known = [value for value in run.values if value is not None]
    assert whole.amount == len(known)
    assert (whole.low, whole.high) == ((min(known), max(known)) if known else (None, None))
    if known and whole.mean is not None:
        assert math.isclose(
            whole.mean, math.fsum(known) / len(known), rel_tol=1e-4, abs_tol=1e-3 * max(map(abs, known), default=1)
        )
    assert unpack_roll_ups(pack_roll_ups(parts)) == parts


def test_a_switch_counts_as_nought_and_one_and_a_text_has_only_its_last() -> None:
    lamp = roll_up(Run([1, 2], [0, 10], [True, False]))
    assert (lamp.low, lamp.high, lamp.mean, lamp.last) == (0.0, 1.0, 0.5, False)
    mode = roll_up(Run([1, 2, 3], [0, 10, 20], ["eco", "sport", None]))
    assert (mode.low, mode.high, mode.mean, mode.amount, mode.last) == (None, None, None, 2, None)

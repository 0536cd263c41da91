"""Statistics over a window of time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore_plugins.derived.window import FUNCTIONS, MOST_SAMPLES, NS, Window

SECONDS = st.lists(st.integers(0, 3_600), min_size=1, max_size=60).map(sorted)
VALUES = st.floats(-1e6, 1e6, allow_nan=False)


def window_of(readings: list[tuple[float, float]], window_s: float = 60.0) -> Window:
    window = Window(window_s)
    for at_s, value in readings:
        window.add(round(at_s * NS), value)
    return window


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("mean", 25.0),  # 10 held for 30 s, 40 for 30 s
        ("median", 25.0),
        ("min", 10.0),
        ("max", 40.0),
        ("range", 30.0),
        ("change", 30.0),
        ("rate", 1.0),
        ("deviation", 15.0),
        ("count", 2.0),
    ],
)
def test_each_function_says_what_its_name_promises(function: str, expected: float) -> None:
    window = window_of([(0, 10.0), (30, 40.0)])
    assert window.work_out(function, 60 * NS) == pytest.approx(expected)


def test_a_value_that_still_held_when_the_window_began_counts_from_there() -> None:
    window = window_of([(0, 100.0), (90, 0.0)])
    assert window.work_out("mean", 120 * NS) == pytest.approx(50.0)  # of 60..120: 30 s at 100, 30 s at 0


def test_what_ended_before_the_window_began_is_forgotten() -> None:
    window = window_of([(0, 999.0), (10, 5.0), (100, 7.0)])
    assert window.work_out("max", 100 * NS) == 7.0
    assert len(window) == 2


def test_an_empty_window_has_no_number() -> None:
    assert [Window(60).work_out(one, NS) for one in FUNCTIONS] == [None] * len(FUNCTIONS)


def test_one_reading_has_no_rate() -> None:
    assert window_of([(0, 5.0)]).work_out("rate", 10 * NS) is None


def test_a_flood_keeps_its_newest_readings() -> None:
    window = Window(60)
    for number in range(MOST_SAMPLES + 10):
        window.add(number, float(number))
    assert len(window) == MOST_SAMPLES
    assert window.work_out("max", MOST_SAMPLES + 10) == MOST_SAMPLES + 9


@given(SECONDS, st.data())
def test_mean_and_median_lie_between_smallest_and_largest(seconds: list[int], data: st.DataObject) -> None:
    readings = [(float(at_s), data.draw(VALUES)) for at_s in seconds]
    window = window_of(readings)
    now_ns = round((seconds[-1] + 1) * NS)
    least, most = window.work_out("min", now_ns), window.work_out("max", now_ns)
    assert least is not None
    assert most is not None
    for function in ("mean", "median"):
        value = window.work_out(function, now_ns)
        assert value is not None
        assert least - 1e-3 <= value <= most + 1e-3

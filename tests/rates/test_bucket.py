"""The bucket keeps what it promises, whatever comes and when."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from autocore.rates.bucket import NS, Bucket

RATES = st.integers(1, 5_000)
BURSTS = st.integers(1, 200)
GAPS = st.lists(
    st.one_of(st.just(0), st.integers(0, 2_000_000), st.integers(0, 3 * NS)), min_size=1, max_size=400
)  # ns between two


def arrivals(gaps: list[int], start_ns: int) -> list[int]:
    times, now = [], start_ns
    for gap in gaps:
        now += gap
        times.append(now)
    return times


@given(per_s=RATES, burst=BURSTS, gaps=GAPS, start_ns=st.integers(0, 10**18))
def test_in_any_stretch_of_time_no_more_pass_than_the_burst_and_the_rate(
    per_s: int, burst: int, gaps: list[int], start_ns: int
) -> None:
    bucket = Bucket(per_s, burst)
    passed = [now for now in arrivals(gaps, start_ns) if bucket.take(now)]
    each_ns = round(NS / per_s)
    for first in range(0, len(passed), 7):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - passed[first]) // each_ns


@given(per_s=RATES, burst=BURSTS, extra=st.lists(st.integers(0, NS), min_size=1, max_size=200))
def test_who_keeps_to_the_rate_is_never_refused(per_s: int, burst: int, extra: list[int]) -> None:
    bucket = Bucket(per_s, burst)
    each_ns = round(NS / per_s)
    assert all(bucket.take(now) for now in arrivals([each_ns + more for more in extra], 0))


@given(per_s=RATES, burst=BURSTS, gaps=GAPS)
def test_it_is_a_bucket_that_fills_and_is_emptied(per_s: int, burst: int, gaps: list[int]) -> None:
    bucket = Bucket(per_s, burst)
    each_ns = round(NS / per_s)
    level, before = Fraction(burst), 0
    for now in arrivals(gaps, 0):
        level = min(Fraction(burst), level + Fraction(now - before, each_ns))
        before = now
        is_enough = level >= 1
        assert bucket.take(now) == is_enough
        level -= is_enough


@given(per_s=RATES, burst=BURSTS, flood=st.integers(1, 1_000))
def test_a_flood_keeps_nothing_out_that_comes_after_it(per_s: int, burst: int, flood: int) -> None:
    bucket = Bucket(per_s, burst)
    each_ns = round(NS / per_s)
    assert sum(bucket.take(0) for _ in range(burst + flood)) == burst
    assert not bucket.take(each_ns - 1)
    assert bucket.take(each_ns)
    assert sum(bucket.take((burst + 1) * each_ns) for _ in range(burst + flood)) == burst

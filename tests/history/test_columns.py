"""Readings come back from the disk as they were, and damaged ones are never taken for readings."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import StorageError
from autocore.history.columns import Batch, Run, by_series, pack_batch, pack_run, unpack_batch, unpack_run

NUMBERS = st.one_of(
    st.integers(-(1 << 61), 1 << 61),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6).map(lambda one: round(one, 2)),
)
VALUES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=20))
LISTS = st.one_of(st.lists(one, max_size=60) for one in (VALUES, NUMBERS, st.booleans(), st.text(max_size=9)))


def same(left: object, right: object) -> bool:
    if isinstance(left, float) or isinstance(right, float):  # 800 and 800.0 are one reading of one sensor
        return float(left) == float(right) and math.copysign(1, left) == math.copysign(1, right)  # type: ignore[arg-type]
    return type(left) is type(right) and left == right


@given(values=LISTS, first=st.integers(0, 1 << 50), step=st.integers(1, 1 << 40))
def test_a_run_comes_back_as_it_was(values: list, first: int, step: int) -> None:
    run = Run([first + step * place for place in range(len(values))], [place * 10 for place in range(len(values))], values)
    back = unpack_run(pack_run(run))
    assert back[:2] == run[:2]
    assert all(same(one, other) for one, other in zip(back.values, values, strict=True))


@given(values=LISTS, series=st.lists(st.integers(1, 5), min_size=60, max_size=60))
def test_a_batch_comes_back_in_the_order_of_arrival(values: list, series: list[int]) -> None:
    amount = len(values)
    batch = Batch(series[:amount], list(range(7, 7 + amount)), list(range(amount)), values)
    back = unpack_batch(pack_batch(batch))
    assert back[:3] == batch[:3]
    assert all(same(one, other) for one, other in zip(back.values, values, strict=True))
    runs = by_series([back, back])
    assert sum(len(run.seqs) for run in runs.values()) == 2 * amount
    assert all(
        run.seqs[: len(run.seqs) // 2] == [7 + at for at in range(amount) if series[at] == one] for one, run in runs.items()
    )


def test_a_number_beyond_64_bits_is_kept_as_nearly_as_a_double_can() -> None:
    assert unpack_run(pack_run(Run([1, 2], [0, 1], [10**30, "on"]))).values == [1e30, "on"]


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_taken_for_a_reading(place: int, bit: int) -> None:
    run = Run(list(range(50)), list(range(50)), [round(21 + at / 10, 1) for at in range(50)])
    data = bytearray(pack_run(run))
    data[place % len(data)] ^= 1 << bit
    with contextlib.suppress(StorageError):
        assert unpack_run(bytes(data)) == run  # a bit of the head that means nothing


@pytest.mark.parametrize("data", [b"", b"photograph", pack_batch(Batch([1], [1], [1], [1.5]))])
def test_what_is_no_run_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(StorageError, match="damaged"):
        unpack_run(data)

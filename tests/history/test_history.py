"""What was measured is kept, found again by time, and drawn without losing a spike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.clock import EARLIEST_WALL_NS, NS
from autocore.core.entities import Entity
from autocore.core.errors import StorageError
from autocore.history.downsample import Point, down_sample
from autocore.testing import FakeClock
from tests.history.bench import Bench

HOUR = 3600


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, clock, offsets={1: EARLIEST_WALL_NS})
    await made.history.open()
    yield made
    await made.history.close()


async def test_a_reading_is_there_before_and_after_it_is_on_disk(bench: Bench) -> None:
    bench.rpm.set(800)
    assert await bench.values() == [800]
    assert bench.history.waiting == 1
    await bench.history.flush()
    bench.rpm.set(900)
    assert await bench.values() == [800, 900]
    assert (bench.history.rows_written, bench.history.waiting) == (1, 1)


async def test_the_disk_is_written_every_thirty_seconds_or_within_one_when_a_device_waits(bench: Bench) -> None:
    bench.history.start()
    bench.rpm.set(800)
    bench.clock.advance(29)
    await asyncio.sleep(0)
    assert bench.history.rows_written == 0
    bench.clock.advance(2)
    assert bench.history._flushing is not None
    await bench.history._flushing
    assert bench.history.rows_written == 1
    bench.rpm.set(801)
    bench.is_awaited = True
    bench.clock.advance(1.1)
    await bench.history._flushing
    assert (bench.history.rows_written, bench.acknowledged) == (2, 2)


async def test_unchanged_numbers_are_kept_and_unchanged_switches_are_not(bench: Bench) -> None:
    for _ in range(3):
        bench.rpm.set(800)
        bench.lamp.set(True)
    bench.lamp.lose()
    assert await bench.values() == [800, 800, 800]
    assert [point.value for point in await bench.history.query("switch.lamp")] == [True, None]
    assert await bench.history.query("sensor.nothing") == []


async def test_a_window_finds_what_lies_in_it(bench: Bench) -> None:
    start_ns = bench.clock.monotonic_ns() + EARLIEST_WALL_NS
    for hour in range(30):
        bench.rpm.set(hour)
        bench.clock.advance(HOUR)
        if hour % 7 == 0:
            await bench.history.flush()
    assert await bench.values() == list(range(6, 30))  # the last 24 hours
    assert await bench.values(from_ns=start_ns + 2 * HOUR * NS, to_ns=start_ns + 5 * HOUR * NS) == [2, 3, 4, 5]
    assert await bench.values(from_ns=0, to_ns=start_ns - 1) == []


async def test_rows_of_every_start_are_found_and_undated_ones_are_dated_later(tmp_path: Path, clock: FakeClock) -> None:
    first = Bench(tmp_path, clock, boot=1, offsets={1: EARLIEST_WALL_NS})
    await first.history.open()
    first.rpm.set(1)
    await first.history.close()
    clock.advance(60)
    second = Bench(tmp_path, clock, boot=2, offsets={1: EARLIEST_WALL_NS}, seq=1_000)  # the clock was lost
    await second.history.open()
    second.rpm.set(2)
    await second.history.flush()
    assert await second.values() == [2]
    second.timeline.learn(2, EARLIEST_WALL_NS)
    assert await second.values() == [1, 2]
    points = await second.history.query("sensor.rpm")
    assert [(point.boot, point.seq >= 1_000) for point in points] == [(1, False), (2, True)]
    await second.history.close()


async def test_a_disk_that_takes_nothing_loses_nothing_that_fits_in_memory(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(work: object) -> None:
        raise StorageError("disk full")

    working = bench.history.database.run
    monkeypatch.setattr(bench.history.database, "run", full)
    monkeypatch.setattr("autocore.history.recorder.MOST_WAITING", 3)
    for value in range(5):
        bench.rpm.set(value)
    await bench.history.flush()
    await bench.history.flush()
    assert (bench.history.dropped, bench.history.waiting, bench.acknowledged) == (2, 3, 0)
    assert len([one for one in caplog.records if "cannot be written" in one.getMessage()]) == 1
    monkeypatch.setattr(bench.history.database, "run", working)
    await bench.history.flush()
    assert await bench.values() == [2, 3, 4]
    assert not bench.history.is_failing


@given(
    values=st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=300),
    limit=st.integers(4, 60),
)
def test_a_short_series_keeps_the_highest_and_the_lowest(values: list[float | None], limit: int) -> None:
    points = [Point(number, 1, number * NS, value) for number, value in enumerate(values)]
    short = down_sample(points, limit)
    assert len(short) <= limit
    assert [one.seq for one in short] == sorted({one.seq for one in short})
    known = [one for one in values if one is not None]
    if known:
        kept = [one.value for one in short if one.value is not None]
        assert (min(kept), max(kept)) == (min(known), max(known))  # type: ignore[type-var]  # numbers only
    if points:
        assert (short[0], short[-1]) == (points[0], points[-1])


def test_text_keeps_its_newest() -> None:
    points = [Point(number, 1, number, f"mode {number}") for number in range(20)]
    assert down_sample(points, 5) == points[-5:]


async def test_taking_a_reading_is_heard_through_the_entity(bench: Bench) -> None:
    entity: Entity = bench.rpm
    entity.set(1)
    assert bench.history.recorder.number_of("sensor.rpm") == 1

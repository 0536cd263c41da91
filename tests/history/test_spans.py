"""Finished hours are packed, short answers lose no spike, and the quota holds while the vehicle drives on."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.core.clock import EARLIEST_WALL_NS, NS
from autocore.core.config.sections import HistorySection, Recording
from autocore.core.errors import StorageError
from autocore.core.kinds import Sensor, Text
from autocore.history.past import Resolution
from autocore.history.shelf import Shelf
from autocore.testing import FakeClock
from tests.history.bench import Bench

HOUR = 3600
START_NS = EARLIEST_WALL_NS


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path, FakeClock(), offsets={1: START_NS})
    await made.history.open()
    yield made
    await made.history.close()


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("history.db*") if file.suffix != ".db-shm")


async def drive(bench: Bench, hours: float, every_s: int = 30) -> list[float]:
    """Report rpm every `every_s` seconds; the disk is written and tidied as it goes."""
    told = []
    for turn in range(int(hours * HOUR / every_s)):
        value = 800 + turn % 600 + (5_000 if turn % 997 == 500 else 0)
        bench.rpm.set(value)
        told.append(value)
        bench.clock.advance(every_s)
        if turn % 20 == 0:
            await bench.history.flush()
    await bench.history.flush()
    await bench.history._care()
    return told


def tables(bench: Bench) -> dict[str, int]:
    names = ("batch", "span", "block", "minutes", "hour", "sample")
    with sqlite3.connect(bench.history.database.file) as sql:
        return {name: sql.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


async def test_a_finished_hour_becomes_one_block_of_each_series(bench: Bench) -> None:
    told = await drive(bench, 3.5)
    found = tables(bench)
    assert (found["span"], found["block"], found["minutes"], found["hour"]) == (3, 3, 3, 3)
    assert found["batch"] <= 7  # those of the hour that is being written
    assert await bench.values(points=10_000) == told


async def test_nothing_is_doubled_or_missed_while_an_hour_is_being_packed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await drive(bench, 0.9)
    bench.clock.advance(HOUR)
    bench.rpm.set(7)
    await bench.history.flush()

    def stop(_self: Shelf, _span: int) -> None:
        raise StorageError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(Shelf, "finish", stop)
        await bench.history._care()
    assert await bench.values(points=10_000) == [*told, 7]
    await bench.history._care()
    assert tables(bench)["span"] == 1
    assert await bench.values(points=10_000) == [*told, 7]


async def test_readings_that_are_not_packed_yet_leave_their_minutes_and_hours_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FakeClock(), offsets={1: START_NS}, section=HistorySection(quota=1_000_000))
    await bench.history.open()
    dice = random.Random(5)
    told = 0
    for turn in range(120):  # nobody comes to pack anything: what floods in is written every half minute
        for _ in range(1_500):
            bench.rpm.set(dice.random() * 7_000)
            bench.clock.advance(0.02)
            told += 1
        await bench.history.flush()
        assert size_of(tmp_path) <= 1_000_000, turn
    assert bench.history.upkeep.thrown_out > 0
    found = await bench.history.past.statistics("sensor.rpm", from_ns=START_NS)
    assert found is not None
    assert found.amount == told
    with sqlite3.connect(bench.history.database.file) as sql:
        known = "SELECT number FROM span UNION SELECT span FROM batch"
        for table in ("block", "minutes", "hour"):
            assert sql.execute(f"SELECT count(*) FROM {table} WHERE key >> 24 NOT IN ({known})").fetchone() == (0,)
    await bench.history.close()


async def test_a_month_is_drawn_from_roll_ups_and_keeps_its_spike(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await drive(bench, 24 * 25, every_s=120)
    read: list[str] = []
    run = Shelf.run
    monkeypatch.setattr(Shelf, "run", lambda self, span, series: read.append("raw") or run(self, span, series))
    answer = await bench.history.past.query("sensor.rpm", from_ns=START_NS, points=1_000)
    assert answer.resolution is Resolution.HOURS
    assert read == []
    assert len(answer.points) <= 1_000
    assert max(point.value for point in answer.points) == max(told) > 5_000
    assert min(point.value for point in answer.points) == min(told)
    assert [point.seq for point in answer.points] == sorted(point.seq for point in answer.points)
    day = await bench.history.past.query("sensor.rpm", points=1_000)
    assert day.resolution is Resolution.READINGS  # 720 of them
    two_days = await bench.history.past.query("sensor.rpm", from_ns=START_NS + 86_400 * NS * 20, points=100)
    assert two_days.resolution is Resolution.HOURS


async def test_statistics_are_those_of_the_readings(bench: Bench) -> None:
    told = await drive(bench, 5)
    now_ns = bench.clock.monotonic_ns() + START_NS
    found = await bench.history.past.statistics("sensor.rpm")
    assert found is not None
    assert (found.amount, found.low, found.high, found.last) == (len(told), min(told), max(told), told[-1])
    assert found.mean == pytest.approx(sum(told) / len(told), rel=1e-4)
    part = await bench.history.past.statistics("sensor.rpm", from_ns=now_ns - 90 * 60 * NS, to_ns=now_ns)
    assert part is not None
    assert part.amount == 180
    assert await bench.history.past.statistics("sensor.nothing") is None


async def test_every_reading_comes_out_for_a_file_in_order_and_once(bench: Bench) -> None:
    told = await drive(bench, 3.2)
    bench.rpm.set(1)
    given = [point.value async for piece in bench.history.past.readings("sensor.rpm") for point, _ in piece]
    assert given == [*told, 1]
    assert await bench.history.past.amount("sensor.rpm") == len(given)


async def test_a_file_that_is_taken_slowly_holds_every_reading_once_though_its_hour_is_finished_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocore.history.past.PIECE", 10)
    told = await drive(bench, 1.5)
    pieces = bench.history.past.readings("sensor.rpm", to_ns=START_NS + 24 * HOUR * NS)
    taken = [await anext(pieces) for _ in range(13)]  # it has begun with the hour that goes on
    assert tables(bench)["span"] == 1
    told += await drive(bench, 1.5)
    assert tables(bench)["span"] > 1
    taken += [piece async for piece in pieces]
    assert [point.value for piece in taken for point, _ in piece] == told
    assert max(len(piece) for piece in taken) == 10


async def test_readings_that_are_not_numbers_live_on_in_blocks(bench: Bench) -> None:
    mode = bench.entities.add("telemetry", Text("mode"))
    for hour in range(3):
        mode.set(f"mode {hour}")
        bench.lamp.set(hour % 2 == 0)
        bench.clock.advance(HOUR)
        bench.rpm.set(hour)
        await bench.history.flush()
    await bench.history._care()
    assert [one.value for one in await bench.history.query("text.mode")] == ["mode 0", "mode 1", "mode 2"]
    assert [one.value for one in await bench.history.query("switch.lamp")] == [True, False, True]


async def test_the_quota_holds_and_the_oldest_readings_go_before_any_minute(tmp_path: Path) -> None:
    quota = 1_000_000
    bench = Bench(tmp_path, FakeClock(), offsets={1: START_NS}, section=HistorySection(quota=quota))
    await bench.history.open()
    others = [bench.entities.add("telemetry", Sensor(f"noise_{number}")) for number in range(30)]
    largest, noise = 0, random.Random(1)
    for turn in range(4 * 360):  # four hours
        for one in others:
            one.set(noise.random())  # hardly to be packed
        bench.clock.advance(10)
        if turn % 20 == 0:
            await bench.history.flush()
            await bench.history._care()
        largest = max(largest, size_of(tmp_path))
    await bench.history.flush()
    assert largest <= quota
    assert bench.history.upkeep.thrown_out > 0
    assert bench.history.dropped == 0
    with sqlite3.connect(tmp_path / "history.db") as sql:
        levels = [row[0] for row in sql.execute("SELECT level FROM span ORDER BY number")]
    assert levels == sorted(levels, reverse=True)
    found = await bench.history.past.query("sensor.noise_3", points=200)
    assert found.points
    await bench.history.close()


async def test_a_smaller_quota_gives_the_disk_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FakeClock(), offsets={1: START_NS})
    await bench.history.open()
    noise = random.Random(1)
    for _ in range(150_000):
        bench.rpm.set(noise.random())
        bench.clock.advance(0.1)
    await bench.history.flush()
    await bench.history._care()
    await bench.history.close()
    before = (tmp_path / "history.db").stat().st_size
    bench = Bench(tmp_path, bench.clock, boot=2, offsets={1: START_NS}, seq=200_000, section=HistorySection(quota=1_000_000))
    await bench.history.open()
    await bench.history._care()
    await bench.history.close()
    assert (tmp_path / "history.db").stat().st_size < min(before, 1_000_000)


RULES = (
    Recording("sensor.slow", min_interval_s=60),
    Recording("sensor.calm", deadband=0.5),
    Recording("sensor.often", "every change"),
    Recording("sensor.rough", "roll-ups only"),
    Recording("text", "never"),
)


async def test_what_is_kept_follows_the_rules(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FakeClock(), offsets={1: START_NS}, section=HistorySection(record=RULES))
    await bench.history.open()
    names = ("slow", "calm", "often", "rough")
    sensors = [bench.entities.add("telemetry", Sensor(name)) for name in names]
    bench.entities.add("telemetry", Text("note")).set("not kept")
    for turn in range(12):
        for one in sensors:
            one.set(20 + turn // 3 * 0.25)
        bench.clock.advance(10)
    sensors[1].lose()
    await bench.history.flush()
    kept = {name: [one.value for one in await bench.history.query(f"sensor.{name}")] for name in names}
    assert kept["slow"] == [20, 20.5]
    assert kept["calm"] == [20, 20.5, None]
    assert kept["often"] == [20, 20.25, 20.5, 20.75]
    assert len(kept["rough"]) == 12
    assert await bench.history.query("text.note") == []
    bench.clock.advance(HOUR)
    sensors[2].set(1)
    await bench.history.flush()
    await bench.history._care()
    rough = [one.value for one in await bench.history.query("sensor.rough")]
    assert (rough[0], rough[-1], len(rough)) == (20, 20.75, 5)  # of each minute the lowest and the highest
    await bench.history.close()


async def test_readings_of_the_version_before_spans_are_carried_over(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "history.db")
    old.executescript((Path(__file__).parents[2] / "autocore/history/migrations/0001_initial.sql").read_text())
    old.execute("CREATE TABLE schema_version (component TEXT PRIMARY KEY, version INTEGER NOT NULL)")
    old.execute("INSERT INTO schema_version VALUES ('history', 1)")
    old.execute("INSERT INTO series VALUES (1, 'sensor.rpm')")
    rows = [(seq, 1, 1, seq * 600 * NS, float(seq)) for seq in range(1, 101)]
    old.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?)", rows)
    old.commit()
    old.close()
    bench = Bench(tmp_path, FakeClock(), boot=2, offsets={1: START_NS, 2: START_NS}, seq=1_000)
    await bench.history.open()
    bench.rpm.set(101)
    await bench.history._care()
    everything = await bench.history.query("sensor.rpm", from_ns=START_NS, to_ns=START_NS + 10**6 * NS, points=1_000)
    assert [one.value for one in everything] == [float(seq) for seq in range(1, 102)]
    assert tables(bench)["sample"] == 0
    await bench.history.close()

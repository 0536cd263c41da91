"""For any hand in the database there is a finding; for any journey, with crashes wherever they come, there is none."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autocore.audit.files import HEAD, KEY
from autocore.audit.lived import DAY_NS, MOST_BETWEEN_NS, Lived, Start
from autocore.audit.retention import Keep
from autocore.audit.verify import verify_folder
from autocore.core.clock import NS
from tests.audit.conftest import Vehicle, by_hand, record

QUICK = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
JOURNEYS = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = ("who", "via", "address", "service", "data", "outcome", "detail", "kind")
NUMBERS = ("boot", "at_ns", "number", "seq")
COLUMNS = "seq, boot, at_ns, who, via, address, service, data, outcome, detail, latency_s, kind, number, mac"


@pytest.fixture(scope="module")
def source() -> Iterator[Path]:
    """A chain with three starts, a crash, rows that retention removed, and a few of before."""
    with tempfile.TemporaryDirectory() as name:
        vehicle = Vehicle(Path(name), Keep(30, None))
        asyncio.run(vehicle.drive(20, 20, 6))
        assert vehicle.verify().is_intact
        yield Path(name)


class Hand:
    """One act in the database by somebody without the key."""

    def __init__(self, folder: Path, data: st.DataObject) -> None:
        self._data = data
        self.connection = sqlite3.connect(folder / "state.db", isolation_level=None)
        self.seqs = [row[0] for row in self.connection.execute("SELECT seq FROM audit ORDER BY seq")]

    def _row(self) -> int:
        return self._data.draw(st.sampled_from(self.seqs))

    def change(self) -> None:
        row = self._row()
        column = self._data.draw(st.sampled_from([*TEXTS, *NUMBERS, "latency_s", "mac"]))
        (old,) = self.connection.execute(f"SELECT {column} FROM audit WHERE seq = ?", (row,)).fetchone()
        if column in TEXTS:
            values: Any = st.text(st.characters(codec="utf-8"), max_size=8)
        elif column == "mac":
            values = st.binary(max_size=40)
        elif column == "latency_s":
            values = st.floats(allow_nan=False, allow_infinity=False)
        else:
            values = st.integers(-5, 2**62)
        if column == "seq":
            values = values.filter(lambda value: value not in self.seqs)
        new = self._data.draw(values.filter(lambda value: value != old))
        self.connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (new, row))

    def delete(self) -> None:
        gone = self._data.draw(st.sets(st.sampled_from(self.seqs), min_size=1))
        self.connection.executemany("DELETE FROM audit WHERE seq = ?", [(row,) for row in gone])

    def truncate(self) -> None:
        self.connection.execute("DELETE FROM audit WHERE seq >= ?", (self._row(),))

    def behead(self) -> None:
        self.connection.execute("DELETE FROM audit WHERE seq <= ?", (self._row(),))

    def swap(self) -> None:
        one, two = self._data.draw(st.lists(st.sampled_from(self.seqs), min_size=2, max_size=2, unique=True))
        for source, target in ((one, -1), (two, one), (-1, two)):
            self.connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (target, source))

    def insert(self) -> None:
        like = self._row()
        seq = self._data.draw(st.integers(0, self.seqs[-1] + 1_000).filter(lambda value: value not in self.seqs))
        row = list(self.connection.execute(f"SELECT {COLUMNS} FROM audit WHERE seq = ?", (like,)).fetchone())
        row[0] = seq
        if self._data.draw(st.booleans()):
            row[-2] += self._data.draw(st.integers(-2, 2))
        if self._data.draw(st.booleans()):
            row[-1] = self._data.draw(st.binary(min_size=32, max_size=32))
        self.connection.execute(f"INSERT INTO audit VALUES ({', '.join('?' * len(row))})", row)


@QUICK
@given(data=st.data(), act=st.sampled_from(["change", "delete", "truncate", "behead", "swap", "insert"]))
def test_no_hand_without_the_key_touches_a_row_unseen(source: Path, data: st.DataObject, act: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in ("state.db", KEY, HEAD):
            shutil.copy(source / file, folder / file)
        hand = Hand(folder, data)
        with closing(hand.connection):
            getattr(hand, act)()
        assert not verify_folder(folder).is_intact


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("act"), st.integers(1, 12)),
        st.sampled_from([("flush", 0), ("wait", 0), ("stop", 0), ("kill", 0), ("kill between", 0)]),
    ),
    max_size=14,
)


async def play(vehicle: Vehicle, acts: list[tuple[str, int]]) -> None:
    await vehicle.start()
    for what, amount in acts:
        audit = vehicle.audit
        if what == "act":
            for number in range(amount):
                audit.remember(record(number))
        elif what == "flush":
            await audit.flush()
        elif what == "wait":
            vehicle.clock.advance(7)
            await audit.flush()
        else:
            if what == "kill between":  # the rows are committed, and the power goes before the head is written
                vehicle.audit._head_ns = vehicle.clock.monotonic_ns()
                await audit.flush()
            await (vehicle.stop() if what == "stop" else vehicle.crash())
            assert vehicle.verify().is_intact, vehicle.found()
            await vehicle.start()
    assert vehicle.verify().is_intact, vehicle.found()
    await vehicle.stop()
    assert (vehicle.verify().is_intact, vehicle.losses) == (True, [])


@JOURNEYS
@given(acts=ACTS, most=st.sampled_from([15, 40, 50_000]))
def test_no_journey_with_crashes_and_retention_is_ever_suspected(acts: list[tuple[str, int]], most: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(play(Vehicle(Path(name), Keep(most, None)), acts))


@pytest.mark.parametrize("written", range(4))
def test_the_very_first_start_may_be_killed_between_any_two_of_its_files(tmp_path: Path, written: int) -> None:
    """Head, key, commit, head: whatever of them is there, the next start goes on and nobody is suspected."""

    async def first() -> None:
        vehicle = Vehicle(tmp_path)
        await vehicle.start()
        await vehicle.crash()

    asyncio.run(first())
    vehicle = Vehicle(tmp_path)
    if written < 3:
        with by_hand(tmp_path) as connection:
            connection.execute("DELETE FROM audit")
        (tmp_path / HEAD).write_bytes(_first_head(tmp_path))
    if written < 2:
        (tmp_path / KEY).unlink()
    if written < 1:
        (tmp_path / HEAD).unlink()
    assert vehicle.verify().is_intact, vehicle.found()
    asyncio.run(vehicle.drive(2))
    assert (vehicle.verify().is_intact, vehicle.losses) == (True, [])


def _first_head(folder: Path) -> bytes:
    from autocore.audit.chain import Link, head_bytes  # noqa: PLC0415

    return head_bytes((folder / KEY).read_bytes(), Link())


DAYS = st.integers(-20_000, 20_000)


@given(
    real=st.lists(st.integers(0, 60), min_size=1, max_size=8),
    wrong=st.lists(st.one_of(st.none(), DAYS), min_size=8, max_size=8),
)
def test_one_wrong_clock_makes_no_row_older_than_a_month_more(real: list[int], wrong: list[int | None]) -> None:
    """However many starts have a clock of their own, an age is what passed and a month for each start, at most."""
    day, starts = 20_000, []
    for number, stood in enumerate(real):
        day += stood
        off = wrong[number % len(wrong)]
        starts.append(Start(number + 1, number * 3_600 * NS, None if off is None else (day + off) * DAY_NS - number * 3_600 * NS))
    lived = Lived(starts)
    now = starts[-1]
    for start in starts:
        age = lived.age_ns(start.number, start.started_ns, now.number, now.started_ns + NS)
        assert 0 <= age <= (now.number - start.number) * MOST_BETWEEN_NS + NS


def test_a_clock_that_leaps_ages_nothing_and_a_right_one_does() -> None:
    def age(*days: int | None) -> float:
        starts = [Start(one + 1, 0, None if day is None else day * DAY_NS) for one, day in enumerate(days)]
        return Lived(starts).age_ns(1, 0, len(starts), 0) / DAY_NS

    assert age(20_000, 20_000 + 365 * 50) == 31
    assert age(20_000, 0, 20_001) == 1
    assert age(20_000, 20_000 + 365 * 12, 20_001, 20_000 + 365 * 12, 20_002) == 31
    assert age(20_000, None, None) == 0
    assert age(None, 20_400) == 0
    assert age(*range(20_000, 20_401, 20)) == 400
    assert Lived([Start(1, 0, None)]).age_ns(9, 0, 1, NS) == 0
    assert Lived([Start(1, 0, None)]).age_ns(1, 0, 1, 500 * DAY_NS) == 500 * DAY_NS

"""A damaged history is kept as it is, what can be read of it goes on in a new one, and what is lost is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from autocore.core.clock import EARLIEST_WALL_NS
from autocore.core.storage.damage import Finding
from autocore.testing import FakeClock
from tests.history.bench import Bench

HOURS = 20


async def driven(folder: Path) -> tuple[list[float], FakeClock]:
    """Drive twenty hours and stop as one should."""
    bench = Bench(folder, FakeClock(), offsets={1: EARLIEST_WALL_NS})
    await bench.history.open()
    noise = random.Random(2)
    told = []
    for turn in range(HOURS * 360):
        told.append(noise.random())
        bench.rpm.set(told[-1])
        bench.clock.advance(10)
        if turn % 30 == 0:
            await bench.history.flush()
            await bench.history._care()
    await bench.history.close()
    return told, bench.clock


async def reopened(folder: Path, clock: FakeClock) -> tuple[Bench, list[Finding]]:
    found: list[Finding] = []
    bench = Bench(folder, clock, boot=2, offsets={1: EARLIEST_WALL_NS, 2: EARLIEST_WALL_NS}, seq=100_000)
    bench.history._tell = found.append
    await bench.history.open(is_suspect=True)
    return bench, found


@pytest.mark.parametrize("page", [4, 6, 9, 14, 25])
async def test_a_page_of_nought_costs_what_was_on_it(tmp_path: Path, page: int) -> None:
    told, clock = await driven(tmp_path)
    file = tmp_path / "history.db"
    data = bytearray(file.read_bytes())
    assert len(data) > 4096 * 30
    data[4096 * page : 4096 * (page + 1)] = bytes(4096)
    file.write_bytes(data)
    bench, found = await reopened(tmp_path, clock)
    await bench.history._care()
    values = await bench.values(points=100_000)
    if (tmp_path / "history.db.damaged-1").exists():  # else the page was in the middle of a block, which has its own checksum
        assert (tmp_path / "history.db.damaged-1").read_bytes() == bytes(data)
        assert [one.event for one in found] == ["storage.damaged", "storage.salvaged"]
        assert found[1].data["kept"] > 0
    else:
        assert bench.history.losses.places
    assert len(values) > len(told) / 2
    bench.rpm.set(1.0)
    await bench.history.flush()
    assert (await bench.values(points=100_000))[-1] == 1.0
    await bench.history.close()


async def test_a_history_that_was_emptied_begins_anew_and_says_so(tmp_path: Path) -> None:
    _, clock = await driven(tmp_path)
    (tmp_path / "history.db").write_bytes(b"")
    bench, found = await reopened(tmp_path, clock)
    await bench.history._care()
    assert [one.event for one in found] == ["storage.damaged", "storage.salvaged"]
    assert "it is empty" in found[0].sentence
    bench.rpm.set(1.0)
    assert await bench.values() == [1.0]
    await bench.history.close()


async def test_damage_that_shows_while_driving_does_not_stop_the_recording(tmp_path: Path) -> None:
    told, clock = await driven(tmp_path)
    bench, found = await reopened(tmp_path, clock)
    assert found == []
    file = tmp_path / "history.db"
    data = bytearray(file.read_bytes())
    for page in range(1, len(data) // 4096):
        data[4096 * page : 4096 * page + 8] = b"\xff" * 8
    file.write_bytes(data)
    bench.history.database.pony.disconnect()
    for turn in range(3):
        bench.rpm.set(5.0 + turn)
        await bench.history.flush()
        await bench.history._care()
    assert [one.event for one in found][:1] == ["storage.damaged"]
    assert (await bench.values(points=100_000))[-3:] == [5.0, 6.0, 7.0]
    assert bench.history.dropped == 0
    assert told
    await bench.history.close()

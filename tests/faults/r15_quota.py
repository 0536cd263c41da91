"""R15: the history keeps its quota while readings come as fast as they are taken, also with the disk nearly full.

A history with a small quota is filled several times over, as fast as its process can: numbers, texts and states of a hundred
entities, whose values compress badly. Another process watches history.db and its log from outside: together they must never
be larger than the quota, and no further file may appear beside them (a second copy). Half of the runs are played behind the
shim with a disk that has room for the quota and a little more, so that a second copy could not even be made: nothing may be
dropped. The newest readings must be there at the end, no row may be left that nothing would ever throw out, and SQLite must find
nothing wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autocore.core.clock import NS, SystemClock, Timeline
from autocore.core.config.sections import HistorySection
from autocore.core.model import State
from autocore.history.history import History
from autocore.history.shelf import SERIES_BITS
from tests.faults import shim
from tests.faults.gateway import integrity_of, scratch
from tests.faults.record import ROOT, Findings, run_as_command

ENTITIES = 100
QUOTA = 3_000_000
TIMES_OVER = 4
BURST = 2_000
SPARE = 400_000
"""Bytes that a nearly full disk has beside the quota: SQLite's shared memory, and the blocks at the ends of files."""
PARTS = ("history.db", "history.db-wal", "history.db-journal", "history.db-shm")  # the journal lives for the moment of its making
LIMIT_S = 300.0


async def _write(folder: Path, quota: int, seed: int, readings: int) -> dict[str, Any]:
    """Fill a history; give what it counted, and the newest value of one entity."""
    dice, clock = random.Random(seed), SystemClock()
    history = History(
        clock, folder, Timeline({1: time.time_ns() - time.monotonic_ns()}), boot=1, section=HistorySection(quota=quota)
    )
    await history.open()
    history.start()
    entities: list[Any] = [
        SimpleNamespace(id=f"sensor.load_{number}", kind="sensor", is_recorded=True, series=None, description=SimpleNamespace())
        for number in range(ENTITIES)
    ]
    old, last, began = State(None, available=True, changed_ns=0, updated_ns=0, boot=1, seq=0), 0.0, clock.monotonic_ns()
    for seq in range(1, readings + 1):
        entity = entities[seq % ENTITIES]
        # An hour of the vehicle's time passes in two hundred bursts, so that spans are finished too.
        at_ns = began + seq // BURST * 18 * NS
        value: Any = dice.random() * 1_000 if seq % 10 else f"word {dice.getrandbits(40):x}"
        if seq % ENTITIES == 1:
            last = value = float(seq)
        history.record(entity, old, State(value, available=True, changed_ns=at_ns, updated_ns=at_ns, boot=1, seq=seq))
        if seq % BURST == 0:
            await history.flush()
            await asyncio.sleep(0)
    await history.flush()
    points = await history.query("sensor.load_1", from_ns=0, to_ns=1 << 62, points=10_000)
    answer = {
        "dropped": history.dropped,
        "written": history.rows_written,
        "thrown_out": history.upkeep.thrown_out,
        "failing": history.is_failing,
        "newest": points[-1].value if points else None,
        "expected": last,
    }
    await history.close()
    return answer


def run(seed: int, quota: int, readings: int, *, is_full: bool) -> Findings:
    """Fill one history and watch it; `is_full` leaves little room beside the quota."""
    found = Findings(runs=1)
    what = f"seed {seed}, {'a nearly full disk' if is_full else 'a disk with room'}"
    with scratch() as folder:
        data = folder / "data"
        data.mkdir()
        control = shim.Control(folder / "control") if is_full else None
        environ = dict(os.environ)
        if control is not None:
            environ = shim.environment(shim.build(folder), data, control=control.file)
            control.fill(quota + SPARE)
        command = [sys.executable, "-m", "tests.faults.r15_quota", "--write", str(data), str(quota), str(seed), str(readings)]
        environ["PYTHONPATH"] = str(ROOT)
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        worst, strangers = _watch(process, data)
        seconds = time.monotonic() - began
        said = process.stdout.read() if process.stdout else ""
        if process.returncode:
            found.fail(f"{what}: the writer ended with {process.returncode}")
            return found
        answer = json.loads(said.splitlines()[-1])
        found.worst("worst_share_of_quota", worst / quota)
        found.add("readings", answer["written"])
        found.add("thrown_out", answer["thrown_out"])
        found.worst("worst_seconds", seconds)
        if worst > quota:
            found.fail(f"{what}: {worst} bytes were more than the quota of {quota}")
        if strangers:
            found.fail(f"{what}: {', '.join(sorted(strangers))} stood beside the history")
        if answer["dropped"] or answer["failing"]:
            found.fail(f"{what}: {answer['dropped']} readings were dropped, failing: {answer['failing']}")
        if answer["newest"] != answer["expected"]:
            found.fail(f"{what}: the newest reading is {answer['newest']} instead of {answer['expected']}")
        if strays := _strays(data / "history.db"):
            found.fail(f"{what}: {strays} rows belong to no hour, so nothing would ever throw them out")
        wrong = integrity_of(data / "history.db")
        if wrong != "ok":
            found.fail(f"{what}: {wrong}")
        if control is not None:
            found.add("writes_refused", control.failed)
    return found


def _watch(process: subprocess.Popen[str], data: Path) -> tuple[int, set[str]]:
    """Look at the files until the process ends; give the most bytes that they had together, and what else there was."""
    worst, strangers, deadline = 0, set[str](), time.monotonic() + LIMIT_S
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            break
        worst = max(worst, sum(_size(data / name) for name in PARTS[:3]))
        strangers |= {one.name for one in data.iterdir()} - set(PARTS)
        time.sleep(0.001)
    return max(worst, sum(_size(data / name) for name in PARTS[:3])), strangers


def _strays(file: Path) -> int:
    """Count the rows whose span is neither finished nor being written."""
    with closing(sqlite3.connect(file)) as sql:
        known = "SELECT number FROM span UNION SELECT span FROM batch"
        return sum(
            int(sql.execute(f"SELECT count(*) FROM {table} WHERE key >> {SERIES_BITS} NOT IN ({known})").fetchone()[0])
            for table in ("block", "minutes", "hour")
        )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def readings_for(quota: int) -> int:
    """Give how many readings fill a quota several times over: these take about 9 bytes each."""
    return TIMES_OVER * quota // 9


def full(options: argparse.Namespace) -> Findings:
    """Fill histories with quotas between 1 MB and 20 MB, by turns on disks with room and nearly full."""
    dice, found = random.Random(options.seed), Findings()
    for number in range(options.runs):
        quota = dice.choice((1_000_000, QUOTA, QUOTA, 20_000_000))
        found.take(run(options.seed + number, quota, readings_for(quota), is_full=number % 2 == 1))
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        place, *numbers = sys.argv[2:]
        print(json.dumps(asyncio.run(_write(Path(place), *map(int, numbers)))))
    else:
        run_as_command("R15", __doc__, full, runs=40)

"""R3: files that are not as they were left: a flipped bit, a block of zeros, an empty or a missing file.

A real gateway fills a data folder and is killed. Of every file in it (databases with their logs, keys, the broker's files, the
sections that the web wrote) copies are damaged at 500 places each, every second time by one flipped bit and else by a block of
zeros, and once each by making the file empty and by deleting it. On every copy a gateway is started (for the broker's files:
Mosquitto). It must be there within 10 s, answer, and take new data; what it could not use must be kept byte for byte beside its
place, under a name with `damaged`, and a notice must name it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sqlite3
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from autocore.audit.chain import KEY_BYTES, read_head
from autocore.broker.mosquitto import Mosquitto
from autocore.core.storage.damage import UNREADABLE
from autocore.testing.car import Car
from tests.faults.gateway import scratch
from tests.faults.record import Findings, run_as_command
from tests.faults.stock import CONFIG, ENTITY, stock
from tests.ports import free_port

PLACES = 500
BLOCK = 4_096
START_S = 10.0
LIMIT_S = 60.0
SALVAGED_S = 20.0
TRIALS_PER_WORKER = 60
LEFT_OUT = ("config.yaml", "autocore.lock", "autocore.log", "mosquitto.pid", "*-shm", "*.sock")
PATHS = (
    "/entities",
    "/users",
    "/auth/tokens",
    "/notices",
    "/events",
    "/audit",
    "/audit/export",
    "/devices",
    "/plugins",
    "/config",
)


@dataclass(frozen=True)
class Damage:
    """One damage: the file (below the folder), what is done to it, and where."""

    file: str
    how: str
    place: int = 0

    def do(self, folder: Path) -> bytes | None:
        """Damage the file, and give what it is now; None when it is gone."""
        file = folder / self.file
        content = bytearray(file.read_bytes())
        if self.how == "missing":
            file.unlink()
            return None
        if self.how == "empty":
            content.clear()
        elif self.how == "flip":
            content[self.place] ^= 1 << (self.place % 8)
        elif self.how == "zeros":
            first = self.place // BLOCK * BLOCK
            last = min(len(content), first + BLOCK)
            content[first:last] = bytes(last - first)
        file.write_bytes(content)
        return bytes(content)

    def __str__(self) -> str:
        return f"{self.file}, {self.how} at {self.place}" if self.how in ("flip", "zeros") else f"{self.file}, {self.how}"


@dataclass
class Verdict:
    """What became of one damaged folder."""

    damage: Damage
    wrong: list[str] = field(default_factory=list)
    start_s: float = 0.0
    is_set_aside: bool = False
    readings: int = 0


def damages(folder: Path, places: int, dice: random.Random) -> Iterator[Damage]:
    """Give every damage for a folder."""
    for file in sorted(folder.rglob("*")):
        size = file.stat().st_size
        if not file.is_file() or any(file.match(pattern) for pattern in LEFT_OUT):
            continue
        name = str(file.relative_to(folder))
        yield Damage(name, "missing")
        yield Damage(name, "empty")
        chosen = range(size) if size <= places else sorted(dice.sample(range(size), places))
        for number, place in enumerate(chosen):
            yield Damage(name, "flip" if number % 2 else "zeros", place)


def try_out(source: Path, damage: Damage) -> Verdict:
    """Damage a copy of `source`, start on it, and say what became of it."""
    verdict = Verdict(damage)
    with scratch() as folder:
        copy = folder / "copy"
        shutil.copytree(source, copy)
        content = damage.do(copy)
        work = _start_broker if "broker/" in damage.file else _start_gateway
        try:
            asyncio.run(asyncio.wait_for(work(copy, damage, verdict), LIMIT_S))
        except Exception as error:  # noqa: BLE001  # whatever it is, it did not come up
            where = " < ".join(f"{one.name}:{one.lineno}" for one in reversed(traceback.extract_tb(error.__traceback__)[-4:]))
            verdict.wrong.append(f"it does not start: {type(error).__name__}: {str(error)[:300]} ({where})")
            return verdict
        _look_at_files(copy, damage, content, verdict)
    return verdict


async def _start_gateway(folder: Path, damage: Damage, verdict: Verdict) -> None:
    car = Car(folder)
    began = time.monotonic()
    try:
        await car.start(CONFIG)
        verdict.start_s = time.monotonic() - began
        await _use(car, verdict)
        if _has_set_aside(folder) or _must_be_told(damage):
            await _hear_of(car, Path(damage.file).name.removesuffix("-wal"), verdict)
    finally:
        await car.stop()


async def _use(car: Car, verdict: Verdict) -> None:
    """Ask for everything, and let it write something."""
    await car.core.store("r3").set("written", 1)
    car.air.publish("autocore/telemetry/stream_1/data", {"n": -1}, qos=1)
    await car.advance(2.0)
    try:
        client = await car.web()
    except httpx.HTTPStatusError:
        return  # the bit that was flipped belongs to a password: nobody can know
    for path in PATHS:
        answer = await client.get(f"/api/v1{path}")
        if answer.status_code != 200:
            verdict.wrong.append(f"{path} answers {answer.status_code} {answer.text[:200]}")
    params = {"format": "csv", "from": "2000-01-01", "to": "2100-01-01"}
    answer = await client.get(f"/api/v1/entities/{ENTITY}/history", params=params)
    if answer.status_code != 200:
        verdict.wrong.append(f"the history answers {answer.status_code} {answer.text[:200]}")
        return
    values = [line.split(",")[1] for line in answer.text.splitlines()[1:]]
    verdict.readings = len(values)
    if "-1" not in values and "-1.0" not in values:
        verdict.wrong.append("a new reading is not in the history")


async def _hear_of(car: Car, name: str, verdict: Verdict) -> None:
    """Wait for the notice that names the file."""
    client = await car.web()
    deadline = time.monotonic() + SALVAGED_S
    while time.monotonic() < deadline:
        answer = await client.get("/api/v1/notices", params={"limit": 1000})
        if any(name in f"{one['title']} {one['text']}" for one in answer.json()["items"]):
            return
        await car.advance(1.0)
        await asyncio.sleep(0.05)
    verdict.wrong.append(f"no notice names {name}")


async def _start_broker(folder: Path, _damage: Damage, verdict: Verdict) -> None:
    began = time.monotonic()
    broker = Mosquitto(folder / "data" / "broker", port=free_port(), allows_anonymous=True)
    endpoint = await broker.start()
    try:
        verdict.start_s = time.monotonic() - began
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(endpoint.username, endpoint.password)
        client.connect(endpoint.host, endpoint.port)
        deadline = time.monotonic() + 5
        while not client.is_connected() and time.monotonic() < deadline:
            await asyncio.to_thread(client.loop, 0.05)
        if not client.is_connected():
            verdict.wrong.append("the gateway's own account is refused")
        client.disconnect()
    finally:
        await broker.stop()


def _look_at_files(folder: Path, damage: Damage, content: bytes | None, verdict: Verdict) -> None:
    """A file that was replaced must lie beside its place, as it was found."""
    place = folder / damage.file
    kept = [file.read_bytes() for file in place.parent.glob(f"{place.name}.damaged-*")]
    verdict.is_set_aside = bool(kept)
    if verdict.start_s > START_S:
        verdict.wrong.append(f"the start took {verdict.start_s:.1f} s")
    if content is None:
        return
    if kept and content not in kept:
        verdict.wrong.append("what was set aside is not what was found")
    if not kept and content and _is_unusable(damage.file, content) and (not place.exists() or place.read_bytes() != content):
        verdict.wrong.append("it was overwritten")


def _has_set_aside(folder: Path) -> bool:
    return any(folder.rglob("*.damaged-*"))


def _must_be_told(damage: Damage) -> bool:
    """A database that is gone or empty is a loss that nobody would notice otherwise.

    That a plugin had a database nobody can know when the file is gone and there is no copy of it yet.
    """
    if damage.file.startswith(("data/snapshots/", "data/cache/")):
        return False  # nothing was in it alone: the next copy takes its place, a cache is made again
    is_known = damage.file.endswith(("state.db", "history.db", "session.key", "audit.key", "audit.head"))
    return (is_known and damage.how == "missing") or (
        damage.file.endswith((".db", ".key", "audit.head")) and damage.how == "empty"
    )


def _is_unusable(name: str, content: bytes) -> bool:
    """Say whether nobody could use this content, and it is no cache, which is made again.

    SQLite and the journal of last states leave out what is damaged in a log (each of its entries has a sum), and Mosquitto what
    it does not understand.
    """
    if name.endswith(("-wal", "mosquitto.db")) or "/states." in name or "/cache/" in name:
        return False
    if name.endswith(".db"):
        return not _is_database(content)
    if "/audit." in name:
        return (len(content) != KEY_BYTES or not any(content)) if name.endswith(".key") else read_head(b"", content) is None
    try:
        text = content.decode()
        if name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".yaml"):
            yaml.safe_load(text)
        elif name.endswith("session.key"):
            return len(text.strip("\0")) < 32
    except (ValueError, yaml.YAMLError):
        return not name.endswith("session.key")
    return False


def _is_database(content: bytes) -> bool:
    if not content.startswith(b"SQLite format 3\0"):
        return False
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(content)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except UNREADABLE:
        return True  # of a kind that only its log makes whole
    finally:
        connection.close()
    return True


def _take(found: Findings, verdict: Verdict) -> None:
    found.runs += 1
    found.worst("worst_start_s", verdict.start_s)
    found.add("set_aside", verdict.is_set_aside)
    if "history.db" in verdict.damage.file:
        found.add("history_trials")
        found.add("readings_kept", verdict.readings)
    for sentence in verdict.wrong[:3]:
        found.fail(f"{verdict.damage}: {sentence}")


def run(source: Path, chosen: Iterator[Damage] | list[Damage], lanes: int) -> Findings:
    """Try these damages on copies of `source`, `lanes` at a time; 0 lanes tries them in this process."""
    found = Findings()
    if lanes == 0:
        for damage in chosen:
            _take(found, try_out(source, damage))
        return found
    with ProcessPoolExecutor(lanes, mp_context=get_context("spawn"), max_tasks_per_child=TRIALS_PER_WORKER) as pool:
        waiting: list[Future[Verdict]] = []
        for damage in chosen:
            waiting.append(pool.submit(try_out, source, damage))
            while len(waiting) > 4 * lanes:
                _take(found, waiting.pop(0).result())
        for one in waiting:
            _take(found, one.result())
    return found


def full(options: argparse.Namespace) -> Findings:
    """Damage everything, or evenly chosen places when there are to be fewer runs."""
    with scratch() as folder:
        source = stock(folder)
        every = list(damages(source, PLACES, random.Random(options.seed)))
        step = max(1.0, len(every) / options.runs)
        chosen = [every[int(number * step)] for number in range(min(options.runs, len(every)))]
        sound = try_out(source, Damage("config.yaml", "nothing"))
        found = run(source, chosen, max(1, options.lanes))
        found.figures["readings_before"] = sound.readings
        found.figures["files"] = len({one.file for one in chosen})
        return found


if __name__ == "__main__":
    run_as_command("R3", __doc__, full, runs=10_000)

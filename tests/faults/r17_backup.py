"""R17: backups while everything writes, each restored onto a blank machine: equal, verified by hash.

`run_once` is the quick form: three databases written by threads, no gateway. `python -m tests.faults.r17_backup --full` runs a
real gateway with its Mosquitto under load, and looks at every restored machine with a second gateway.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from autocore.backup.applying import apply, finish
from autocore.backup.archive import Work, opened
from autocore.backup.making import Wish, make
from autocore.backup.shelf import Shelf
from autocore.backup.unpacking import Target, place_of, stage
from tests.conftest import PASSWORD
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
RECORD = ROOT / "docs/reliability/R17.json"
PASSPHRASE = "correct horse battery"
RUNS = 50
TRIES = 5
DEVICES = 4
MESSAGES_PER_S = 200
DATABASES = ("state", "history", "plugins/load")
CONFIG = """
autocore: {name: R17}
mqtt: {anonymous: loopback}
devices: {approve: automatic}
history: {flush_s: 1}
logging: {level: warning}
backup: {every: never}
telemetry:
system: {every: 1s}
themes:
"""


@dataclass
class Outcome:
    """What one run found."""

    failures: list[str] = field(default_factory=list)
    backup_s: float = 0.0
    restore_s: float = 0.0
    size_bytes: int = 0
    rows: int = 0
    written_meanwhile: int = 0

    def expect(self, claim: object, words: str) -> None:
        if not claim:
            self.failures.append(words)


class Scribe:
    """A thread that appends rows to a database in pairs, each pair one transaction; `acknowledged` rows are committed."""

    def __init__(self, file: Path, seed: int) -> None:
        self.acknowledged = 0
        self.has_begun = threading.Event()
        self._file, self._random = file, random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        with closing(sqlite3.connect(self._file, isolation_level=None, timeout=10)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("CREATE TABLE schema_version (component TEXT PRIMARY KEY, version INTEGER)")
            connection.execute("INSERT INTO schema_version VALUES (?, 1)", (self._file.stem,))
            connection.execute("CREATE TABLE sample (n INTEGER PRIMARY KEY, content BLOB)")
            for n in itertools.count(step=2):
                content = self._random.randbytes(self._random.randrange(10, 3_000))
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO sample VALUES (?, ?)", [(n, content), (n + 1, content[::-1])])
                connection.execute("COMMIT")
                self.acknowledged = n + 2
                if n >= 1_000:
                    self.has_begun.set()
                if self._stop.is_set():
                    return


def run_once(seed: int, folder: Path) -> Outcome:
    """Make one backup of three databases while each is written, restore it onto a blank folder, and compare.

    Args:
        seed: chooses what is written, and whether the backup is encrypted.
        folder: an empty one.
    """
    outcome = Outcome()
    config, data = folder / "config", folder / "data"
    config.mkdir(parents=True)
    (data / "plugins").mkdir(parents=True)
    (config / "config.yaml").write_text(f"autocore: {{name: R17 {seed}}}\n")
    (data / "session.key").write_bytes(random.Random(seed).randbytes(64))
    passphrase = PASSPHRASE if seed % 2 else None
    scribes = {name: Scribe(data / f"{name}.db", seed + number) for number, name in enumerate(DATABASES)}
    try:
        for one in scribes.values():
            one.has_begun.wait(20)
        before = {name: one.acknowledged for name, one in scribes.items()}
        started = time.monotonic()
        made = make(Wish(config, data, passphrase=passphrase), Work())
        outcome.backup_s = time.monotonic() - started
        after = {name: one.acknowledged for name, one in scribes.items()}
    finally:
        for one in scribes.values():
            one.end()
    outcome.size_bytes = made.about.size
    outcome.written_meanwhile = sum(after.values()) - sum(before.values())
    file = Shelf(data).path(made.name)
    blank = Target(folder / "blank/config", folder / "blank/data", with_code=True)
    blank.data.mkdir(parents=True)
    started = time.monotonic()
    stage(file, passphrase, blank, Work())
    apply(blank.data)
    finish(blank.data)
    outcome.restore_s = time.monotonic() - started
    compare_hashes(file, passphrase, blank, outcome)
    for name in DATABASES:
        rows = rows_of(blank.data / f"{name}.db")
        outcome.rows += len(rows)
        outcome.expect(len(rows) % 2 == 0, f"{name}: half a transaction")
        outcome.expect(len(rows) >= before[name], f"{name}: {before[name]} rows were acknowledged, {len(rows)} came back")
        outcome.expect(len(rows) <= after[name], f"{name}: more rows than were ever written")
        outcome.expect(rows == rows_of(data / f"{name}.db")[: len(rows)], f"{name}: a row is another one")
    return outcome


def compare_hashes(file: Path, passphrase: str | None, blank: Target, outcome: Outcome) -> None:
    """Hold every restored file against its hash in the manifest."""
    with opened(file, passphrase) as reader:
        entries = reader.manifest.files
    for one in entries:
        place = place_of(one.name, blank)
        found = hashlib.sha256(place.read_bytes()).hexdigest() if place.is_file() else "nothing"
        outcome.expect(found == one.sha256, f"{one.name}: its hash is another one")


def rows_of(file: Path) -> list[tuple[int, bytes]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT n, content FROM sample ORDER BY n").fetchall()


class Gateway:
    """`autocore run` as a process."""

    def __init__(self, config: Path, data: Path) -> None:
        for _ in range(TRIES):  # another program may take a port between the look and the start
            self.http_port, self.mqtt_port = free_port(), free_port()
            words = ["run", "--config", str(config), "--data", str(data)]
            words += ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
            command = [sys.executable, "-m", "autocore", *words]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
            assert self._process.stdout is not None
            assert self._process.stderr is not None
            if any("Ctrl-C" in line for line in self._process.stdout):
                break
            said = self._process.stderr.read()
            if "is in use" not in said:
                raise RuntimeError(f"the gateway did not start: {said}")
        else:
            raise RuntimeError("the gateway found no free port")
        self._listener = threading.Thread(
            target=self._process.stderr.read, daemon=True
        )  # or it would stand when the pipe is full
        self._listener.start()
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.http_port}", timeout=60)
        answer = self.client.post("/api/v1/auth/login", json={"username": "ana", "password": PASSWORD})
        answer.raise_for_status()
        self.client.cookies.clear()
        self.client.headers["Authorization"] = f"Bearer {answer.json()['token']}"

    def end(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(timeout=20)
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def value(self, entity: str) -> int:
        answer = self.client.get(f"/api/v1/entities/{entity}")
        return int(answer.json()["value"] or 0) if answer.status_code == 200 else 0

    def entities(self) -> set[str]:
        return {one["id"] for one in self.client.get("/api/v1/entities?limit=1000").json()["items"]}

    def history(self, entity: str) -> list[int]:
        answer = self.client.get(f"/api/v1/entities/{entity}/history", params={"format": "ndjson"})
        rows = [json.loads(line) for line in answer.text.splitlines()]
        return [int(row["value"]) for row in rows if row["value"] is not None]


class Load:
    """Devices that count: the value of each reading is one more than that of the one before."""

    def __init__(self, port: int) -> None:
        self.sent = 0
        self._stop = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._publish)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _publish(self) -> None:
        for number in itertools.count(1):
            for device in range(DEVICES):
                self._client.publish(f"autocore/telemetry/load{device}/data", json.dumps({"count": number}), qos=1)
                self.sent += 1
            if self._stop.wait(DEVICES / MESSAGES_PER_S):
                return


def entity_of(device: int) -> str:
    return f"sensor.load{device}_count"


def run_full(seed: int, gateway: Gateway, data: Path, folder: Path) -> Outcome:
    """Let a gateway under load make a backup, restore it with the command line, and look at it with a second gateway."""
    outcome = Outcome()
    passphrase = PASSPHRASE if seed % 2 else None
    floors = [gateway.value(entity_of(device)) for device in range(DEVICES)]
    least = gateway.entities()
    started = time.monotonic()
    job = gateway.client.post("/api/v1/backup", json={"passphrase": passphrase}).raise_for_status().json()
    while job["state"] == "running":
        time.sleep(0.02)
        job = gateway.client.get(f"/api/v1/backup/{job['id']}").json()
    outcome.backup_s = time.monotonic() - started
    if job["state"] != "done":
        outcome.failures.append(f"no backup: {job['error']}")
        return outcome
    ceilings = [gateway.value(entity_of(device)) + MESSAGES_PER_S for device in range(DEVICES)]
    file = data / "backups" / job["backup"]
    outcome.size_bytes = file.stat().st_size
    blank = Target(folder / "config", folder / "data", with_code=True)
    command = [sys.executable, "-m", "autocore", "restore", str(file), "--config", str(blank.config), "--data", str(blank.data)]
    started = time.monotonic()
    done = subprocess.run(
        [*command, "--passphrase-stdin"], input=f"{PASSPHRASE}\n", capture_output=True, text=True, check=False, cwd=ROOT
    )
    outcome.restore_s = time.monotonic() - started
    if done.returncode:
        outcome.failures.append(f"no restore: {done.stderr}")
        return outcome
    compare_hashes(file, passphrase, blank, outcome)
    second = Gateway(blank.config, blank.data)
    try:
        for device, (floor, ceiling) in enumerate(zip(floors, ceilings, strict=True)):
            readings = second.history(entity_of(device))
            outcome.rows += len(readings)
            last = readings[-1] if readings else 0
            wanted = list(range(readings[0], last + 1)) if readings else []
            outcome.expect(readings == wanted, f"load{device}: a reading is missing")
            outcome.expect(floor <= last <= ceiling, f"load{device}: {floor} was shown before, the last that came back is {last}")
            outcome.expect(second.value(entity_of(device)) >= floor, f"load{device}: the last state is older")
        theirs, ours = gateway.entities(), second.entities()  # what came while the backup was made may be in it or not
        outcome.expect(least <= ours <= theirs, f"entities missing: {sorted(least - ours)}, too many: {sorted(ours - theirs)}")
    finally:
        second.end()
    gateway.client.delete(f"/api/v1/backup/files/{job['backup']}")
    return outcome


def full(runs: int, seed: int) -> dict[str, Any]:
    """Run it under load and give the record."""
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        config, data = root / "config", root / "data"
        config.mkdir()
        (config / "config.yaml").write_text(CONFIG)
        words = ["user", "add", "ana", "--role", "admin", "--password-stdin", "--data", str(data)]
        subprocess.run([sys.executable, "-m", "autocore", *words], input=f"{PASSWORD}\n", text=True, check=True, cwd=ROOT)
        gateway = Gateway(config, data)
        load = Load(gateway.mqtt_port)
        started = time.monotonic()
        try:
            while not all(gateway.value(entity_of(device)) for device in range(DEVICES)):
                time.sleep(0.05)
            for number in range(runs):
                outcomes.append(run_full(seed + number, gateway, data, root / f"blank{number}"))
                click.echo(f"{number + 1}/{runs}: {outcomes[-1].failures or 'equal'}", err=True)
        finally:
            load.end()
            seconds = time.monotonic() - started
            gateway.end()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    return {
        "id": "R17",
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit,
        "seed": seed,
        "runs": len(outcomes),
        "failures": sum(bool(one.failures) for one in outcomes),
        "sentences": [words for one in outcomes for words in one.failures],
        "figures": {
            "messages_per_s": round(load.sent / seconds, 1),
            "readings_compared": sum(one.rows for one in outcomes),
            "backup_s_median": round(statistics.median(one.backup_s for one in outcomes), 3),
            "backup_s_max": round(max(one.backup_s for one in outcomes), 3),
            "restore_s_median": round(statistics.median(one.restore_s for one in outcomes), 3),
            "restore_s_max": round(max(one.restore_s for one in outcomes), 3),
            "largest_mb": round(max(one.size_bytes for one in outcomes) / 1e6, 2),
        },
    }


def main() -> None:
    """Run the quick form once, or the full one and write its record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=17)
    asked = parser.parse_args()
    if asked.full:
        record = full(asked.runs, asked.seed)
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
        click.echo(json.dumps(record))
        sys.exit(bool(record["failures"]))
    with tempfile.TemporaryDirectory() as name:
        outcome = run_once(asked.seed, Path(name))
    click.echo(outcome)
    sys.exit(bool(outcome.failures))


if __name__ == "__main__":
    main()

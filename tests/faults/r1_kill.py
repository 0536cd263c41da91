"""R1: `kill -9` at random moments while readings and acts come in: what was acknowledged is there afterwards.

A real gateway with a broker that outlives it gets 1 000 readings a second in QoS 1, and people who make tokens and users and
rename entities over REST. It is killed at a random moment: three times of four while it works, else while it starts. Then it is
started again. After every start every act that was answered must be there, SQLite must find nothing wrong with state.db, and
nothing in the audit may look like forgery; after every 25 kills every reading that the broker took must stand in the history,
through the REST API, and history.db is looked at too.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from autocore.audit.verdict import sentence as told
from autocore.audit.verify import verify_folder
from tests.faults.gateway import GatewayProcess, OutsideBroker, integrity_of, metrics, scratch, until
from tests.faults.promise import Promises
from tests.faults.record import Findings, run_as_command
from tests.faults.traffic import DEVICES, LOOSE_ENTITY, People, Stream

CONFIG = """
mqtt: {{broker: "mqtt://127.0.0.1:{broker}"}}
devices: {{approve: automatic}}
logging: {{level: warning}}
telemetry:
"""
RATE = 1_000
RESTART_S = 3.0
LONGEST_LIFE_S = 2.5
STARTING_S = 0.9
LOOKED_AT_EVERY = 25
DRAINED_S = 60.0
FLUSH_S = 2.0  # rows in QoS 0 are written with those in QoS 1, within a second, and one more for the disk
GONE_S = 1e9


class Lane:
    """One gateway that is killed again and again."""

    def __init__(self, folder: Path, seed: int, rate: int, restart_s: float) -> None:
        self.found = Findings()
        self._restart_s = restart_s
        self._dice = random.Random(seed)
        self._broker = OutsideBroker(folder / "broker")
        self._gateway = GatewayProcess(folder / "gateway", CONFIG.format(broker=self._broker.port))
        self._stream = Stream(self._broker.port, rate, f"the-stream-{seed}")
        self._promises = Promises()
        self._lives: list[tuple[float, float]] = []
        self._begun = 0.0
        self._looked_wall = time.time()
        self._looked_at = self._loose_at = 0
        self._people: People
        self._client: httpx.Client

    def run(self, kills: int) -> None:
        """Kill it so many times."""
        self._gateway.start()
        self._client = self._gateway.admit()
        self._people = People(self._client, self._promises, self._dice)
        self._begun = time.monotonic()
        self._stream.resume()
        for number in range(kills):
            self.found.runs += 1
            self._one_kill()
            if number % LOOKED_AT_EVERY == LOOKED_AT_EVERY - 1:
                self._look_at_history()
        self._restart()
        self._look_at_history()

    def close(self) -> None:
        """End everything."""
        self._stream.close()
        self._gateway.end()
        self._broker.end()
        self.found.add("acknowledged_readings", self._stream.promised)
        self.found.add("acknowledged_acts", self._promises.acknowledged)

    def _one_kill(self) -> None:
        self._people.begin()
        time.sleep(self._dice.uniform(0.0, LONGEST_LIFE_S))
        self._kill()
        self._people.stop()
        while self._dice.random() < 0.25:
            self._gateway.spawn()
            time.sleep(self._dice.uniform(0.0, STARTING_S))
            self._kill()
            self.found.add("killed_while_starting")
        self._restart()

    def _kill(self) -> None:
        self._gateway.kill()
        self._lives.append((self._begun, time.monotonic()))
        self._begun = GONE_S
        wrong = integrity_of(self._gateway.data / "state.db")
        if wrong != "ok":
            self.found.fail(f"kill {self.found.runs}: state.db: {wrong}")
        verdict = verify_folder(self._gateway.data)
        self.found.worst("audit_rows", verdict.rows)
        for fault in verdict.faults:
            self.found.fail(f"kill {self.found.runs}: the audit is suspected: {told(fault)}")

    def _restart(self) -> None:
        if self._gateway.is_alive:
            return
        try:
            self._gateway.spawn()
            self.found.worst("worst_restart_health_s", self._gateway.await_answer())
            seconds = self._gateway.await_answer("/ready")
        except AssertionError as error:
            self.found.fail(f"kill {self.found.runs}: {error}")
            raise
        self._begun = time.monotonic()
        self.found.add("sum_restart_s", seconds)
        self.found.worst("worst_restart_s", seconds)
        if seconds > self._restart_s:
            self.found.fail(f"kill {self.found.runs}: the restart took {seconds:.2f} s")
        known = self._people.look()
        for sentence in self._promises.broken(known):
            self.found.fail(f"kill {self.found.runs}: {sentence}")
        self._promises.settle(known)
        for sentence in self._people.refusals:
            self.found.fail(f"kill {self.found.runs}: {sentence}")
        self._people.refusals.clear()

    def _look_at_history(self) -> None:
        """Let everything arrive, and count every number."""
        self._stream.pause()
        first, last = self._looked_at, self._stream.sent
        counts: dict[int, int] = {}

        def missing() -> list[int]:
            counts.clear()
            for device in range(DEVICES):
                for value in self._values(f"sensor.stream_{device}_n"):
                    counts[value] = counts.get(value, 0) + 1
            return [number for number in range(first, last) if number not in counts]

        try:
            until(lambda: not missing(), DRAINED_S, "")
        except AssertionError:
            lost = missing()
            self.found.fail(f"kill {self.found.runs}: {len(lost)} acknowledged readings are gone, e.g. {lost[:5]}")
        self.found.add("readings_twice", sum(amount - 1 for amount in counts.values()))
        self._count_loose()
        dropped = metrics(self._client)["autocore_history_dropped_rows"]
        if dropped:
            self.found.fail(f"kill {self.found.runs}: {dropped:.0f} rows were dropped")
        wrong = integrity_of(self._gateway.data / "history.db")
        if wrong != "ok":
            self.found.fail(f"kill {self.found.runs}: history.db: {wrong}")
        self.found.worst("worst_history_mb", (self._gateway.data / "history.db").stat().st_size / 1e6)
        self._looked_at, self._looked_wall = last, time.time()
        self._stream.resume()

    def _count_loose(self) -> None:
        """Of the readings in QoS 0 that a living gateway got, only those of its last moment may be missing."""
        there = set(self._values(LOOSE_ENTITY))
        for number, at in self._stream.loose[self._loose_at :]:
            if number in there:
                continue
            died = [end for begin, end in self._lives if begin + 0.1 < at < end]
            if not died:
                self.found.add("qos0_while_away")
                continue
            self.found.add("qos0_lost")
            age = died[0] - at
            self.found.worst("worst_qos0_age_s", age)
            if age > FLUSH_S:
                self.found.fail(f"kill {self.found.runs}: a reading in QoS 0 was lost {age:.2f} s after it came")
        self._loose_at = len(self._stream.loose)
        self._lives.clear()

    def _values(self, entity: str) -> list[int]:
        answer = self._client.get(
            f"/entities/{entity}/history", params={"format": "csv", "from": self._looked_wall - 0.002}, timeout=60
        )
        if answer.status_code == 404:
            return []
        answer.raise_for_status()
        rows = (line.split(",") for line in answer.text.splitlines()[1:])
        return [round(float(row[1])) for row in rows if row[1]]


def run(seed: int, kills: int, rate: int = RATE, restart_s: float = RESTART_S) -> Findings:
    """Kill one gateway `kills` times; a restart may take `restart_s` seconds."""
    with scratch() as folder:
        lane = Lane(folder, seed, rate, restart_s)
        try:
            lane.run(kills)
        except AssertionError as error:
            if not lane.found.failures:
                lane.found.fail(str(error))
        finally:
            lane.close()
        return lane.found


def full(options: argparse.Namespace) -> Findings:
    """Share the kills among the lanes."""
    found = Findings()
    shares = [options.runs // options.lanes + (lane < options.runs % options.lanes) for lane in range(options.lanes)]
    with ThreadPoolExecutor(options.lanes) as pool:
        for one in pool.map(run, range(options.seed, options.seed + options.lanes), shares):
            found.take(one)
    found.figures["mean_restart_s"] = round(found.figures.pop("sum_restart_s", 0) / max(1, found.runs), 3)
    found.figures["readings_per_second"] = RATE * options.lanes
    return found


if __name__ == "__main__":
    run_as_command("R1", __doc__, full, runs=1_000)

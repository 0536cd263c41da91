"""A disk that fails under a running gateway, and is well again: what R4 and R20 share."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.faults import shim
from tests.faults.gateway import GatewayProcess, everything, metrics, until
from tests.faults.record import ROOT, Findings
from tests.faults.traffic import DEVICES, LOOSE_ENTITY, Stream

CONFIG = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
history: {flush_s: 1}
telemetry:
relays:
  boards:
    - device: relay_board_1
      answer_within: 2s
      channels: {1: {name: Light bar}}
"""
NARROW = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
history: {flush_s: 1}
telemetry:
"""
RELAY = "switch.light_bar"
ARRIVED_S = 20.0
OBEY_S = 0.2
RESUME_S = 5.0
NOTICED_S = 15.0
RATE = 200
ALARM = "The disk takes no writes"
RECOVERY = "The disk takes writes again"


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast it has to be.

    Args:
        obey_s: a relay, from the request to the answer that the board obeyed.
        resume_s: writing, from the moment the disk is well.
    """

    obey_s: float = OBEY_S
    resume_s: float = RESUME_S


class Outage:
    """A gateway behind the shim, with readings that come in, and a relay board when it is not a narrow one.

    Args:
        folder: for everything.
        found: takes what is found.
        limits: how fast it has to be.
        is_narrow: True leaves it little memory, and no vehicle: every reading is then counted.
    """

    def __init__(self, folder: Path, found: Findings, limits: Limits, *, is_narrow: bool = False) -> None:
        self.found = found
        self.control = shim.Control(folder / "control")
        library = shim.build(folder)
        environ = shim.environment(library, folder / "gateway", control=self.control.file)
        self.gateway = GatewayProcess(
            folder / "gateway",
            NARROW if is_narrow else CONFIG,
            environ=environ,
            module="tests.faults.narrow" if is_narrow else "autocore",
        )
        self._limits = limits
        self._is_narrow = is_narrow
        self._calls = 0
        self._began_wall = time.time()
        self.gateway.start()
        self.client = self.gateway.admit()
        self.stream = Stream(self.gateway.mqtt_port, RATE, "outage")
        self.stream.resume()
        self._vehicle: subprocess.Popen[bytes] | None = None
        if not is_narrow:
            command = [sys.executable, "-m", "autocore.simulator", "--port", str(self.gateway.mqtt_port)]
            self._vehicle = subprocess.Popen(command, cwd=ROOT)
            until(self._has_relay, 20, "the relay board does not come")
        until(self._is_writing, 20, "nothing is written")

    def close(self) -> None:
        """End everything."""
        self.control.heal()
        self.stream.close()
        if self._vehicle is not None:
            self._vehicle.terminate()
            self._vehicle.wait(timeout=10)
        self.client.close()
        self.gateway.end()

    def one(self, what: str, fail: Callable[[], None], heal: Callable[[], None], lasts_s: float) -> None:
        """Let the disk fail for a while, use the vehicle meanwhile, and see it recover."""
        self.found.runs += 1
        before = self.control.failed
        fail()
        began = time.monotonic()
        while time.monotonic() - began < lasts_s:
            self._obey(what)
            time.sleep(0.1)
        self.found.add("calls_that_failed", self.control.failed - before)
        heal()
        self._recover(what)
        if not self.gateway.is_alive:
            raise AssertionError(f"{what}: the gateway ended with {self.gateway.code}")

    def count(self) -> None:
        """Let everything arrive, and compare what is there with what is said to be lost."""
        self.stream.pause()
        with contextlib.suppress(AssertionError):  # it is told below
            until(lambda: self._missing() == self._dropped(), ARRIVED_S, "")
        dropped, missing = self._dropped(), self._missing()
        counters = metrics(self.client)
        self.found.add("readings", self.stream.sent + len(self.stream.loose))
        self.found.add("readings_missing", missing)
        self.found.add("readings_said_to_be_dropped", dropped)
        if missing != dropped:
            self.found.fail(f"{missing} readings are missing, {dropped} are said to be dropped")
        self._count_audit(round(counters["autocore_audit_dropped_rows"]))
        if "Traceback" in self.gateway.said():
            trace = self.gateway.said().split("Traceback", 1)[1]
            self.found.fail(f"an exception was not caught: {trace[:3000]}")

    def _dropped(self) -> int:
        return round(metrics(self.client)["autocore_history_dropped_rows"])

    def _missing(self) -> int:
        """Count the readings that were sent and are not in the history."""
        there = sum(len(set(self._values(f"sensor.stream_{device}_n"))) for device in range(DEVICES))
        return self.stream.sent + len(self.stream.loose) - there - len(set(self._values(LOOSE_ENTITY)))

    def _count_audit(self, dropped: int) -> None:
        rows = [one for one in everything(self.client, "/audit") if one["service"].startswith("switch.")]
        self.found.add("calls", self._calls)
        if len(rows) + dropped != self._calls:
            self.found.fail(f"{self._calls} calls, {len(rows)} of them in the audit, {dropped} said to be dropped")

    def _obey(self, what: str) -> None:
        """Turn the relay, or at least ask for something."""
        began = time.monotonic()
        if self._is_narrow:
            answer = self.client.get("/entities")
        else:
            verb = "turn_on" if self._calls % 2 == 0 else "turn_off"
            answer = self.client.post(f"/services/switch/{verb}", json={"entity": RELAY})
            self._calls += answer.status_code < 500
        took_s = time.monotonic() - began
        self.found.worst("worst_answer_s" if self._is_narrow else "worst_relay_s", took_s)
        if answer.status_code != 200:
            self.found.fail(f"{what}: it answers {answer.status_code} {answer.text[:200]}")
        elif not self._is_narrow and took_s > self._limits.obey_s:
            self.found.fail(f"{what}: the answer took {took_s:.3f} s")

    def _recover(self, what: str) -> None:
        began = time.monotonic()
        try:
            until(self._is_writing, NOTICED_S, f"{what}: it does not write again")
        except AssertionError as error:
            self.found.fail(str(error))
            return
        took_s = time.monotonic() - began
        self.found.worst("worst_resume_s", took_s)
        if took_s > self._limits.resume_s:
            self.found.fail(f"{what}: it wrote again after {took_s:.1f} s")

    def is_told(self, words: str) -> bool:
        """Say whether people were told something with these words."""
        answer = self.client.get("/notices", params={"limit": 1000})
        return answer.status_code == 200 and any(words in f"{one['title']} {one['text']}" for one in answer.json()["items"])

    def expect_told(self) -> None:
        """The alarm and the end of it must have been told, once the disk had failed for long enough to be noticed."""
        for words in (ALARM, RECOVERY):
            try:
                until(lambda words=words: self.is_told(words), NOTICED_S, "")
            except AssertionError:
                self.found.fail(f"nobody was told: {words}")

    def _is_writing(self) -> bool:
        """Say whether rows reach the disk, and whether the gateway says so."""
        try:
            first = metrics(self.client)["autocore_history_rows"]
            until(lambda: metrics(self.client)["autocore_history_rows"] > first, 3, "")
            ready = httpx.get(f"{self.gateway.base}/ready").json()
            return bool(ready["checks"]["database"] == "ok")
        except (AssertionError, KeyError, httpx.HTTPError):
            return False

    def _has_relay(self) -> bool:
        answer = self.client.get(f"/entities/{RELAY}")
        return answer.status_code == 200 and bool(answer.json()["available"])

    def _values(self, entity: str) -> list[str]:
        params = {"format": "csv", "from": self._began_wall - 5}
        answer = self.client.get(f"/entities/{entity}/history", params=params, timeout=60)
        return [line.split(",")[1] for line in answer.text.splitlines()[1:]] if answer.status_code == 200 else []


def lasts(dice: random.Random) -> float:
    """Give how long an outage lasts, in s."""
    return dice.uniform(0.5, 6.0)

"""A vehicle in which much happens, and those who must not notice who reads slowly: one who looks on, one who turns relays."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.fleet import Caller
from tests.faults.gateway import HOST, GatewayProcess, until
from tests.faults.readers import LiveReader, Onlooker
from tests.faults.record import ROOT, Findings
from tests.faults.slow_bots import SlowBots

CONFIG = """
mqtt: {anonymous: loopback, publish: ["sensor.bank_*", "sensor.chatter_*", "switch.*"], events: ["chatter.*"]}
devices: {approve: automatic}
history: {flush_s: 1}
logging: {level: warning}
telemetry:
relays:
chatter:
"""
CHATTER = """
import asyncio
import voluptuous as vol
from autocore.api import Sensor, hookimpl

TURN_S = 0.02

@hookimpl
def setup(host, config):
    said = host.entities.add(Sensor("chatter_said"))
    wish = {"per_s": 0, "bytes": 0}

    async def talk(call):
        wish.update(call.data)
        return {}

    async def run():
        number, due = 0, 0.0
        while True:
            due += wish["per_s"] * TURN_S
            while due >= 1:
                due, number = due - 1, number + 1
                host.events.emit("said", {"number": number, "text": "x" * wish["bytes"]})
            said.set(number)
            await asyncio.sleep(TURN_S)

    host.services.add("talk", talk, schema=vol.Schema({"per_s": float, "bytes": int}))
    host.spawn(run())
"""
BANKS, KEYS = 5, 10
TURNS_PER_S = 12  # 600 values a second
PROBE = "sensor.bank_0_a"
BOARD = "main"
SETTLE_S = 2.0
SENTENCE = 300
RELAYS = [f"switch.{BOARD}_{channel}" for channel in (1, 2)]


@dataclass(frozen=True, slots=True)
class Limits:
    """What has to hold.

    Args:
        per_client_mb: memory for each that does not read.
        late_s: from a measurement to the page of who looks on, in 99 of 100 cases.
        call_s: a relay turned over REST, in 99 of 100 cases.
        newest_s: until who reads again has the newest.
    """

    per_client_mb: float = 1.0
    late_s: float = 0.5
    call_s: float = 0.3
    newest_s: float = 5.0


class Banks:
    """Sensor nodes whose values are all the number of the turn."""

    def __init__(self, port: int) -> None:
        self.sent: dict[int, float] = {}
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="banks")
        self._client.connect(HOST, port)
        self._client.loop_start()
        self._is_over = threading.Event()
        self._is_open = threading.Event()
        self._is_open.set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pause(self) -> int:
        """Measure nothing more, and give the newest number."""
        self._is_open.clear()
        time.sleep(2 / TURNS_PER_S)
        return max(self.sent)

    def resume(self) -> None:
        """Measure again."""
        self._is_open.set()

    def close(self) -> None:
        """Switch them off."""
        self._is_over.set()
        self._is_open.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._is_over.is_set():
            self._is_open.wait()
            number = len(self.sent)
            body = json.dumps(dict.fromkeys("abcdefghij"[:KEYS], number))
            self.sent[number] = time.monotonic()
            for bank in range(BANKS):
                self._client.publish(f"autocore/telemetry/bank_{bank}/data", body)
            due = max(due + 1 / TURNS_PER_S, time.monotonic() - 1)
            self._is_over.wait(max(0.0, due - time.monotonic()))


class Busy:
    """One gateway with everything around it.

    Args:
        folder: for everything.
        stack: what is started here ends with it.
        found: takes what is found.
        scene: its name among the figures.
        limits: what has to hold.
        config: more of the configuration.
        plugins: more plugins, by name.
    """

    def __init__(
        self,
        folder: Path,
        stack: ExitStack,
        found: Findings,
        scene: str,
        limits: Limits,
        *,
        config: str = "",
        plugins: dict[str, str] | None = None,
    ) -> None:
        self.found = found
        self.scene = scene
        self.limits = limits
        self.bots: SlowBots | None = None
        self.is_without_broker = False
        """Whether relays cannot be turned for a while, and readings do not come."""
        self.answers_s: list[float] = []
        """How long the gateway took to answer in that time."""
        self._began = 0
        home = folder / "gateway"
        (home / "plugins").mkdir(parents=True)
        for name, text in {"chatter": CHATTER, **(plugins or {})}.items():
            (home / "plugins" / f"{name}.py").write_text(text)
        self.gateway = GatewayProcess(home, CONFIG + config)
        self.gateway.start()
        stack.callback(self.gateway.end)
        self.client = self.gateway.admit()
        stack.callback(self.client.close)
        self.token = self.client.headers["Authorization"].removeprefix("Bearer ")
        self._run_board(stack)
        self.banks = Banks(self.gateway.mqtt_port)
        stack.callback(self.banks.close)
        for entity in (*RELAYS, PROBE):
            until(lambda entity=entity: self.value(entity) is not None, 30, f"{entity} does not come")
        self.onlooker = Onlooker(self.live(), PROBE, self.banks.sent)
        stack.callback(self.onlooker.close)
        self._caller = Caller(self.client, RELAYS)
        stack.callback(self._caller.close)

    def live(self, buffer_bytes: int | None = None) -> LiveReader:
        """Give a client of the live socket."""
        return LiveReader(self.gateway.http_port, self.token, buffer_bytes)

    def talk(self, per_s: float, length: int) -> None:
        """Let events happen, each of so many bytes."""
        self.act("chatter.talk", per_s=float(per_s), bytes=length)

    def act(self, service: str, **data: object) -> dict[str, object]:
        """Call a service."""
        answer = self.client.post(f"/services/{service.replace('.', '/')}", json=data)
        answer.raise_for_status()
        done: dict[str, object] = answer.json()
        return done

    def value(self, entity: str) -> object:
        """Give the value of an entity, None when there is none."""
        answer = self.client.get(f"/entities/{entity}")
        return answer.json()["value"] if answer.status_code == 200 else None

    def begin(self) -> None:
        """Let it settle, and begin to measure how the others fare."""
        time.sleep(SETTLE_S)
        self._began = len(self._caller.calls)
        self.onlooker.late_s.clear()

    def judge_memory(self, grown_mb: float, clients: int, whose: str = "gateway") -> None:
        """Look whether those who do not read cost too much."""
        each = max(0.0, grown_mb) / clients
        self.found.worst(f"worst_{self.scene}_{whose}_mb_per_client", each)
        if each > self.limits.per_client_mb:
            self.found.fail(f"{self.scene}: each of {clients} that do not read costs the {whose} {each:.2f} MB")

    def judge_others(self) -> None:
        """Look whether who looks on and who turns relays noticed anything."""
        late, calls = sorted(self.onlooker.late_s), self._caller.calls[self._began :]
        took = sorted((one.answered_ms - one.asked_ms) / 1000 for one in calls)
        failed = [one for one in calls if one.status != 200]
        if self.onlooker.closed is not None:
            self.found.fail(f"{self.scene}: who looks on was shut out: {self.onlooker.closed}")
        if self.is_without_broker:
            wrong = [one for one in failed if not 0 < len(one.body.get("detail", "")) < SENTENCE]
            late, took, failed = [0.0], sorted(self.answers_s), wrong
        if failed:
            self.found.fail(f"{self.scene}: {len(failed)} calls failed, first {failed[0]}")
        if not late or not took:
            self.found.fail(f"{self.scene}: who looks on saw {len(late)} values, and relays were turned {len(took)} times")
            return
        self.found.add("calls", len(took))
        self.found.add("values_seen_by_others", len(late))
        for what, sample, limit_s in (("late", late, self.limits.late_s), ("call", took, self.limits.call_s)):
            p99_s = sample[min(len(sample) - 1, round(0.99 * len(sample)))]
            self.found.worst(f"worst_{self.scene}_{what}_p99_s", p99_s)
            if p99_s > limit_s:
                self.found.fail(f"{self.scene}: of 100 {'values' if what == 'late' else 'calls'} one takes {p99_s:.3f} s")

    def judge_newest(self, what: str, began: float, has_it: bool, limit_s: float | None = None) -> None:
        """Look whether who reads again has the newest."""
        took_s = time.monotonic() - began
        self.found.worst(f"worst_{self.scene}_newest_s", took_s)
        if not has_it or took_s > (limit_s or self.limits.newest_s):
            self.found.fail(f"{self.scene}: {what} {took_s:.1f} s after it reads again")

    def judge_words(self) -> None:
        """Look whether the gateway said something that nobody expected."""
        if "Traceback" in self.gateway.said():
            self.found.fail(f"{self.scene}: an exception was not caught: {self.gateway.said().split('Traceback', 1)[1][:3000]}")

    def _run_board(self, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "tests.faults.boards", "--port", str(self.gateway.mqtt_port)]
        board = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
        stack.callback(board.wait, timeout=10)
        stack.callback(board.terminate)
        assert board.stdin is not None
        board.stdin.write(f"{BOARD} \n")
        board.stdin.close()


def memory_mb(pid: int) -> float:
    """Give the memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) / 1000


def unsent_mb(port: int) -> float:
    """Give what the kernel holds for all who are connected to a port and did not take it yet."""
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, _, _, queues, *_ = line.split()
        if int(here.split(":")[1], 16) == port:
            total += int(queues.split(":")[0], 16)
    return total / 1e6

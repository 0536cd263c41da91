"""R7: one device floods 20 000 messages a second; the others notice nothing, it is named, and it is slowed.

A real gateway with two relay boards and six sensor nodes, 20 numbered readings a second each, half of them in QoS 1. One more
device publishes 20 000 readings a second on its own topic for 60 s, in four scenes: with an account at the gateway's own broker,
the same in QoS 1, without a name at it (`anonymous: loopback`), and at a broker of another, where the gateway can only leave out.
Meanwhile relays are turned over REST, one call after the other. A call and its answer, with the board's word, may take 300 ms in
99 of 100 cases; the gateway may grow by 30 MB; the events, the notices, the device's page and the metrics must name the flooding
device and no other; where the broker is the gateway's own it must be held back there, without being thrown out; and every reading
of the others must stand in the history.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.gateway import HOST, GatewayProcess, OutsideBroker, everything, metrics, scratch, until
from tests.faults.record import ROOT, Findings, run_as_command

CONFIG = """
mqtt: {{{mqtt}}}
devices: {{approve: automatic}}
history: {{flush_s: 1}}
telemetry:
relays:
"""
BOARDS = ("left", "right")
SENSORS = 6
PER_S = 20
FLOODER = "mad"
RATE = 20_000
CALL_EVERY_S = 0.03
LOOK_EVERY_S = 0.25
ARRIVED_S = 60.0


class Scene(StrEnum):
    """How the flooding device enters."""

    ACCOUNT = "account"
    KEPT = "kept"
    NAMELESS = "nameless"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Limits:
    """What has to hold.

    Args:
        p99_s: a call, in 99 of 100 cases.
        growth_mb: memory of the gateway.
    """

    p99_s: float = 0.3
    growth_mb: float = 30.0


class Sensors:
    """Nodes that publish numbered readings; the even ones in QoS 1, the odd ones in QoS 0."""

    def __init__(self, port: int, passwords: dict[str, str | None]) -> None:
        self.sent = dict.fromkeys(passwords, 0)
        self.acknowledged = dict.fromkeys(passwords, 0)
        self._is_over = threading.Event()
        self._clients = {name: self._connect(port, name, password) for name, password in passwords.items()}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say the last reading, and go once the broker has it."""
        self._is_over.set()
        self._thread.join()
        until(lambda: self.sent == self.acknowledged, 30, "the broker does not take the readings")
        for client in self._clients.values():
            client.disconnect()
            client.loop_stop()

    def _connect(self, port: int, name: str, password: str | None) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
        if password is not None:
            client.username_pw_set(name, password)

        def on_publish(*_words: Any) -> None:
            self.acknowledged[name] += 1

        client.on_publish = on_publish
        client.connect(HOST, port)
        client.loop_start()
        until(client.is_connected, 10, f"{name} does not get in")
        return client

    def _run(self) -> None:
        due = time.monotonic()
        while not self._is_over.is_set():
            for place, (name, client) in enumerate(self._clients.items()):
                client.publish(f"autocore/telemetry/{name}/data", json.dumps({"n": self.sent[name]}), qos=1 - place % 2)
                self.sent[name] += 1
            due += 1 / PER_S
            self._is_over.wait(max(0.0, due - time.monotonic()))


class Drive:
    """One gateway with its boards and sensors, and one flood."""

    def __init__(self, folder: Path, stack: ExitStack, scene: Scene, found: Findings) -> None:
        self.found = found
        self.scene = scene
        words = "anonymous: none" if scene in (Scene.ACCOUNT, Scene.KEPT) else "anonymous: loopback"
        port = None
        if scene is Scene.FOREIGN:
            broker = OutsideBroker(folder / "broker")
            stack.callback(broker.end)
            port = broker.port
            words = f"broker: 'mqtt://{HOST}:{port}'"
        self.gateway = GatewayProcess(folder / "gateway", CONFIG.format(mqtt=words))
        self.gateway.start()
        stack.callback(self.gateway.end)
        self.port = port or self.gateway.mqtt_port
        self.client = self.gateway.admit()
        stack.callback(self.client.close)
        self._began_wall = time.time()
        sensors = {f"node_{number}": self._password(f"node_{number}") for number in range(SENSORS)}
        self._mad = self._password(FLOODER)
        self._run_boards(stack)
        self.sensors = Sensors(self.port, sensors)

    def prepare(self) -> None:
        """Return when everything is there, and has run for a while."""
        for one in BOARDS:
            until(lambda one=one: self._is_there(f"switch.{one}_1"), 30, f"the board {one} does not come")
        for name in self.sensors.sent:
            until(lambda name=name: self._is_there(f"sensor.{name}_n"), 30, f"{name} is not heard")
        self._calls(2.0)

    def flood(self, seconds: float, limits: Limits) -> None:
        """Let it flood, and turn relays meanwhile."""
        before = _memory_mb(self.gateway.pid)
        command = [sys.executable, "-m", "tests.faults.flood", "--port", str(self.port), "--device", FLOODER]
        command += ["--qos", str(int(self.scene is Scene.KEPT)), "--rate", str(RATE), "--seconds", str(seconds)]
        command += ["--username", FLOODER] if self._mad else []
        mad = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert mad.stdin is not None
            mad.stdin.write(f"{self._mad or ''}\n")
            mad.stdin.flush()
            took, highest = self._calls(seconds)
            said, _ = mad.communicate(timeout=60)
        finally:
            mad.kill()
        took.sort()
        p50_s, p99_s = took[len(took) // 2], took[min(len(took) - 1, round(0.99 * len(took)))]
        growth_mb = highest - before
        self.found.add("calls", len(took))
        self.found.worst(f"worst_{self.scene}_p50_s", p50_s)
        self.found.worst(f"worst_{self.scene}_p99_s", p99_s)
        self.found.worst(f"worst_{self.scene}_growth_mb", growth_mb)
        flooded = json.loads(said)
        self.found.add("flood_sent", flooded["sent"])
        self.found.add("thrown_out", flooded["thrown_out"])
        if p99_s > limits.p99_s:
            self.found.fail(f"{self.scene}: of 100 calls one takes {p99_s:.3f} s")
        if growth_mb > limits.growth_mb:
            self.found.fail(f"{self.scene}: the gateway grew by {growth_mb:.1f} MB")
        if flooded["thrown_out"]:
            self.found.fail(f"{self.scene}: the device was thrown out {flooded['thrown_out']} times")

    def judge(self) -> None:
        """Look who was named and slowed, and whether the others' readings are there."""
        self.sensors.close()
        for place, (name, sent) in enumerate(self.sensors.sent.items()):
            wanted = set(range(sent))
            try:
                until(lambda name=name, wanted=wanted: not wanted - self._values(name), ARRIVED_S, "")
            except AssertionError:
                missing = sorted(wanted - self._values(name))
                qos = 1 - place % 2
                self.found.fail(f"{self.scene}: of {name} (QoS {qos}) {len(missing)} of {sent} are missing, first {missing[0]}")
            self.found.add("readings_of_others", sent)
        counted = self.client.get(self.gateway.base + "/metrics").text
        named = dict(re.findall(r'autocore_device_flooded_total\{device="([^"]+)"\} ([0-9.e+]+)', counted))
        events = [one for one in everything(self.client, "/events") if one["type"] in ("device.flooding", "device.slowed")]
        notices = [one["text"] for one in everything(self.client, "/notices") if "sends too much" in one["text"]]
        shown = self.client.get(f"/devices/{FLOODER}").json()["flood"]
        self.found.add("received", metrics(self.client)["autocore_mqtt_received"])
        self.found.add("left_out", shown["dropped"])
        if set(named) != {FLOODER} or shown["dropped"] != float(named[FLOODER]):
            self.found.fail(f"{self.scene}: the metrics name {named}, the device says {shown}")
        if {one["data"]["device"] for one in events} != {FLOODER} or not all(FLOODER in one for one in notices) or not notices:
            self.found.fail(f"{self.scene}: named by events are {events}, by notices {notices}")
        slowed = sum(one["type"] == "device.slowed" for one in events)
        self.found.add(f"{self.scene}_slowed", slowed)
        if bool(slowed) != (self.scene is not Scene.FOREIGN):
            self.found.fail(f"{self.scene}: the broker held it back {slowed} times")
        if "Traceback" in self.gateway.said():
            self.found.fail(f"an exception was not caught: {self.gateway.said().split('Traceback', 1)[1][:3000]}")

    def _password(self, name: str) -> str | None:
        if self.scene not in (Scene.ACCOUNT, Scene.KEPT):
            return None
        answer = self.client.post("/devices", json={"id": name})
        answer.raise_for_status()
        return str(answer.json()["credentials"]["password"])

    def _run_boards(self, stack: ExitStack) -> None:
        lines = "".join(f"{one} {self._password(one) or ''}\n" for one in BOARDS)
        command = [sys.executable, "-m", "tests.faults.boards", "--port", str(self.port)]
        boards = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
        stack.callback(boards.wait, timeout=10)
        stack.callback(boards.terminate)
        assert boards.stdin is not None
        boards.stdin.write(lines)
        boards.stdin.close()

    def _calls(self, seconds: float) -> tuple[list[float], float]:
        """Turn relays for a while; gives how long each call took, and the most memory that the gateway had."""
        took: list[float] = []
        highest = looked = 0.0
        began = time.monotonic()
        while (now := time.monotonic()) - began < seconds:
            entity = f"switch.{BOARDS[len(took) % len(BOARDS)]}_1"
            verb = "turn_off" if len(took) // len(BOARDS) % 2 else "turn_on"
            answer = self.client.post(f"/services/switch/{verb}", json={"entity": entity})
            took.append(time.monotonic() - now)
            if answer.status_code != 200:
                self.found.fail(f"{self.scene}: {verb} {entity} answers {answer.status_code} {answer.text[:200]}")
            if now - looked > LOOK_EVERY_S:
                highest, looked = max(highest, _memory_mb(self.gateway.pid)), now
            time.sleep(CALL_EVERY_S)
        return took, highest

    def _is_there(self, entity: str) -> bool:
        answer = self.client.get(f"/entities/{entity}")
        return answer.status_code == 200 and bool(answer.json()["available"])

    def _values(self, name: str) -> set[int]:
        params: dict[str, Any] = {"format": "csv", "from": self._began_wall - 5}
        answer = self.client.get(f"/entities/sensor.{name}_n/history", params=params, timeout=60)
        rows = [line.split(",")[1] for line in answer.text.splitlines()[1:]] if answer.status_code == 200 else []
        return {round(float(one)) for one in rows if one}


def _memory_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) / 1000


def run(scene: Scene, seconds: float, limits: Limits) -> Findings:
    """Play one scene."""
    found = Findings()
    found.runs += 1
    with scratch() as folder, ExitStack() as stack:
        try:
            drive = Drive(folder, stack, scene, found)
            drive.prepare()
            drive.flood(seconds, limits)
            drive.judge()
        except AssertionError as error:
            found.fail(f"{scene}: {error}")
    return found


def full(options: argparse.Namespace) -> Findings:
    """Play the four scenes by turns, as often as is asked."""
    found = Findings()
    for number in range(options.runs):
        found.take(run(list(Scene)[number % len(Scene)], 60.0, Limits()))
    return found


if __name__ == "__main__":
    run_as_command("R7", __doc__, full, runs=4)

"""R6: whatever malformed comes in, on MQTT, HTTP or WebSocket, nothing raises, nothing changes, and memory stays bounded.

In memory: a whole gateway hears, on every topic that it subscribes to, payloads that are no JSON (bytes at random, invalid UTF-8,
NaN and 1e400, JSON ten thousand levels deep, two megabytes, NUL) and documents of the protocol with one fault (a field of a wrong
type, missing, enormous, nested, twice), with ids of every kind in the topics. After each: no handler failed, nothing was logged
as a mistake; what is invalid changed no entity, no device and no relay, and was counted; the next reading is taken, and now and
then a relay obeys and every page and list is asked for. Warnings are bounded whatever comes.

Over lines: a real gateway with its own Mosquitto. A device with an account sends the same; strangers send what is no MQTT to the
broker and no HTTP or WebSocket to the web; requests with every kind of wrong body, path and header come in the name of an
administrator, and some are never ended. No answer may be 5xx, no exception may stand in the log, a relay must obey all the time,
entities and devices must be what they were, and the gateway may grow by 10 MB after a first round of everything.
"""

from __future__ import annotations

import argparse
import random
import re
import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.boards import Boards
from tests.faults.gateway import HOST, GatewayProcess, everything, metrics, scratch, until
from tests.faults.malformed import NO_JSON, extremes, longest_topic, mutants, no_json, topics_of
from tests.faults.malformed_air import Ear, documents_for, ear
from tests.faults.malformed_lines import FRAMES, HALVES, NO_HTTP, PACKETS, WORDS, Door, knock, masked, requests
from tests.faults.record import Findings, run_as_command

CONFIG = """
mqtt: {anonymous: none, publish: ["sensor.*"], events: ["*"]}
devices: {approve: automatic}
history: {flush_s: 1}
telemetry: {sensors: [{topic: tele/mad/plain, name: Plain}]}
relays:
can: {publish: false}
themes:
telegram:
derived: {templates: [{name: Doubled, value: "{{ states('sensor.mad_rpm') }}"}]}
"""
BOARDS = ("left", "right")
MAD = "mad"
GROWTH_MB = 10.0
LOOK_EVERY = 50
MESSAGES_PER_ROUND = 600
OBEYS_S = 20.0
OWN = [
    "autocore/devices/mad/register",
    "autocore/devices/mad/status",
    "autocore/devices/mad/error",
    "autocore/devices/mad/ack",
    "autocore/telemetry/mad/data",
    "autocore/relays/mad/state",
    "autocore/config/request",
    "autocore/can/mad/data",
    "autocore/api/mad/request",
    "autocore/notify",
]
"""Topics on which the device may publish, or tries to."""


def in_memory(found: Findings, seed_: int, examples: int, every: int = 1) -> None:
    """Let a gateway in memory hear every named case, or every so many-th, and so many at random."""
    with tempfile.TemporaryDirectory() as folder, ear(Path(folder), found) as one:
        named = [(filter_.replace("+", "engine"), body, True) for filter_ in one.filters() for body in NO_JSON]
        named += [
            (longest_topic(filter_), body, False) for filter_ in one.filters() if "+" in filter_ for body in (b"{}", b"\xff")
        ]
        named += [(topic, body, False) for topic, body in extremes()]
        for number, (topic, body, is_no_json) in enumerate(named):
            if number % every == 0:
                one.hear(topic, body, is_no_json=is_no_json)
                if number % LOOK_EVERY == 0:
                    one.look()
        one.look()
        _at_random(one, seed_, examples)
        found.add("warnings", one.listener.refusals)


def _at_random(one: Ear, seed_: int, examples: int) -> None:
    filters = one.filters()
    cases = st.sampled_from(filters).flatmap(
        lambda filter_: st.tuples(
            topics_of(filter_),
            st.one_of(
                st.tuples(mutants(documents_for(filter_)), st.just(value=False)), st.tuples(no_json(), st.just(value=True))
            ),
        )
    )
    count = 0

    @seed(seed_)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(cases)
    def hear(case: tuple[str, tuple[bytes, bool]]) -> None:
        nonlocal count
        count += 1
        topic, (body, is_no_json) = case
        one.hear(topic, body, is_no_json=is_no_json)
        if count % LOOK_EVERY == 0:
            one.look()

    hear()


class Lines:
    """A real gateway with two relay boards, and a device that has an account and no sense."""

    def __init__(self, folder: Path, seed_: int, found: Findings, stack: ExitStack) -> None:
        self.found = found
        self.dice = random.Random(seed_)
        self.gateway = GatewayProcess(folder / "gateway", CONFIG)
        self.gateway.start()
        stack.callback(self.gateway.end)
        self.client = self.gateway.admit()
        stack.callback(self.client.close)
        self.door = Door(self.gateway.http_port, self.client.headers["Authorization"].removeprefix("Bearer "))
        self._halves: list[socket.socket] = []
        stack.callback(self._leave)
        boards = Boards(self.gateway.mqtt_port, {name: self._password(name) for name in BOARDS})
        stack.callback(boards.close)
        self._mad = paho.Client(CallbackAPIVersion.VERSION2, client_id=MAD)
        self._mad.username_pw_set(MAD, self._password(MAD))
        self._mad.reconnect_delay_set(1, 1)
        self._mad.connect(HOST, self.gateway.mqtt_port)
        self._mad.loop_start()
        stack.callback(self._mad.loop_stop)
        stack.callback(self._mad.disconnect)
        for name in BOARDS:
            until(lambda name=name: self._is_there(f"switch.{name}_1"), 30, f"the board {name} does not come")
        self.obey()
        self._before = self.state()

    def messages(self, amount: int) -> None:
        """Let the device send so many malformed messages."""
        bodies = [*NO_JSON, *(body for topic, body in extremes() if topic.startswith("autocore/"))]
        for number in range(amount):
            topic = self.dice.choice(OWN)
            self._mad.publish(topic, self.dice.choice(bodies), qos=number % 2)
            if number % 20 == 19:
                time.sleep(0.02)  # below what a device may send, so that the gateway reads it
        until(self._mad.is_connected, 15, "the device does not come back to the broker")
        self.found.add("mqtt_messages", amount)

    def packets(self) -> None:
        """Send to the broker what is no MQTT."""
        for packet in [*PACKETS, *(self.dice.randbytes(self.dice.randrange(1, 2_000)) for _ in range(20))]:
            knock(self.gateway.mqtt_port, packet)
            self.found.add("mqtt_packets")

    def requests(self, amount: int) -> None:
        """Send malformed requests in the name of an administrator; none may be answered with 5xx."""
        for number, (method, path, head, body, kind) in enumerate(requests(self.dice)):
            if number >= amount:
                break
            self._judge(
                self.door.ask(method, path, head=head, body=body, kind=kind), f"{method} {path[:80]} {head[:80]!r} {body[:80]!r}"
            )
        for text in NO_HTTP:
            self._judge(self.door.send(text), repr(text[:80]))
        self._judge(self.door.ask("POST", "/api/v1/auth/login", body=b"x" * 2_000_001), "a body of two megabytes")
        self._judge(
            self.door.ask("POST", "/api/v1/services/notify/send", head="Transfer-Encoding: chunked", body=_chunks()),
            "2 MB in chunks",
        )

    def frames(self) -> None:
        """Break the rules on the live socket; one that keeps them must be served beside."""
        with self.door.live() as quiet:
            for text in FRAMES:
                self.door.frame(text)
            self.door.frame(b"".join(masked(1, one) for one in WORDS if len(one) < 60_000))
            self.door.frame(masked(2, b'{"ping": 1}') + masked(2, b"\xff\x00"))
            self.door.frame(masked(1, b'{"ping": "\xff"}'))
            self.door.frame(masked(1, b"[" * 250_000) + masked(1, b'{"a": "' + b"x" * 200_000 + b'"}'))
            self.door.frame(self.dice.randbytes(500))
            self.found.add("websocket_frames", len(FRAMES) + len(WORDS) + 7)
            quiet.settimeout(5)
            quiet.sendall(masked(1, b'{"ping": 7}'))
            if b'{"pong":7' not in quiet.recv(4_096):
                self.found.fail("a client of the live socket is not served any more")

    def halves(self) -> None:
        """Begin requests that are never ended."""
        self._halves += [self.door.open(text) for text in HALVES for _ in range(5)]
        self.found.add("half_requests", 5 * len(HALVES))

    def obey(self) -> None:
        """Turn every relay once; the boards must have done it."""
        for name in BOARDS:
            for verb in ("turn_on", "turn_off"):
                began = time.monotonic()
                answer = self.client.post(f"/services/switch/{verb}", json={"entity": f"switch.{name}_1"})
                self.found.worst("worst_relay_s", time.monotonic() - began)
                self.found.add("calls")
                if answer.status_code != 200:
                    self.found.fail(f"{verb} switch.{name}_1 answers {answer.status_code} {answer.text[:200]}")

    def look(self) -> None:
        """See that all is as it was."""
        self.obey()
        now = self.state()
        if now != self._before:
            changed = [name for name in {*now, *self._before} if now.get(name) != self._before.get(name)]
            told = [f"{name}: {self._before.get(name)} -> {now.get(name)}" for name in sorted(changed)[:3]]
            self.found.fail(f"{len(changed)} entities or devices changed: {told}")
            self._before = now
        for path in ("/entities", "/devices", "/devices/mad", "/events", "/audit", "/notices", "/plugins"):
            answer = self.client.get(path)
            if answer.status_code != 200:
                self.found.fail(f"{path} answers {answer.status_code} {answer.text[:200]}")
        failed = [one["name"] for one in everything(self.client, "/plugins") if one["errors"] or one["status"] == "failed"]
        if failed:
            self.found.fail(f"plugins failed: {failed}")
        if metrics(self.client)["autocore_mqtt_failed"]:
            self.found.fail("a handler of messages failed")

    def judge(self) -> None:
        """Look at everything that was said."""
        self.found.figures["refused"] = self.found.figures.get("refused", 0) + metrics(self.client)["autocore_mqtt_rejected"]
        said = self.gateway.said()
        if "Traceback" in said:
            self.found.fail(f"an exception was not caught: {said.split('Traceback', 1)[1][:3000]}")
        lines = said.splitlines()
        odd = [line for line in lines if " ERROR " in line and "autocore.events" not in line]
        odd += [line for line in lines if not line.isprintable() and "\u200d" not in line]
        if odd:
            self.found.fail(f"the log holds what it should not: {odd[0][:300]!r}")

    def memory_mb(self) -> float:
        """Give what the gateway has now."""
        text = Path(f"/proc/{self.gateway.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) / 1000

    def state(self) -> dict[str, Any]:
        """Give entities and devices without what moves by itself, and without those of the malformed device."""
        found: dict[str, Any] = {}
        for one in everything(self.client, "/entities"):
            if one["plugin"] not in ("system", "can", "telegram", "derived") and one["device"] != MAD and one["name"] != "Plain":
                found[one["id"]] = (one["value"], one["available"], one["name"], one.get("area"))
        for one in everything(self.client, "/devices"):
            if one["id"] != MAD:
                found[f"device {one['id']}"] = {
                    key: one[key] for key in ("name", "area", "type", "standing", "status", "is_welcomed")
                }
        return found

    def _judge(self, status: int | None, told: str) -> None:
        self.found.add("requests")
        self.found.add("requests_unanswered", status is None)
        if status is not None and status >= 500:
            self.found.fail(f"{told} is answered {status}")

    def _is_there(self, entity: str) -> bool:
        answer = self.client.get(f"/entities/{entity}")
        return answer.status_code == 200 and bool(answer.json()["available"])

    def _password(self, name: str) -> str:
        answer = self.client.post(
            "/devices", json={"id": name, "granted": ["can_bridge", "api", "script"] if name == MAD else []}
        )
        answer.raise_for_status()
        return str(answer.json()["credentials"]["password"])

    def _leave(self) -> None:
        for line in self._halves:
            with suppress(OSError):
                line.close()


def _chunks() -> bytes:
    return b"".join(b"10000\r\n" + b"x" * 65_536 + b"\r\n" for _ in range(32)) + b"0\r\n\r\n"


def over_lines(
    found: Findings, seed_: int, rounds: int, *, requests_each: int = 10_000, messages_each: int = MESSAGES_PER_ROUND
) -> None:
    """Play everything on a real gateway once, and then so many rounds more, in which it may not grow."""
    with scratch() as folder, ExitStack() as stack:
        lines = Lines(folder, seed_, found, stack)
        lines.halves()
        before_mb = 0.0
        for number in range(rounds + 1):
            lines.messages(messages_each)
            lines.packets()
            lines.requests(requests_each)
            lines.frames()
            lines.look()
            if number == 0:
                before_mb = lines.memory_mb()
        grown_mb = max(0.0, lines.memory_mb() - before_mb)
        found.worst("worst_growth_mb", grown_mb)
        found.worst("worst_memory_mb", lines.memory_mb())
        if grown_mb > GROWTH_MB:
            found.fail(f"the gateway grew by {grown_mb:.1f} MB in {rounds} rounds")
        lines.judge()


def full(options: argparse.Namespace) -> Findings:
    """Let a gateway in memory hear everything and as many at random as is asked; then some rounds over lines."""
    found = Findings(runs=options.runs)
    try:
        in_memory(found, options.seed, options.runs)
        over_lines(found, options.seed, rounds=4)
    except (AssertionError, Flaky) as error:
        found.fail(str(error))
    return found


if __name__ == "__main__":
    run_as_command("R6", __doc__, full, runs=4_000)

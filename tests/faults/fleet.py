"""What stands around a gateway whose broker is taken away: sensor nodes, people who turn relays, and who looks at the broker."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.gateway import HOST, until

PACKET_IDS = 65_535
CALL_EVERY_S = 0.05
LOOK_LIMIT_S = 5.0
MARK = "faults/mark"


def now_ms() -> int:
    """Give the machine's monotonic clock, by which the gateway stamps its commands."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class Node:
    """A sensor node that publishes numbered readings in QoS 1, and keeps those that the broker did not take.

    Attributes:
        sent_ms: when each number was measured.
        taken_ms: when the broker acknowledged it, by the number.
    """

    name: str
    client: paho.Client
    sent_ms: list[int] = field(default_factory=list)
    taken_ms: dict[int, int] = field(default_factory=dict)

    def measure(self) -> None:
        """Publish the next number; without a broker the client keeps it."""
        body = json.dumps({"n": len(self.sent_ms)})
        self.sent_ms.append(now_ms())
        self.client.publish(f"autocore/telemetry/{self.name}/data", body, qos=1)

    def take(self, packet: int) -> None:
        """Note an acknowledgement; the client numbers its packets from 1 and publishes nothing else."""
        number = packet - 1
        while number in self.taken_ms:
            number += PACKET_IDS
        self.taken_ms[number] = now_ms()


class Nodes:
    """Sensor nodes, each with an account."""

    def __init__(self, port: int, passwords: dict[str, str], per_s: float) -> None:
        self.nodes = [self._connect(port, name, password) for name, password in passwords.items()]
        self._pause_s = 1 / per_s
        self._is_over = threading.Event()
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._is_open.set()
        self._thread.start()

    def pause(self, limit_s: float) -> None:
        """Measure nothing more, and return once the broker has taken everything."""
        self._is_open.clear()
        time.sleep(2 * self._pause_s)
        for node in self.nodes:
            until(lambda node=node: len(node.taken_ms) >= len(node.sent_ms), limit_s, f"{node.name} cannot deliver what it kept")

    def resume(self) -> None:
        """Measure again."""
        self._is_open.set()

    def close(self) -> None:
        """Switch them off."""
        self._is_over.set()
        self._is_open.set()
        self._thread.join()
        for node in self.nodes:
            node.client.disconnect()
            node.client.loop_stop()

    @staticmethod
    def _connect(port: int, name: str, password: str) -> Node:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
        node = Node(name, client)
        client.username_pw_set(name, password)
        client.reconnect_delay_set(1, 2)
        client.on_publish = lambda _client, _data, packet, *_words: node.take(packet)
        client.connect(HOST, port)
        client.loop_start()
        until(client.is_connected, 10, f"{name} does not get in")
        return node

    def _run(self) -> None:
        due = time.monotonic()
        while not self._is_over.is_set():
            self._is_open.wait()
            for node in self.nodes:
                node.measure()
            due = max(due + self._pause_s, time.monotonic() - 1)
            self._is_over.wait(max(0.0, due - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody asked for a relay, and got an answer."""

    entity: str
    verb: str
    asked_ms: int
    answered_ms: int
    status: int
    body: dict[str, Any]


class Caller:
    """Turns relays over REST, one call after the other, whatever becomes of them."""

    def __init__(self, client: httpx.Client, entities: list[str]) -> None:
        self.calls: list[Call] = []
        self._client = client
        self._entities = entities
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Call no more; the last call has its answer."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._is_over.wait(CALL_EVERY_S):
            entity = self._entities[number % len(self._entities)]
            verb = "turn_off" if number // len(self._entities) % 2 else "turn_on"
            number += 1
            asked = now_ms()
            answer = self._client.post(f"/services/switch/{verb}", json={"entity": entity})
            self.calls.append(Call(entity, verb, asked, now_ms(), answer.status_code, answer.json()))


@dataclass(frozen=True, slots=True)
class Key:
    """What opens the broker."""

    port: int
    username: str
    password: str


def enters(key: Key, client_id: str) -> bool:
    """Say whether the broker lets somebody in; raises AssertionError when it says nothing."""
    words: list[bool] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, reconnect_on_failure=False)
    client.username_pw_set(key.username, key.password)
    client.on_connect = lambda _client, _data, _flags, code, _properties: words.append(not code.is_failure)
    client.connect(HOST, key.port)
    client.loop_start()
    try:
        until(lambda: words, LOOK_LIMIT_S, "the broker does not answer")
    finally:
        client.disconnect()
        client.loop_stop()
    return words[0]


def retained(key: Key) -> dict[str, Any]:
    """Give what the broker keeps under the gateway's root: JSON by topic. Empty when the broker is not to be reached."""
    found: dict[str, Any] = {}
    state: dict[str, bool] = {}
    client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
    client.username_pw_set(key.username, key.password)

    def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        state["refused"] = code.is_failure
        client.subscribe([("autocore/#", 1), (MARK, 1)])

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic == MARK:
            state["done"] = True
        elif message.retain:
            found[message.topic] = json.loads(message.payload)

    client.on_connect = on_connect
    # What is retained is sent with the answer to the subscription; what is published after that comes behind it.
    client.on_subscribe = lambda *_words: client.publish(MARK, b"-", qos=1)
    client.on_message = on_message
    client.on_disconnect = lambda *_words: state.update(gone=True)
    try:
        client.connect(HOST, key.port)
    except OSError:
        return {}
    client.loop_start()
    try:
        until(lambda: state.keys() & {"done", "gone"}, LOOK_LIMIT_S, "the broker does not say what it keeps")
    finally:
        client.disconnect()
        client.loop_stop()
    return found if state.get("done") else {}


def said_by(client: httpx.Client, path: str, wanted: Callable[[Any], bool]) -> bool:
    """Say whether REST answers 200 on `path` with what is wanted."""
    answer = client.get(path)
    return answer.status_code == 200 and wanted(answer.json())

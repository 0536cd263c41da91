"""What happens to a gateway while it is tortured: a stream of telemetry, and people who change things over REST."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import Any

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.faults.gateway import HOST, PASSWORD, everything
from tests.faults.promise import GONE, Promises

DEVICES = 10
LOOSE_PER_S = 50
LOOSE_ENTITY = "sensor.loose_n"
TURN_S = 0.02
MOST_TOKENS, MOST_USERS = 30, 6


class Stream:
    """Publishes numbered readings: `rate` a second in QoS 1 over ten devices, and 50 a second in QoS 0 on one more.

    Every number goes out once. A number is promised when the broker acknowledged it.
    """

    def __init__(self, port: int, rate: int, session: str) -> None:
        self.sent = 0
        self.promised = 0
        self.loose: list[tuple[int, float]] = []
        """(number, when it was published) of those in QoS 0."""
        self._rate = rate
        self._is_open = threading.Event()
        self._is_over = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=session, protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(20_000)
        self._client.on_publish = self._on_publish
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 7 * 86_400
        self._client.connect(HOST, port, clean_start=False, properties=properties)
        self._client.loop_start()
        self._loose_client = paho.Client(CallbackAPIVersion.VERSION2)
        self._loose_client.connect(HOST, port)
        self._loose_client.loop_start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def entity(number: int) -> str:
        """Give the entity whose history holds the number."""
        return f"sensor.stream_{number % DEVICES}_n"

    def resume(self) -> None:
        """Publish from now on."""
        self._is_open.set()

    def pause(self) -> None:
        """Publish nothing more, and return when the broker has acknowledged everything."""
        self._is_open.clear()
        time.sleep(2 * TURN_S)
        deadline = time.monotonic() + 30
        while self.promised < self.sent and time.monotonic() < deadline:
            time.sleep(0.01)
        if self.promised < self.sent:
            raise AssertionError(f"the broker acknowledged {self.promised} of {self.sent}")

    def close(self) -> None:
        """End it."""
        self._is_over.set()
        self._is_open.set()
        self._thread.join()
        for client in (self._client, self._loose_client):
            client.disconnect()
            client.loop_stop()

    def _on_publish(self, *_words: Any) -> None:
        self.promised += 1  # the broker's PUBACK: this client publishes in QoS 1 only

    def _run(self) -> None:
        owed = loosely = 0.0
        before = time.monotonic()
        while not self._is_over.is_set():
            if not self._is_open.is_set():
                self._is_open.wait()
                before = time.monotonic()
            time.sleep(TURN_S)
            now = time.monotonic()
            owed += (now - before) * self._rate
            loosely += (now - before) * LOOSE_PER_S
            before = now
            while owed >= 1 and not self._is_over.is_set():
                owed -= 1
                self._publish(self.sent)
            while loosely >= 1:
                loosely -= 1
                self.loose.append((len(self.loose), time.monotonic()))
                self._loose_client.publish("autocore/telemetry/loose/data", json.dumps({"n": len(self.loose) - 1}))

    def _publish(self, number: int) -> None:
        self.sent += 1
        self._client.publish(f"autocore/telemetry/stream_{number % DEVICES}/data", json.dumps({"n": number}), qos=1)


class People:
    """Makes and removes tokens and users, and renames entities, one act after the other, until the gateway dies."""

    def __init__(self, client: httpx.Client, promises: Promises, dice: random.Random) -> None:
        self.promises = promises
        self._client = client
        self._dice = dice
        self._token_ids: dict[str, str] = {}
        self._number = 0
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self.refusals: list[str] = []

    def begin(self) -> None:
        """Act from now on."""
        self._is_over.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Act no more; returns when the last act has its answer or has none."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def look(self) -> dict[str, Any]:
        """Give what the gateway knows of all that, by the names of the promises."""
        tokens = everything(self._client, "/auth/tokens")
        self._token_ids = {one["name"]: one["id"] for one in tokens}
        found: dict[str, Any] = {f"token/{one['name']}": True for one in tokens}
        found |= {f"user/{one['username']}": one["role"] for one in everything(self._client, "/users")}
        found |= {f"name/{one['id']}": one["name"] for one in everything(self._client, "/entities")}
        return found

    def _run(self) -> None:
        while not self._is_over.is_set():
            try:
                self._act()
            except httpx.TransportError:  # the gateway is dead: what was asked last has no answer
                return

    def _act(self) -> None:
        act = self._dice.choice((self._token, self._token, self._rename, self._rename, self._rename, self._user, self._call))
        act()

    def _token(self) -> None:
        known = self.promises.known("token/")
        if len(known) > MOST_TOKENS:
            name = next(iter(known))
            self._ask(name, GONE, "DELETE", f"/auth/tokens/{self._token_ids[name.removeprefix('token/')]}")
            return
        text = f"t{self._new_number()}"
        answer = self._ask(f"token/{text}", True, "POST", "/auth/tokens", {"name": text})
        if answer.is_success:
            self._token_ids[text] = answer.json()["id"]

    def _user(self) -> None:
        known = self.promises.known("user/")
        if len(known) > MOST_USERS:
            name = next(iter(known))
            self._ask(name, GONE, "DELETE", f"/users/{name.removeprefix('user/')}", {"own_password": PASSWORD})
            return
        name = f"guest{self._new_number()}"
        body = {"username": name, "password": PASSWORD, "role": "viewer", "own_password": PASSWORD}
        self._ask(f"user/{name}", "viewer", "POST", "/users", body)

    def _rename(self) -> None:
        entity = Stream.entity(self._dice.randrange(DEVICES))
        text = f"Stream {self._new_number()}"
        self._ask(f"name/{entity}", text, "PATCH", f"/entities/{entity}", {"name": text})

    def _call(self) -> None:
        """Call a service, which the audit remembers."""
        answer = self._client.post("/services/notify/send", json={"text": f"Call {self._new_number()}", "severity": "info"})
        if not answer.is_success:
            self.refusals.append(f"notify.send: {answer.status_code} {answer.text[:200]}")

    def _ask(self, name: str, value: Any, method: str, path: str, body: Any = None) -> httpx.Response:
        self.promises.ask(name, value)
        answer = self._client.request(method, path, json=body)
        if answer.is_success:
            self.promises.keep(name, value)
        else:
            self.promises.refuse(name)
            if answer.status_code != 404 or not name.startswith("name/"):  # its device has not reported yet
                self.refusals.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def _new_number(self) -> int:
        self._number += 1
        return self._number

"""A whole gateway in memory that hears malformed messages on every topic that it subscribes to, and is looked at after each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autocore.builtin.log import _Sentences
from autocore.core.mqtt.message import Message
from autocore.core.mqtt.topics import matches
from autocore.core.names import is_device_id, readable
from autocore.testing import Car
from tests.faults.malformed import examples_of
from tests.faults.record import Findings

CONFIG = """
mqtt: {anonymous: loopback, publish: ["sensor.*", "switch.*"], events: ["*"]}
history: {flush_s: 1}
telemetry:
  sensors:
    - {topic: tele/fridge/SENSOR, path: ENERGY.Power, name: Fridge power, unit: W}
    - {topic: tele/fridge/LIST, path: sensors.0.value, name: Fridge first, scale: 0.1}
    - {topic: tele/fridge/plain, name: Fridge plain}
    - {topic: tele/+/scaled, name: Fridge scaled, scale: 0.001}
relays:
  boards:
    - device: relay_board_1
      channels: {1: {name: Light bar}, 3: {name: Horn, type: pulse}, 4: {name: Pump, type: timed, duration: 15min}}
can: {publish: false}
themes:
telegram:
derived:
  templates: [{name: Doubled, value: "{{ states('sensor.engine_rpm') * 2 }}"}]
  statistics: [{name: Mean, entity: sensor.engine_rpm, function: mean, window: 1h}]
"""
PLUGINS = ("telemetry", "relays", "can", "themes", "telegram", "derived")
WITNESS = "witness"
PLAIN = ("tele/fridge/plain", "tele/+/scaled", "$SYS/#")
"""Topics whose payload is text, so that what is no JSON is no fault there."""
QUEUED, QUEUED_TOPIC = "telegram", "autocore/telegram/send"
"""The plugin whose handler is async, and its topic: a message waits until the one before is done."""
UNREAD = ("autocore/devices/+/command", "autocore/relays/+/command")
"""Topics where the gateway only looks whether something is retained."""
LENIENT = ("$CONTROL/#",)
"""The broker's own answers: they have no field that must be there, and what they have beside is skipped unread."""
PARTLY = (
    "autocore/telemetry/+/data",
    "autocore/can/data",
    "autocore/can/+/data",
    "autocore/config/request",
    "autocore/api/+/request",
)
"""Topics where one fault leaves the rest of a message valid, or where the answer is the effect."""
STOP = "autocore/stop_all"
"""Whatever is said there stops everything: nothing is malformed."""
OWN_NOISE = ("system", "can", "telegram")
"""Plugins whose entities move by themselves."""
PAGES = ("/", "/entities", "/devices", "/devices/engine", "/devices/relay_board_1", "/logs", "/monitoring", "/plugins", "/relays")
LISTS = ("entities", "devices", "events", "notices", "plugins", "audit", "services")
WARNINGS_PER_MINUTE = 60
LONGEST_LINE = 5_000


class Listener(logging.Handler):
    """Keeps what the gateway logs that it should not, and counts the refusals that it names."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.refusals = 0
        self._sentences = _Sentences()

    def emit(self, record: logging.LogRecord) -> None:
        line = self._sentences.format(record)
        if record.exc_info or (record.levelno >= logging.ERROR and not record.name.startswith("autocore.events")):
            self.wrong.append(line[-3_000:])
        elif len(line) > LONGEST_LINE or readable(line, len(line)) != " ".join(line.split()):
            self.wrong.append(f"a line that cannot be read: {line[:300]!r}")
        self.refusals += record.getMessage().startswith("refused a message")


class Ear:
    """The gateway, the board that must obey and the node that must be heard.

    Args:
        folder: for the gateway.
        found: takes the figures.
    """

    def __init__(self, folder: Path, found: Findings) -> None:
        self.car = Car(folder)
        self.found = found
        self.listener = Listener()
        self._runner = asyncio.Runner()
        self._number = 0
        self._minutes = 0.0

    def start(self) -> None:
        """Start the gateway with everything that is there in good order."""
        self._runner.run(self._start())

    def stop(self) -> None:
        """Stop it."""
        self._runner.run(self.car.stop())
        self._runner.close()
        logging.getLogger().removeHandler(self.listener)

    def filters(self) -> list[str]:
        """Give what the gateway subscribes to."""
        return sorted(self.car.air.filters - {STOP})

    def hear(self, topic: str, payload: bytes, *, is_no_json: bool) -> None:
        """Publish one message; raises AssertionError when it does any harm."""
        self._runner.run(self._hear(topic, payload, is_no_json=is_no_json))

    def look(self) -> None:
        """Ask for everything that people look at; raises AssertionError when something cannot be shown."""
        self._runner.run(self._look())

    async def _start(self) -> None:
        await self.car.start(CONFIG)
        logging.getLogger().addHandler(self.listener)  # the gateway has put its own there, and no other
        self.board = self.car.board("relay_board_1", channels=16)
        self.car.board("engine", type="ecu", name="Engine").measure(rpm=800)
        self.car.board("trailer", type="bridge", capabilities=["can_bridge"])
        self.car.board(WITNESS).measure(n=0)
        await self.car.settle()
        assert self.listener.wrong == []

    async def _hear(self, topic: str, payload: bytes, *, is_no_json: bool) -> None:
        car, hub = self.car, self.car.core.hub
        before, rejected = self._state(), hub.rejections.total
        calls = car.plugin(QUEUED).calls
        self._tell(topic, payload)
        if topic == QUEUED_TOPIC:
            await car.until(lambda: car.plugin(QUEUED).calls > calls)  # what came before may wait for the disk
        await car.settle()
        after, refusals = self._state(), hub.rejections.total - rejected
        self.found.add("messages")
        self.found.add("refused", bool(refusals))
        told = f"{topic[:200]!r} {payload[:300]!r} ({len(payload)} bytes)"
        is_unread = any(matches(one, topic) for one in (*PLAIN, *UNREAD))
        is_invalid = (is_no_json and not is_unread) or (refusals and not any(matches(one, topic) for one in PARTLY))
        if is_invalid or (is_no_json and any(matches(one, topic) for one in UNREAD)):
            assert after == before, f"what is invalid changed {_difference(before, after)}: {told}"
        if is_no_json and not is_unread and not any(matches(one, topic) for one in LENIENT):
            assert refusals, f"it was not refused: {told}"
        assert hub.counters.failed == 0, f"a handler failed: {told}\n{self.listener.wrong}"
        self._check_states(told)
        await self._go_on(told)

    def _tell(self, topic: str, payload: bytes) -> None:
        """Let the gateway hear it, and none of the boards: they are no part of what is tested."""
        message = Message(topic, payload, arrived_ns=self.car.clock.monotonic_ns())
        for connection in self.car.air._connections:
            connection.take(message)

    def _check_states(self, told: str) -> None:
        for one in self.car.core.entities:
            value = one.state.value
            is_kept = (
                not isinstance(value, (int, str))
                or isinstance(value, bool)
                or (len(value) <= 255 if isinstance(value, str) else abs(value) < 2**64)
            )
            assert is_kept, f"{one.id} holds {str(value)[:40]}…: {told}"
            name = one.description.name
            assert name == readable(name), f"{one.id} is called {name!r}: {told}"
        for device in self.car.core.devices:
            assert is_device_id(device.id), f"there is a device {device.id!r}: {told}"
            assert device.label == readable(device.label, 64), f"{device.id} is called {device.label!r}: {told}"

    async def _go_on(self, told: str) -> None:
        """Let a second pass; then a reading must be taken, and now and then a command obeyed."""
        self._number += 1
        self._minutes += 1 / 60
        await self.car.advance(s=1)
        self.car.publish(f"autocore/telemetry/{WITNESS}/data", {"n": self._number})
        assert self.car.value(f"sensor.{WITNESS}_n") == self._number, f"a reading is not taken any more after {told}"
        if self._number % 10 == 0:
            if not self.board.is_welcomed or self.car.core.devices.get(self.board.id).session != self.board.session:
                self.board.connect()  # a mutant spoke in its name
                await self.car.settle()
            for verb in ("turn_on", "turn_off"):
                answer = await self.car.call(f"switch.{verb}", {"entity": "switch.light_bar"})
                assert answer["outcome"] == "applied", f"{answer} after {told}"
        assert self.listener.wrong == [], f"{told}\n{self.listener.wrong[0]}"
        failed = [one for one in map(self.car.plugin, PLUGINS) if one.errors]
        assert not failed, f"plugins failed: {failed} after {told}"
        most = (self._minutes + 1) * WARNINGS_PER_MINUTE
        assert self.listener.refusals <= most, f"{self.listener.refusals} warnings in {self._minutes:.1f} minutes"

    async def _look(self) -> None:
        web = await self.car.web()
        for path in (*PAGES, *(f"/api/v1/{one}" for one in LISTS), "/metrics", "/api/v1/health"):
            answer = await web.get(path)
            assert answer.status_code < 500, f"{path} answers {answer.status_code}: {answer.text[:300]} {self.listener.wrong[:1]}"
        self.found.add("looks")
        assert self.listener.wrong == [], self.listener.wrong[0]

    def _state(self) -> Mapping[str, Any]:
        entities = {
            one.id: (one.state.value, one.state.available, one.description, one.level)
            for one in self.car.core.entities
            if one.owner not in OWN_NOISE
        }
        return {**entities, **{f"device {one.id}": one for one in self.car.core.devices}}


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    return ", ".join(f"{name}: {str(before.get(name))[:300]} -> {str(after.get(name))[:300]}" for name in sorted(changed)[:3])


@contextmanager
def ear(folder: Path, found: Findings) -> Iterator[Ear]:
    """A gateway that hears, and is stopped afterwards."""
    made = Ear(folder, found)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def documents_for(filter_: str) -> list[Any]:
    """Give valid documents for a filter: those of the protocol, or what the mapped topics of the configuration carry."""
    own = {
        "tele/fridge/SENSOR": [{"Time": "2026-01-01", "ENERGY": {"Power": 42.5, "Voltage": 230}}],
        "tele/fridge/LIST": [{"sensors": [{"value": 4.5}, {"value": 5}]}],
        "tele/fridge/plain": [21.5, "open", 7],
        "tele/+/scaled": [21500, 7.5],
        "$CONTROL/dynamic-security/v1/response": [{"responses": [{"command": "createClient", "correlationData": "autocore-1"}]}],
    }
    return examples_of(filter_) or own.get(filter_, [{"value": 1}, 7, "on"])

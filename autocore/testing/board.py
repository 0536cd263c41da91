"""A board on the air: it registers, says that it is online, is welcomed, obeys, answers, and reports what its relays are.

It keeps the rules of the protocol that a test needs; the boards of `autocore.simulator` keep all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from autocore.core.clock import Timer
from autocore.core.holds import DEAD_MAN_MS
from autocore.core.mqtt.message import Message
from autocore.testing.air import Air

_sessions = count(1)


class FakeBoard:
    """One board.

    Args:
        air: where it speaks.
        id: its device id.
        channels: how many relays it has.
        root: the root of the topics.
        about: what else it says when it registers, e.g. `type`, `capabilities`.
    """

    def __init__(self, air: Air, id: str, channels: int = 0, *, root: str = "autocore", **about: Any) -> None:  # noqa: A002  # the protocol's word
        self.id = id
        self.session: str | None = None
        self.epoch: int | None = None
        self.is_silent = False
        """True makes it hear everything and answer nothing."""
        self.commands: list[dict[str, Any]] = []
        """What it was told to do, oldest first."""
        self.channels = dict.fromkeys(range(1, channels + 1), False)
        self.beats: list[dict[str, Any]] = []
        """The heartbeats that it heard, oldest first."""
        self._holds: dict[int, str] = {}  # channel -> the hand that holds it
        self._timers: dict[int, Timer] = {}
        self._air = air
        self._root = root
        self._about = {"type": "relay_board" if channels else "sensor_node", "capabilities": [], **about}
        air.listen(f"{root}/devices/{id}/welcome", self._on_welcome)
        air.listen(f"{root}/devices/{id}/command", self._on_device_command)
        air.listen(f"{root}/relays/{id}/command", self._on_relay_command)
        air.listen(f"{root}/relays/{id}/heartbeat", self._on_beat)

    def connect(self) -> FakeBoard:
        """Come on the air with a new session; it reports its relays, all off."""
        self.session = f"session{next(_sessions)}"
        self.channels = dict.fromkeys(self.channels, False)
        about = {**self._about, **({"channels": len(self.channels)} if self.channels else {})}
        self._say("devices/{id}/register", about)
        self._say("devices/{id}/status", {"status": "online", "session": self.session}, retain=True)
        self.report()
        return self

    def disconnect(self) -> None:
        """Go off the air: its last will is heard."""
        self._say("devices/{id}/status", {"status": "offline", "session": self.session}, retain=True)
        self.session = self.epoch = None

    def measure(self, **readings: Any) -> None:
        """Publish readings."""
        self._say("telemetry/{id}/data", readings)

    def report(self, **channels: bool) -> None:
        """Publish what its relays are; `report(**{"1": True})` changes one first, as a button on the board would."""
        self.channels |= {int(number): is_on for number, is_on in channels.items()}
        if self.channels:
            state = {"channels": {str(number): is_on for number, is_on in self.channels.items()}}
            self._say("relays/{id}/state", state, retain=True)

    def fail(self, code: str, message: str) -> None:
        """Report an error."""
        self._say("devices/{id}/error", {"code": code, "message": message})

    @property
    def is_welcomed(self) -> bool:
        """Whether the gateway answered its status, so that it obeys."""
        return self.epoch is not None

    def _on_welcome(self, message: Message) -> None:
        word = message.json()
        if word["session"] == self.session:
            self.epoch = word["epoch"]

    def _on_device_command(self, message: Message) -> None:
        command = message.json()
        if self._obeys(command):
            self._answer(command, "applied")

    def _on_relay_command(self, message: Message) -> None:
        command = message.json()
        if self._obeys(command):
            channel = command["channel"]
            self.report(**{str(channel): command["state"]})
            self._answer(command, "applied")
            self._holds.pop(channel, None)
            self._let_go_at(channel, None)
            if command["state"] and command.get("hold"):
                self._holds[channel] = command["hold"]
                self._let_go_at(channel, command["t_ms"] + DEAD_MAN_MS)
            elif command["state"] and command.get("duration_ms"):
                self._let_go_at(channel, command["t_ms"] + command["duration_ms"])

    def _on_beat(self, message: Message) -> None:
        beat = message.json()
        self.beats.append(beat)
        if not self.is_silent and self._holds.get(beat["channel"]) == beat["hold"]:
            self._let_go_at(beat["channel"], beat["t_ms"] + DEAD_MAN_MS)

    def _let_go_at(self, channel: int, t_ms: int | None) -> None:
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()
        if t_ms is not None:

            def off() -> None:
                self._holds.pop(channel, None)
                self.report(**{str(channel): False})

            left_s = t_ms / 1_000 - self._air.clock.monotonic_ns() / 1e9
            self._timers[channel] = self._air.clock.call_later(max(0.0, left_s), off)

    def _obeys(self, command: Mapping[str, Any]) -> bool:
        if command["session"] != self.session or command["epoch"] != self.epoch:
            return False
        self.commands.append(dict(command))
        return not self.is_silent

    def _answer(self, command: Mapping[str, Any], status: str) -> None:
        self._say("devices/{id}/ack", {"id": command["id"], "status": status})

    def _say(self, topic: str, body: Mapping[str, Any], *, retain: bool = False) -> None:
        self._air.publish(f"{self._root}/{topic.format(id=self.id)}", dict(body), qos=1, retain=retain)

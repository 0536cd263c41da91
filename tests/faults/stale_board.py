"""A relay board in virtual time: the simulator's rules and trust, on a clock of its own that runs a little wrong.

What `autocore.simulator.link` does with sockets and timers is done here with the clock of a test, so that nobody has to wait.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec

from autocore.core.mqtt.message import Message
from autocore.simulator.board import Board
from autocore.simulator.rules import BoardRules
from autocore.simulator.trust import Trust
from autocore.simulator.wire import Answer, GatewayStatus, Heartbeat, RelayCommand, Welcome, decode
from autocore.testing.clock import FakeClock, FakeTimer

MS = 1_000_000
ROOT = "autocore"
BOARD = "left"
STATUS = f"{ROOT}/gateway/status"
WELCOME = f"{ROOT}/devices/{BOARD}/welcome"
COMMAND = f"{ROOT}/relays/{BOARD}/command"
BEAT = f"{ROOT}/relays/{BOARD}/heartbeat"
OWN_STATUS = f"{ROOT}/devices/{BOARD}/status"
ACK = f"{ROOT}/devices/{BOARD}/ack"
CHANNELS = 4
WORST_PPM = 100  # an ESP32's crystal is good for 10 to 40; heat and age do the rest

Upward = Callable[[str, Any, bool], None]


class VirtualBoard:
    """One board.

    Args:
        clock: of the test.
        dice: choose its clock's error and its sessions.
        upward: takes what it publishes: topic, document, retained.

    Attributes:
        board: its channels.
        trust: whom it obeys.
        is_up: it is connected.
        on_order: told about every command and what became of it.
        on_beat: told about every heartbeat that prolonged a hold.
        on_change: called whenever something may have changed.
    """

    def __init__(self, clock: FakeClock, dice: random.Random, upward: Upward) -> None:
        self.trust = Trust()
        self.board = Board(self.trust, BoardRules(count=CHANNELS))
        self.is_up = False
        self.on_order: Callable[[RelayCommand, Answer | None], None] = lambda _order, _answer: None
        self.on_beat: Callable[[Heartbeat], None] = lambda _beat: None
        self.on_change: Callable[[], None] = lambda: None
        self._clock = clock
        self._dice = dice
        self._upward = upward
        self._began_ns = clock.monotonic_ns() - dice.randrange(3_600_000 * MS)
        self._rate = 1 + dice.uniform(-WORST_PPM, WORST_PPM) / 1_000_000
        self._timer: FakeTimer | None = None
        self.board.power_up(self.now_ms())

    @property
    def session(self) -> str | None:
        """The present connection's name."""
        return self.trust.session

    def now_ms(self) -> int:
        """Give its own clock."""
        return round((self._clock.monotonic_ns() - self._began_ns) * self._rate) // MS

    def connect(self) -> None:
        """Come on the air and say so."""
        self.is_up = True
        self.trust.connect(f"{self._dice.getrandbits(64):016x}", self.now_ms())
        self._ask()
        self.board.connected(self.now_ms())
        self._settle()

    def lose(self) -> None:
        """Lose the connection; the broker says so for it."""
        if self.is_up:
            self.is_up = False
            self._upward(OWN_STATUS, {"status": "offline", "session": self.session}, True)
            self.trust.disconnect()
            self.board.disconnected(self.now_ms())
            self._settle()

    def take(self, message: Message) -> None:
        """Hear a message, as the simulator's boards do: nothing retained but the gateway's status."""
        if message.topic == STATUS:
            self.trust.gateway_spoke(decode(message.payload, GatewayStatus), self.now_ms(), is_retained=message.retain)
            self.board.gateway_changed(self.now_ms())
        elif not message.retain:
            self._obey(message)
        self._settle()

    def _obey(self, message: Message) -> None:
        if message.topic == WELCOME:
            self.trust.welcome(decode(message.payload, Welcome), self.now_ms())
            self.board.gateway_changed(self.now_ms())
        elif message.topic == COMMAND:
            order = decode(message.payload, RelayCommand)
            answer = self.board.command(order, self.now_ms())
            self.on_order(order, answer)
            if answer is not None:
                self._upward(ACK, msgspec.to_builtins(answer), False)
        elif message.topic == BEAT:
            beat = decode(message.payload, Heartbeat)
            if self.board.beat(beat, self.now_ms()):
                self.on_beat(beat)

    def _ask(self) -> None:
        status = {"status": "online", "session": self.session, "ask": self.trust.ask(self.now_ms())}
        self._upward(OWN_STATUS, status, True)

    def _on_timer(self) -> None:
        self.board.tick(self.now_ms())
        self._settle()

    def _settle(self) -> None:
        """Ask for a welcome when that is due, and set the timer for what comes next."""
        while self.is_up and self.trust.ask_ms <= self.now_ms():
            self._ask()
        self.board.take_reports()
        self.on_change()
        if self._timer is not None:
            self._timer.cancel()
        dues = [due for due in (self.board.due_ms, self.trust.ask_ms if self.is_up else None) if due is not None]
        if dues:
            self._timer = self._clock.call_later(max(1, min(dues) - self.now_ms()) / 1_000, self._on_timer)

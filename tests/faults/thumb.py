"""A thumb on a winch in virtual time: a whole gateway in memory, the simulator's board, and a network on both sides of it.

The hand, the gateway and the board each go on living by themselves; a network between them loses, delays, doubles and bunches
single messages, as no TCP would: what holds here holds on a better one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autocore.core.errors import AutocoreError
from autocore.core.holds import Ending
from autocore.core.model import Caller, Cause, Role
from autocore.core.mqtt.message import Message
from autocore.testing import Car
from autocore.testing.clock import FakeClock
from tests.faults.stale_board import BEAT, BOARD, COMMAND, MS, STATUS, WELCOME, VirtualBoard

CONFIG = f"""
relays:
  boards:
    - device: {BOARD}
      channels:
        1: {{name: Winch, type: momentary}}
"""
WINCH, CHANNEL = "switch.winch", 1
STATE = f"autocore/relays/{BOARD}/state"
STEP_S = 0.02
RELEASES_MS = 500  # safety.md: after the stamp of the last beat
SCAN_MS = 100
SLACK_MS = 25  # of a board's clock that is 100 ppm wrong, three minutes after its welcome, and of whole milliseconds


class Death(StrEnum):
    """How a hold ends that nobody ends."""

    RELEASE = "release"
    TAB = "tab"
    WIFI = "wifi"
    BROKER = "broker"
    GATEWAY = "gateway"
    DISPLAY = "display"


@dataclass(slots=True)
class Net:
    """One way of the network.

    Args:
        clock: of the test.
        dice: its luck.
        loss: how likely a message is lost.
        delay_ms: the least that one takes.
        jitter_ms: how much more it may take.
        doubles: how likely one comes twice.
        stalls: how likely one begins a stall: what follows comes with its end, in one burst.
    """

    clock: FakeClock
    dice: random.Random
    loss: float = 0.0
    delay_ms: float = 2.0
    jitter_ms: float = 0.0
    doubles: float = 0.0
    stalls: float = 0.0
    is_cut: bool = False
    _stalled_until_ns: int = 0

    def carry(self, deliver: Callable[[], object]) -> None:
        """Take a message along, or lose it."""
        if self.is_cut or self.dice.random() < self.loss:
            return
        if self.stalls and self.dice.random() < self.stalls:
            self._stalled_until_ns = self.clock.monotonic_ns() + self.dice.randrange(2_000) * MS
        self._deliver(deliver)
        if self.dice.random() < self.doubles:
            self._deliver(deliver, self.dice.uniform(0, 3_000))

    def _deliver(self, deliver: Callable[[], object], later_ms: float = 0) -> None:
        delay_s = (self.delay_ms + self.dice.uniform(0, self.jitter_ms) + later_ms) / 1_000
        stalled_s = (self._stalled_until_ns - self.clock.monotonic_ns()) / 1e9
        self.clock.call_later(max(delay_s, stalled_s), deliver)


@dataclass
class Thumb:
    """A hand that holds the winch, as a page does: each tick that it sees goes back as a beat."""

    vehicle: Vehicle
    is_there: bool = True
    stamp_ms: int = 0
    ending: Ending | None = None
    refusal: str | None = None
    began: bool = False
    lease: str = ""
    _word: dict[str, Any] = field(default_factory=dict)

    def press(self) -> None:
        """Ask for it; the answer comes by the network, or not."""
        self.lease = f"{self.vehicle.dice.getrandbits(128):032x}"
        self.stamp_ms = self.vehicle.now_ms
        self._word = {"entity": WINCH, "lease": self.lease, "tick": self.stamp_ms}
        self.vehicle.up.carry(lambda: self.vehicle.begin(self._hold()))

    def hear(self, tick_ms: int) -> None:
        """Take the newest tick and send it back."""
        if self.is_there and self.ending is None and tick_ms > self.stamp_ms:
            self.stamp_ms = tick_ms
            self.vehicle.up.carry(lambda: self._beat(tick_ms))

    def leave(self, *, says_so: bool) -> None:
        """Be gone."""
        self.is_there = False
        if says_so:
            self.vehicle.up.carry(self._release)

    async def _hold(self) -> None:
        holds = self.vehicle.car.core.holds
        holds.follow(self.lease, self._over)
        try:
            await self.vehicle.car.core.services.call("switch.hold", self._word, CALLER)
            self.began = True
        except AutocoreError as error:
            holds.forget(self.lease)
            self.refusal = error.code
            self.ending = self.ending or Ending.REFUSED

    def _beat(self, tick_ms: int) -> None:
        try:
            self.vehicle.car.core.holds.beat(self.lease, tick_ms, CALLER)
        except AutocoreError:
            return  # it is over

    def _release(self) -> None:
        try:
            self.vehicle.car.core.holds.release(self.lease, CALLER)
        except AutocoreError:
            return  # it is over

    def _over(self, ending: Ending) -> None:
        self.ending = ending


CALLER = Caller(Cause("websocket", "thumb"), Role.OPERATOR, session="thumb")


@dataclass
class Vehicle:
    """A gateway in memory with a board and a network.

    Attributes:
        up: from the hand to the gateway; `down` back.
        out: from the gateway to the board; `back` back.
        turns: when the winch came on and went off, by the gateway's clock in ms.
    """

    car: Car
    dice: random.Random
    turns: list[tuple[int, bool]] = field(default_factory=list)
    thumb: Thumb | None = None

    def __post_init__(self) -> None:
        self.up, self.down, self.out, self.back = (Net(self.car.clock, self.dice) for _ in range(4))
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_on = False

    async def start(self) -> None:
        """Bring it on the air, and the board with it."""
        await self.car.start(CONFIG)
        self.board = VirtualBoard(self.car.clock, self.dice, self._upward)
        self.board.on_change = self._on_change
        for topic in (STATUS, WELCOME, COMMAND, BEAT):
            self.car.air.listen(topic, self._downward)
        self.board.connect()
        self._tick()
        await self.wait(0.5)

    @property
    def nets(self) -> tuple[Net, ...]:
        """Every way of the network."""
        return self.up, self.down, self.out, self.back

    @property
    def now_ms(self) -> int:
        """The gateway's clock."""
        return self.car.core.holds.tick_ms

    def spoil(self, **how: float) -> None:
        """Give every way of the network these faults."""
        for net in self.nets:
            for name, value in how.items():
                setattr(net, name, value)

    def begin(self, work: Any) -> None:
        """Have the gateway carry out a call."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, s: float) -> None:
        """Let time go on for all of them."""
        until_ns = self.car.clock.monotonic_ns() + round(s * 1e9)
        while (left_ns := until_ns - self.car.clock.monotonic_ns()) > 0:
            self.car.clock.advance(min(STEP_S, left_ns / 1e9))
            for _ in range(8):  # what a call needs until it waits for the board
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Let go of everything."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.car.stop()

    def _tick(self) -> None:
        thumb = self.thumb
        if thumb is not None and thumb.ending is None:
            tick_ms = self.now_ms
            self.down.carry(lambda: thumb.hear(tick_ms))
        self.car.clock.call_later(0.1, self._tick)

    def _downward(self, message: Message) -> None:
        self.out.carry(lambda: self.board.take(message))

    def _upward(self, topic: str, document: Any, is_retained: bool) -> None:  # the board's own word
        self.back.carry(lambda: self.car.air.publish(topic, document, qos=1, retain=is_retained))

    def _on_change(self) -> None:
        is_on = self.board.board.channels[CHANNEL]
        if is_on != self._is_on:
            self._is_on = is_on
            self.turns.append((self.now_ms, is_on))
            self._upward(STATE, {"channels": {str(CHANNEL): is_on}}, True)


@dataclass(slots=True)
class Figures:
    """What was seen.

    Args:
        began: holds that turned the winch on.
        refused: presses that came to nothing: too late, lost, or still held.
        worst_ms: from the last stamp to off.
    """

    began: int = 0
    refused: int = 0
    worst_ms: int = 0
    faults: list[str] = field(default_factory=list)


async def one_hold(vehicle: Vehicle, death: Death, figures: Figures) -> None:
    """Press, hold for a random time, let it end by `death`, and look that the winch is off in time and stays off."""
    dice = vehicle.dice
    for net in vehicle.nets:
        net.is_cut = False
    vehicle.turns.clear()
    thumb = vehicle.thumb = Thumb(vehicle)
    thumb.press()
    await vehicle.wait(dice.uniform(0.05, 3.0))
    if death is Death.WIFI:
        vehicle.up.is_cut = vehicle.down.is_cut = vehicle.out.is_cut = vehicle.back.is_cut = True
    elif death in (Death.BROKER, Death.GATEWAY):
        vehicle.out.is_cut = vehicle.back.is_cut = True
    thumb.leave(says_so=death is Death.RELEASE)
    await vehicle.wait(1.0)
    for net in vehicle.nets:
        net.is_cut = False
    await vehicle.wait(4.0)  # whatever was late has come by now
    judge(vehicle, thumb, death, figures)
    vehicle.thumb = None


def judge(vehicle: Vehicle, thumb: Thumb, death: Death, figures: Figures) -> None:
    """Look when the winch was on."""
    if not any(is_on for _, is_on in vehicle.turns):
        figures.refused += 1
    else:
        figures.began += 1
        last_ms, is_on = vehicle.turns[-1]
        late_ms = last_ms - thumb.stamp_ms
        figures.worst_ms = max(figures.worst_ms, late_ms)
        if is_on or late_ms > RELEASES_MS + SCAN_MS + SLACK_MS:
            figures.faults.append(f"{death}: off {late_ms} ms after the last stamp (on: {is_on}); {vehicle.turns[-4:]}")
        if sum(on for _, on in vehicle.turns) > 1:
            figures.faults.append(f"{death}: it came on again: {vehicle.turns}")

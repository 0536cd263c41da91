"""A storm on a vehicle in memory: people, rules, thumbs, buttons on the boards, and boards that fall silent, all at once.

What is looked at is what the gateway does: each command that turns something on must be one that may be, by what its boards are.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autocore.core.bus import Event
from autocore.core.errors import AutocoreError
from autocore.core.model import Caller, Cause, Role
from autocore.core.mqtt.message import Message
from autocore.testing import Car, FakeBoard

CONFIG = """
relays:
  feeders: {main: {fuse: 20}}
  boards:
    - device: left
      channels:
        1: {name: Winch in, type: momentary, interlock: winch}
        2: {name: Winch out, type: momentary, interlock: winch}
        3: {name: Gate up, interlock: gate}
        4: {name: Low beam, exclusive: beams}
        5: {name: High beam, exclusive: beams}
        6: {name: Fog lights, feeder: main, load: 10}
        7: {name: Pulse, type: pulse, duration: 2s, interlock: gate}
        8: {name: Key}
    - device: right
      channels:
        1: {name: Gate down, interlock: gate}
        2: {name: Compressor, feeder: main, load: 8, min_off: 2s, duty: {for: 5s, in: 20s}}
        3: {name: Heater, feeder: main, load: 6, max_on: 4s}
        4: {name: Alarm, conditions: [{entity: switch.key, is: 'on'}]}
        5: {name: Tent, protection: confirm}
        6: {name: Beacon, exclusive: beams}
"""
INTERLOCKS = {"winch": (("left", 1), ("left", 2)), "gate": (("left", 3), ("left", 7), ("right", 1))}
EXCLUSIVE = (("left", 4), ("left", 5), ("right", 6))
LOADS = {("left", 6): 10.0, ("right", 2): 8.0, ("right", 3): 6.0}
FUSE_A, DEAD_TIME_NS, STAGGER_NS = 20.0, 300_000_000, 150_000_000
NAMES = {
    ("left", 1): "winch_in",
    ("left", 2): "winch_out",
    ("left", 3): "gate_up",
    ("left", 4): "low_beam",
    ("left", 5): "high_beam",
    ("left", 6): "fog_lights",
    ("left", 7): "pulse",
    ("left", 8): "key",
    ("right", 1): "gate_down",
    ("right", 2): "compressor",
    ("right", 3): "heater",
    ("right", 4): "alarm",
    ("right", 5): "tent",
    ("right", 6): "beacon",
}
UNCOUNTED = ("switch.release", "switch.turn_off")
HELD = ("winch_in", "winch_out")
CHANNELS = {"left": 8, "right": 6}
PERSON = Caller(Cause("websocket", "ana"), Role.OPERATOR, session="ana", is_person=True)
CALLERS = (
    PERSON,
    Caller(Cause("rest", "rui"), Role.OPERATOR, session="rui"),
    Caller(Cause("automation", "night"), Role.ADMIN),
    Caller(Cause("rest", "eva"), Role.VIEWER, session="eva"),
)


class WatchedBoard(FakeBoard):
    """A board that tells of every command before it obeys it."""

    watch: Callable[[str, Mapping[str, Any]], None] = staticmethod(lambda _board, _command: None)

    def _on_relay_command(self, message: Message) -> None:
        command = message.json()
        if command["session"] == self.session and not self.is_silent:
            self.watch(self.id, command)
        super()._on_relay_command(message)


@dataclass
class Storm:
    """The vehicle in it.

    Attributes:
        faults: what the gateway should not have done.
        commands: how many it sent that turn something on.
    """

    car: Car
    faults: list[str] = field(default_factory=list)
    commands: int = 0

    def __post_init__(self) -> None:
        self.boards: dict[str, WatchedBoard] = {}
        self._off_ns: dict[tuple[str, int], int] = {}
        self._was: dict[tuple[str, int], bool] = {}
        self._started_ns = -STAGGER_NS
        self._tasks: set[asyncio.Task[None]] = set()
        self._leases: dict[str, str] = {}
        self._is_stopped = False
        self._called = self._told = 0

    async def start(self) -> None:
        """Bring the vehicle and its boards on the air."""
        await self.car.start(CONFIG)
        for event in ("service.called", "service.refused", "service.failed", "service.denied"):
            self.car.core.bus.on(event, self._count)
        for name, channels in CHANNELS.items():
            board = self.boards[name] = WatchedBoard(self.car.air, name, channels)
            board.watch = self._judge  # type: ignore[method-assign]  # its hook
            self.car.air.listen(f"autocore/relays/{name}/state", lambda _message: self._look())
            board.connect()
        await self.wait(0.4)

    async def wait(self, s: float) -> None:
        """Let time go on."""
        self.car.clock.advance(s)
        await self._turn()

    async def close(self) -> None:
        """End it: whoever waits is let go, and each call must have left one record."""
        for board in self.boards.values():
            board.is_silent = False
        for _ in range(8):
            await self.wait(1.0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._turn()
        if self._called != self._told:
            self.faults.append(f"{self._called} calls left {self._told} records")
        await self.car.stop()

    async def call(self, verb: str, name: str, caller: Caller = PERSON, **more: Any) -> None:
        """Have somebody call a verb of a switch, without waiting for what comes of it."""
        self._begin(f"switch.{verb}", {"entity": f"switch.{name}", **more}, caller)
        await self._turn()

    async def together(self, *calls: tuple[str, str]) -> None:
        """Have several verbs called in one moment."""
        for verb, name in calls:
            self._begin(f"switch.{verb}", {"entity": f"switch.{name}"}, PERSON)
        await self._turn()

    async def hold(self, name: str) -> None:
        """Lay a hand on a winch."""
        lease = self._leases[name] = f"{name}-{self.car.clock.monotonic_ns():032d}"
        self._begin("switch.hold", {"entity": f"switch.{name}", "lease": lease}, PERSON)
        await self._turn()

    async def beat(self) -> None:
        """Have every hand say that it is there."""
        for lease in self._leases.values():
            self._with_hand(lambda lease=lease: self.car.core.holds.beat(lease, self.car.core.holds.tick_ms, PERSON))
        await self._turn()

    async def let_go(self) -> None:
        """Lift every hand."""
        for lease in self._leases.values():
            self._with_hand(lambda lease=lease: self.car.core.holds.release(lease, PERSON))
        self._leases.clear()
        await self._turn()

    async def button(self, channel: tuple[str, int], *, is_on: bool) -> None:
        """Press a button on a board."""
        board, number = channel
        if self.boards[board].session is not None:
            self.boards[board].report(**{str(number): is_on})
        await self._turn()

    async def silence(self, board: str, *, is_silent: bool) -> None:
        """Have a board hear everything and do nothing, or not any more."""
        self.boards[board].is_silent = is_silent
        await self._turn()

    async def power(self, board: str, *, is_up: bool) -> None:
        """Take a board off the air, or bring it back."""
        one = self.boards[board]
        if is_up and one.session is None:
            one.connect()
        elif not is_up and one.session is not None:
            one.disconnect()
        await self._turn()

    async def stop(self, *, is_stopped: bool) -> None:
        """Stop everything, or reset that."""
        service = "gateway.stop_all" if is_stopped else "gateway.reset_stop"
        self._is_stopped = is_stopped or self._is_stopped
        await self._call(service, {}, PERSON)
        self._is_stopped = is_stopped
        await self._turn()

    def _with_hand(self, act: Callable[[], object]) -> None:
        try:
            act()
        except AutocoreError:
            return  # it is over

    def _begin(self, service: str, data: Mapping[str, Any], caller: Caller) -> None:
        task = asyncio.get_running_loop().create_task(self._call(service, data, caller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self, service: str, data: Mapping[str, Any], caller: Caller) -> None:
        self._called += service not in UNCOUNTED
        try:
            await self.car.core.services.call(service, data, caller)
        except AutocoreError:
            return

    def _count(self, event: Event) -> None:
        """Count the record of a call; a hold that ends has one of its own, and an exclusive group turns others off by calls."""
        if event.cause.via != "plugin" and event.data["service"] not in UNCOUNTED:
            self._told += 1

    async def _turn(self) -> None:
        for _ in range(12):
            await asyncio.sleep(0)

    def _look(self) -> None:
        """Note what went off, and when."""
        now_ns = self.car.clock.monotonic_ns()
        for name, board in self.boards.items():
            for number, is_on in board.channels.items():
                if self._was.get((name, number)) and not is_on:
                    self._off_ns[name, number] = now_ns
                self._was[name, number] = is_on

    def _judge(self, board: str, command: Mapping[str, Any]) -> None:
        """Look whether a command may turn something on now."""
        channel = (board, command["channel"])
        if not command["state"]:
            return
        self.commands += 1
        self._look()
        if self._is_stopped:
            self.faults.append(f"{NAMES[channel]} was turned on while everything is stopped")
        if self.boards[board].channels[command["channel"]]:
            return  # it is on already
        self._judge_groups(channel)
        self._judge_feeder(channel)
        if NAMES[channel] == "alarm" and not self.boards["left"].channels[8]:
            self.faults.append("the alarm was turned on without the key")

    def _judge_groups(self, channel: tuple[str, int]) -> None:
        now_ns = self.car.clock.monotonic_ns()
        for name, members in INTERLOCKS.items():
            for other in members if channel in members else ():
                if other != channel and self._is_on(other):
                    self.faults.append(f"{NAMES[channel]} was turned on while {NAMES[other]} is, in {name}")
                if other != channel and now_ns - self._off_ns.get(other, -DEAD_TIME_NS) < DEAD_TIME_NS:
                    self.faults.append(f"{NAMES[channel]} came on too soon after {NAMES[other]}")
        for other in EXCLUSIVE if channel in EXCLUSIVE else ():
            if other != channel and self._is_on(other):
                self.faults.append(f"{NAMES[channel]} was turned on while {NAMES[other]} is")

    def _judge_feeder(self, channel: tuple[str, int]) -> None:
        if channel not in LOADS:
            return
        now_ns = self.car.clock.monotonic_ns()
        load_a = sum(load for one, load in LOADS.items() if one == channel or self._is_on(one))
        if load_a > FUSE_A:
            self.faults.append(f"{NAMES[channel]} was turned on, and the feeder carries {load_a} A")
        if now_ns - self._started_ns < STAGGER_NS:
            self.faults.append(f"{NAMES[channel]} started too soon after the one before")
        self._started_ns = now_ns

    def _is_on(self, channel: tuple[str, int]) -> bool:
        return self.boards[channel[0]].channels[channel[1]]


def random_act(storm: Storm, dice: random.Random) -> Awaitable[None]:
    """Give something that happens next."""
    name = dice.choice(list(NAMES.values()))
    board = dice.choice(list(CHANNELS))
    channel = dice.choice(list(NAMES))
    caller = dice.choice(CALLERS)
    two = [dice.choice(list(NAMES.values())) for _ in range(3)]
    acts: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
        (30, lambda: storm.call(dice.choice(("turn_on", "turn_on", "toggle")), name, caller, confirm=dice.random() < 0.5)),
        (20, lambda: storm.call("turn_off", name, dice.choice(CALLERS[:3]))),
        (8, lambda: storm.together(*(("turn_on", one) for one in two))),
        (8, lambda: storm.hold(dice.choice(HELD))),
        (10, storm.beat),
        (4, storm.let_go),
        (4, lambda: storm.button(channel, is_on=dice.random() < 0.6)),
        (2, lambda: storm.silence(board, is_silent=dice.random() < 0.2)),
        (2, lambda: storm.power(board, is_up=dice.random() < 0.9)),
        (1, lambda: storm.stop(is_stopped=dice.random() < 0.2)),
        (30, lambda: storm.wait(dice.choice((0.001, 0.05, 0.1, 0.1, 0.15, 0.2, 0.3, 0.5)))),
    )
    return dice.choices([act for _, act in acts], [weight for weight, _ in acts])[0]()

"""R13 in virtual time: a gateway's stamps, a board's rules, and between them a network that delays, bunches, doubles and drops.

The gateway is the product's hub and device link; the board is the simulator's rules with its trust. What each command was meant
to do, and when, is known here, so that an actuation can be judged by the truth and not by anybody's clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from autocore.core.bus import Bus
from autocore.core.clock import NS, Sequence
from autocore.core.devices import DeviceRegistry
from autocore.core.errors import Refused, UnknownName
from autocore.core.link import DeviceLink
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message
from autocore.simulator.wire import Answer, Heartbeat, RelayCommand
from autocore.testing.air import Air
from autocore.testing.clock import FakeClock
from tests.faults.stale_board import BEAT, BOARD, COMMAND, MS, ROOT, STATUS, WELCOME, VirtualBoard

TTL_MS = 2_000
DEAD_MAN_MS = 500
SLACK_MS = 25  # of a board's clock that is 100 ppm wrong, three minutes after a welcome, and of whole milliseconds
RECOVERS_S = 130.0


class GatewayClock:
    """The gateway's monotonic clock: that of the test, which began at another time."""

    def __init__(self, clock: FakeClock, shift_ns: int) -> None:
        self._clock = clock
        self._shift_ns = shift_ns
        self.call_later = clock.call_later
        self.sleep = clock.sleep
        self.wall_ns = clock.wall_ns

    def monotonic_ns(self) -> int:
        return self._clock.monotonic_ns() + self._shift_ns


@dataclass(slots=True)
class Mood:
    """What the network does to a message on its way.

    Args:
        delay_ms: between nothing and so much.
        doubles: how likely it comes twice, the second time later.
        drops: how likely it is lost.
    """

    delay_ms: float = 0.0
    doubles: float = 0.0
    drops: float = 0.0


CALM = Mood()


@dataclass(slots=True)
class Issue:
    """A command as somebody meant it.

    Args:
        at_ns: when, by the test's clock.
        life: the number of the gateway's start.
    """

    at_ns: int
    life: int
    order: RelayCommand
    applied: int = 0


@dataclass(slots=True)
class Figures:
    """What happened.

    Args:
        issued: commands that turn on, and beats.
        delivered: messages that reached the board, stale ones among them.
        carried_out: commands that were obeyed, as they were meant.
        refused: deliveries of commands that were not obeyed.
    """

    issued: int = 0
    delivered: int = 0
    carried_out: int = 0
    refused: int = 0
    replayed: int = 0


@dataclass
class World:
    """One situation.

    Attributes:
        faults: what was carried out that should not have been, and what was not that should.
        tape: all that the gateway ever said to the board, and when.
    """

    dice: random.Random
    figures: Figures = field(default_factory=Figures)
    faults: list[str] = field(default_factory=list)
    mood: Mood = field(default_factory=Mood)
    tape: list[tuple[int, Message]] = field(default_factory=list)
    stalled: list[Message] | None = None
    life: int = 0

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.air = Air(self.clock)
        self._issues: dict[str, Issue] = {}
        self._last_of_session: dict[str, int] = {}
        self._beats: dict[str, dict[int, int]] = {}  # hold -> number of the beat -> when the holder's thumb was known to be down
        self._fresh_ns: dict[str, int] = {}  # hold -> the newest of these that reached the board
        self._held: dict[int, str] = {}
        self._waiting: list[Message] = []
        self._numbers, self._is_concluded = 0, False
        self._shift_ns = 0
        self.hub: MqttHub | None = None
        self.link: DeviceLink | None = None
        self.board = VirtualBoard(self.clock, self.dice, self._upward)
        self.board.on_order, self.board.on_beat, self.board.on_change = self._on_order, self._on_beat, self._on_change
        for topic in (STATUS, WELCOME, COMMAND, BEAT):
            self.air.listen(topic, self._downward)
        self.start_gateway()
        self.connect()
        self.wait(0.05)

    def start_gateway(self, *, reboots: bool = False) -> None:
        """Start a gateway: another epoch, and after a reboot another clock."""
        self.life += 1
        if reboots:
            self._shift_ns = self.dice.randrange(1, 600 * NS) - self.clock.monotonic_ns()
        clock = GatewayClock(self.clock, self._shift_ns)
        bus = Bus(clock, Sequence(1, lambda _limit: None))
        devices = DeviceRegistry(clock, bus, approves_itself=True)
        self.hub = MqttHub(clock, Endpoint("localhost", 1883), ROOT, connect=self.air.connection)
        self.link = DeviceLink(self.hub, devices, bus, clock, epoch=self.life, version="test")
        self.link.start()
        self.hub.start()
        self._now_ms = lambda: clock.monotonic_ns() // MS

    def stop_gateway(self) -> None:
        """End it as a power cut does: its last will is heard, and it hears nothing more."""
        hub, self.hub, self.link = self.hub, None, None
        if hub is not None:
            for connection in (hub._control, hub._data, hub._stop):
                connection.is_connected = connection._is_started = False  # type: ignore[attr-defined]  # the air's connections
            self.air.publish(STATUS, {"status": "offline", "epoch": self.life, "version": "test"}, qos=1, retain=True)

    def connect(self) -> None:
        """Let the board come on the air; what the network still holds for it is delivered, and what is retained."""
        if not self.board.is_up:
            self.board.connect()
            if STATUS in self.air.retained:
                self._deliver(Message(STATUS, self.air.retained[STATUS], 1, retain=True))
            waiting, self._waiting = self._waiting, []
            for message in waiting:
                self._deliver(message)

    def issue(self, channel: int, kind: str, *, is_on: bool = True, hold: str | None = None) -> Issue | None:
        """Send a command as the gateway does; None when it refuses because the board is not there."""
        if self.link is None or self.hub is None:
            return None
        try:
            stamp = self.link.stamp(BOARD)
        except (Refused, UnknownName):
            return None
        facts: dict[str, Any] = {"channel": channel, "state": is_on, "type": kind, **msgspec.structs.asdict(stamp)}
        if kind in ("pulse", "timed"):
            facts["duration_ms"] = 500
        if hold is not None:
            facts["hold"] = hold
            self._beats.setdefault(hold, {})[-1] = self.clock.monotonic_ns()
        issue = self._issues[stamp.id] = Issue(self.clock.monotonic_ns(), self.life, msgspec.convert(facts, RelayCommand))
        self.figures.issued += is_on
        self.hub.publish(COMMAND, facts, qos=2)
        return issue

    def hold(self, channel: int, beats: int) -> None:
        """Hold a momentary channel: a command that is its first beat, and a beat every 100 ms."""
        self._numbers += 1
        hold = f"hold{self._numbers}"
        if self.issue(channel, "momentary", hold=hold) is None:
            return
        for number in range(beats):
            self.wait(0.1)
            self.beat(hold, channel, number)

    def beat(self, hold: str, channel: int, number: int) -> None:
        """Pass a beat on that came in this very moment."""
        if self.hub is not None:
            self._beats.setdefault(hold, {})[number] = self.clock.monotonic_ns()
            self.figures.issued += 1
            self.hub.publish(BEAT, {"hold": hold, "channel": channel, "n": number, "t_ms": self._now_ms()}, qos=0)

    def replay(self, place: int, *, copies: int = 1, retain: bool = False) -> None:
        """Say again, verbatim, what the gateway said before."""
        if self.tape:
            _, message = self.tape[place % len(self.tape)]
            self.figures.replayed += copies
            for _ in range(copies):
                self._travel(msgspec.structs.replace(message, retain=retain))

    def replay_all(self) -> None:
        """Say the whole tape again, in its order."""
        for place in range(len(self.tape)):
            self.replay(place)

    def replay_as_recorded(self, place: int, amount: int) -> None:
        """Say a part of the tape again, with the pauses that it had."""
        place %= max(1, len(self.tape))
        part = self.tape[place : place + amount]
        for at_ns, message in part:
            self.figures.replayed += 1
            self.clock.call_later((at_ns - part[0][0]) / NS, lambda message=message: self._again(message))

    def stall(self) -> None:
        """Hold everything back from now on."""
        if self.stalled is None:
            self.stalled = []

    def release(self) -> None:
        """Deliver what was held back, in one burst."""
        stalled, self.stalled = self.stalled, None
        for message in stalled or ():
            self._arrive(message)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def conclude(self) -> None:
        """Let the network be calm: what is left comes in, and then a fresh command must be carried out."""
        self.mood, self._is_concluded = CALM, True
        self.release()
        if self.link is None:
            self.start_gateway()
        self.connect()
        ends_ns = self.clock.monotonic_ns() + round(RECOVERS_S * NS)
        while self.clock.monotonic_ns() < ends_ns:
            self.wait(0.5)
            fresh = self.issue(1, "toggle") if self.board.trust.is_welcomed else None
            self.wait(0.01)
            if fresh is not None and fresh.applied:
                return
        self.faults.append(f"a fresh command is not carried out {RECOVERS_S:g} s after the network is calm")

    def _downward(self, message: Message) -> None:
        if message.payload:
            self.tape.append((self.clock.monotonic_ns(), message))
            self._travel(message)

    def _upward(self, topic: str, document: Any, retain: bool) -> None:
        if self.dice.random() < self.mood.drops and not retain:
            return
        self.clock.call_later(self._delay_s(), lambda: self.air.publish(topic, document, qos=1, retain=retain))

    def _travel(self, message: Message) -> None:
        if self.dice.random() < self.mood.drops:
            return
        for _ in range(1 + (self.dice.random() < self.mood.doubles)):
            self.clock.call_later(self._delay_s(), lambda: self._arrive(message))

    def _delay_s(self) -> float:
        """Give how long a message takes: mostly short, now and then long."""
        return self.mood.delay_ms / 1_000 * self.dice.random() ** 4

    def _again(self, message: Message) -> None:
        if not self._is_concluded:
            self._arrive(message)

    def _arrive(self, message: Message) -> None:
        if self.stalled is not None:
            self.stalled.append(message)
        elif not self.board.is_up:
            self._waiting.append(message)  # a broker that keeps a session for a board that sleeps
        else:
            self._deliver(message)

    def _deliver(self, message: Message) -> None:
        self.figures.delivered += 1
        self.board.take(message)

    def _on_order(self, order: RelayCommand, answer: Answer | None) -> None:
        is_obeyed = answer is not None and answer.status == "applied"
        if not is_obeyed:
            self.figures.refused += 1
            return
        self.figures.carried_out += 1
        issue = self._issues.get(order.id)
        if issue is None:
            self.faults.append(f"a command was obeyed that nobody gave: {order}")
            return
        issue.applied += 1
        age_ms = (self.clock.monotonic_ns() - issue.at_ns) / MS
        if issue.applied > 1:
            self.faults.append(f"{order.id} was carried out {issue.applied} times")
        if age_ms > TTL_MS + SLACK_MS:
            self.faults.append(f"{order.id} was carried out {age_ms:.0f} ms after it was given")
        if order.session != self.board.session:
            self.faults.append(f"{order.id} was carried out in another session")
        if order.seq <= self._last_of_session.get(f"{order.session}/{order.epoch}", 0):
            self.faults.append(f"{order.id} was carried out after a later one")
        self._last_of_session[f"{order.session}/{order.epoch}"] = order.seq
        if order.hold is not None and order.state:
            self._fresh_ns[str(order.hold)] = max(self._fresh_ns.get(str(order.hold), 0), issue.at_ns)
            self._held[order.channel] = str(order.hold)
        else:
            self._held.pop(order.channel, None)

    def _on_beat(self, beat: Heartbeat) -> None:
        meant_ns = self._beats.get(str(beat.hold), {}).get(beat.n)
        if meant_ns is None:
            self.faults.append(f"a beat counted that nobody gave: {beat}")
            return
        self._fresh_ns[str(beat.hold)] = max(self._fresh_ns.get(str(beat.hold), 0), meant_ns)

    def _on_change(self) -> None:
        """A held channel is on only while a thumb was known to be down half a second ago."""
        for channel, hold in list(self._held.items()):
            if not self.board.board.channels[channel]:
                del self._held[channel]
            late_ms = (self.clock.monotonic_ns() - self._fresh_ns[hold]) / MS - DEAD_MAN_MS
            if late_ms > SLACK_MS:
                self.faults.append(f"channel {channel} was held {late_ms:.0f} ms longer than its last beat allows")


Act = Callable[[World], None]

ACTS: dict[str, Callable[[random.Random], Act]] = {
    "command": lambda dice: _command(
        dice.randrange(1, 4), dice.choice(("toggle", "toggle", "pulse", "timed")), dice.random() < 0.7
    ),
    "hold": lambda dice: _hold(4, dice.randrange(1, 12)),
    "beat alone": lambda dice: _beat_alone(dice.randrange(1, 5), dice.randrange(20)),
    "wait": lambda dice: _wait(dice.choice((0.001, 0.05, 0.3, 1.0, 2.5, 5.0, 61.0, 600.0))),
    "mood": lambda dice: _mood(Mood(dice.choice((0, 20, 400, 3_000, 10_000)), dice.random() / 2, dice.random() / 3)),
    "stall": lambda _dice: World.stall,
    "release": lambda _dice: World.release,
    "replay": lambda dice: _replay(dice.randrange(10_000), dice.choice((1, 1, 2, 5)), dice.random() < 0.2),
    "replay the tape": lambda _dice: World.replay_all,
    "replay as recorded": lambda dice: _replay_part(dice.randrange(10_000), dice.choice((3, 10, 30))),
    "board sleeps": lambda _dice: _sleep,
    "board wakes": lambda _dice: World.connect,
    "board loses power": lambda _dice: _power_cycle,
    "gateway dies": lambda _dice: World.stop_gateway,
    "gateway starts": lambda dice: _start(dice.random() < 0.4),
}


OFTEN = [*ACTS, *("command", "wait", "hold", "board wakes", "gateway starts") * 2]
"""What the dice choose from."""


def play(seed: int, acts: int = 30) -> World:
    """Play one situation, made by the dice."""
    dice = random.Random(seed)
    world = World(dice)
    for _ in range(acts):
        ACTS[dice.choice(OFTEN)](dice)(world)
    world.conclude()
    return world


def _command(channel: int, kind: str, is_on: bool) -> Act:
    return lambda world: world.issue(channel, kind, is_on=is_on) and None


def _hold(channel: int, beats: int) -> Act:
    return lambda world: world.hold(channel, beats)


def _beat_alone(channel: int, number: int) -> Act:
    return lambda world: world.beat(f"hold{world.dice.randrange(1, 5)}", channel, 1_000 + number)


def _wait(seconds: float) -> Act:
    return lambda world: world.wait(seconds)


def _mood(mood: Mood) -> Act:
    def act(world: World) -> None:
        world.mood = mood

    return act


def _replay(place: int, copies: int, retain: bool) -> Act:
    return lambda world: world.replay(place, copies=copies, retain=retain)


def _replay_part(place: int, amount: int) -> Act:
    return lambda world: world.replay_as_recorded(place, amount)


def _sleep(world: World) -> None:
    world.board.lose()


def _power_cycle(world: World) -> None:
    world.board.lose()
    world.board.board.power_up(world.board.now_ms())
    world.connect()


def _start(reboots: bool) -> Act:
    def act(world: World) -> None:
        world.stop_gateway()
        world.start_gateway(reboots=reboots)

    return act

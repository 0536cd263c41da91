"""A board behind a network that delays, doubles, drops and reorders whatever the gateway sends, in virtual time.

The world's time is known here and to nobody in the story: gateway and board count from starts of their own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autocore.simulator.board import DEAD_MAN_MS, Board
from autocore.simulator.rules import BoardRules, ChannelRules
from autocore.simulator.trust import Trust, Verdict
from autocore.simulator.wire import ChannelType, GatewayStatus, Heartbeat, RelayCommand, Welcome

TOGGLE, PULSE, HELD = 1, 2, 3
PULSE_MS = 700
MAX_ON_MS = 9_000
TTL_MS = 2_000
LONGEST_DELAY_MS = 8_000  # a stall that TCP still delivers; a later one meets a new connection


@dataclass(frozen=True)
class Step:
    """After a pause somebody acts; each of `delays_ms` is one copy of what he sends, none of them loses it."""

    pause_ms: int
    act: str
    delays_ms: tuple[int, ...]
    up_ms: int


def steps() -> st.SearchStrategy[list[Step]]:
    delay_ms = st.one_of(st.integers(0, 120), st.integers(0, LONGEST_DELAY_MS))
    copies = st.one_of(st.integers(0, 120).map(lambda ms: (ms,)), st.lists(delay_ms, max_size=3).map(tuple))
    acts = [
        "ask",
        "on",
        "on",
        "off",
        "pulse",
        "hold",
        "hold",
        "beat",
        "beat",
        "beat",
        "release",
        "reconnect",
        "new gateway",
        "new gateway at a stall",
    ]
    step = st.builds(
        Step,
        pause_ms=st.one_of(st.integers(0, 150), st.integers(0, 1_500)),
        act=st.sampled_from(acts),
        delays_ms=copies,
        up_ms=st.one_of(st.integers(0, 120), delay_ms),
    )
    return st.lists(step, min_size=15, max_size=60)


@dataclass
class World:
    """Gateway, network and board; every assertion about safety is made where something reaches the board."""

    now_ms: int = 0
    gateway_ahead_ms: int = 5_000_000
    epoch: int = 1
    session: str = ""
    seq: int = 0
    holds: int = 0
    beats: int = 0
    issued_ms: dict[str, int] = field(default_factory=dict)
    obeyed: set[str] = field(default_factory=set)
    newest_stamp_ms: int = -1
    pulse_until_ms: int = -1

    def __post_init__(self) -> None:
        self.known: tuple[str, int] | None = None  # what the gateway has heard: the session and the number of its status
        self._in_flight: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self.trust = Trust()
        rules = {TOGGLE: ChannelRules(max_on_ms=MAX_ON_MS), HELD: ChannelRules(type=ChannelType.MOMENTARY)}
        self.board = Board(self.trust, BoardRules(channels=rules))
        self.board.power_up(0)
        self.on_since_ms: int | None = None
        self.reconnect()

    # The board's side.

    def reconnect(self) -> None:
        self.trust.disconnect()
        self.board.disconnected(self.now_ms)
        self.session = f"s{next(self._numbers)}"
        self.trust.connect(self.session, self.now_ms)
        self.board.connected(self.now_ms)
        assert not any(self.board.channels.values())

    def ask(self, step: Step) -> None:
        status = self.session, self.trust.ask(self.now_ms)
        self.send((step.up_ms,), lambda: self.hear_status(status, step))

    def hear_gateway(self, word: GatewayStatus, step: Step) -> None:
        self.trust.gateway_spoke(word, self.now_ms, is_retained=False)
        self.board.gateway_changed(self.now_ms)
        if self.trust.ask_ms <= self.now_ms:
            self.ask(step)

    def take_command(self, command: RelayCommand) -> None:
        before = self.board.channels
        answer = self.board.command(command, self.now_ms)
        lit = {number for number, is_on in self.board.channels.items() if is_on and not before[number]}
        if answer is None or answer.status != "applied":
            assert not lit, "a command that was turned down energised a channel"
            return
        assert lit <= {command.channel}
        assert command.state or not lit
        assert command.session == self.session, "a foreign session was obeyed"
        assert command.id not in self.obeyed, "one command was obeyed twice"
        assert self.now_ms - self.issued_ms[command.id] <= TTL_MS, "a stale command was obeyed"
        self.obeyed.add(command.id)
        if command.channel == PULSE:
            self.pulse_until_ms = self.now_ms + PULSE_MS
        if command.channel == HELD and command.state:
            self.newest_stamp_ms = max(self.newest_stamp_ms, self.issued_ms[command.id])

    def take_beat(self, beat: Heartbeat, issued_ms: int) -> None:
        before = self.board.channels
        if self.board.beat(beat, self.now_ms):
            assert self.now_ms - issued_ms <= 300, "a stale beat prolonged a hold"
            self.newest_stamp_ms = max(self.newest_stamp_ms, issued_ms)
        assert not any(is_on and not before[number] for number, is_on in self.board.channels.items())

    # The gateway's side.

    def hear_status(self, status: tuple[str, int], step: Step) -> None:
        self.known = session, ask = status
        word = Welcome(session=session, epoch=self.epoch, seq=self.seq, t_ms=self.gateway_ms, ask=ask)
        self.send(step.delays_ms, lambda: self.trust.welcome(word, self.now_ms))

    def begin_anew(self, step: Step) -> None:
        """Start a gateway that says it is there and welcomes whom it finds, all of which a stall brings in one burst."""
        self.epoch += 1
        self.seq = 0
        word = GatewayStatus(status="online", epoch=self.epoch)
        self.send(step.delays_ms[:1], lambda: self.hear_gateway(word, step))
        if self.known is not None:
            self.hear_status(self.known, step)

    @property
    def gateway_ms(self) -> int:
        return self.now_ms + self.gateway_ahead_ms

    def command(self, step: Step, channel: int, kind: ChannelType, *, state: bool = True) -> None:
        if self.known is None:
            return
        self.seq += 1
        command = RelayCommand(
            id=f"{self.epoch}/{self.seq}",
            session=self.known[0],
            seq=self.seq,
            epoch=self.epoch,
            t_ms=self.gateway_ms,
            ttl_ms=TTL_MS,
            channel=channel,
            state=state,
            type=kind,
            duration_ms=PULSE_MS if channel == PULSE else None,
            hold=f"h{self.holds}" if channel == HELD else None,
        )
        self.issued_ms[command.id] = self.now_ms
        self.send(step.delays_ms, lambda: self.take_command(command))

    def beat(self, step: Step) -> None:
        self.beats += 1
        beat = Heartbeat(hold=f"h{self.holds}", channel=HELD, n=self.beats, t_ms=self.gateway_ms)
        issued_ms = self.now_ms
        self.send(step.delays_ms, lambda: self.take_beat(beat, issued_ms))

    def act(self, step: Step) -> None:
        match step.act:
            case "ask":
                self.ask(step)
            case "on" | "off":
                self.command(step, TOGGLE, ChannelType.TOGGLE, state=step.act == "on")
            case "pulse":
                self.command(step, PULSE, ChannelType.PULSE)
            case "hold":
                self.holds += 1
                self.command(step, HELD, ChannelType.MOMENTARY)
            case "release":
                self.command(step, HELD, ChannelType.MOMENTARY, state=False)
            case "beat":
                self.beat(step)
            case "reconnect":
                self.reconnect()
                self.ask(step)
            case "new gateway":  # another machine time, and its numbers begin again
                self.epoch += 1
                self.seq = 0
                self.gateway_ahead_ms += 77_777 if self.epoch % 2 else -33_333
                self.known = None
                self.ask(step)
            case "new gateway at a stall":
                self.begin_anew(step)

    # The network and the time.

    def send(self, delays_ms: tuple[int, ...], arrive: Callable[[], object]) -> None:
        for delay_ms in delays_ms:
            heapq.heappush(self._in_flight, (self.now_ms + delay_ms, next(self._numbers), arrive))

    def pass_time(self, ms: int) -> None:
        until_ms = self.now_ms + ms
        while True:
            due_ms = self.board.due_ms
            arrival_ms = self._in_flight[0][0] if self._in_flight else None
            next_ms = min((one for one in (due_ms, arrival_ms) if one is not None), default=until_ms + 1)
            if next_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, next_ms)
            if arrival_ms is not None and arrival_ms <= self.now_ms:
                heapq.heappop(self._in_flight)[2]()
            self.board.tick(self.now_ms)
            assert self.board.due_ms is None or self.board.due_ms > self.now_ms, "what was due was not done"
            self.check()
        self.now_ms = until_ms
        self.check()

    def check(self) -> None:
        """Assert what holds at every moment once the board has ticked."""
        channels = self.board.channels
        if channels[HELD]:
            assert self.now_ms - self.newest_stamp_ms <= DEAD_MAN_MS, "a hold outlived its last stamp by over 500 ms"
        if channels[PULSE]:
            assert self.now_ms <= self.pulse_until_ms, "a pulse outlived its duration"
        if not channels[TOGGLE]:
            self.on_since_ms = None
        elif self.on_since_ms is None:
            self.on_since_ms = self.now_ms
        else:
            assert self.now_ms - self.on_since_ms <= MAX_ON_MS, "a channel stayed on over its longest time"


@settings(max_examples=150)
@given(steps())
def test_no_network_makes_a_board_obey_what_is_stale_foreign_or_repeated(story: list[Step]):
    world = World()
    world.act(Step(0, "ask", (0,), 0))
    for step in story:
        world.pass_time(step.pause_ms)
        world.act(step)
    world.pass_time(2 * LONGEST_DELAY_MS)
    assert not world.board.channels[HELD]
    assert not world.board.channels[PULSE]


@given(st.integers(0, 230), st.integers(0, 230))
def test_a_board_behind_a_merely_slow_network_obeys_and_holds(up_ms: int, down_ms: int):
    world = World()
    world.act(Step(0, "ask", (down_ms,), up_ms))
    world.pass_time(up_ms + down_ms)
    for act, channel in (("on", TOGGLE), ("pulse", PULSE)):
        world.act(Step(0, act, (down_ms,), up_ms))
        world.pass_time(down_ms)
        assert world.board.channels[channel]
    if up_ms + down_ms > 200:
        return  # the clock is known to within that, so some beats would count as older than 300 ms
    world.act(Step(0, "hold", (down_ms,), up_ms))
    for _ in range(20):
        world.pass_time(100)
        world.act(Step(0, "beat", (down_ms,), up_ms))
    world.pass_time(down_ms)
    assert world.board.channels[HELD]


@pytest.mark.parametrize("stall_ms", [2_100, 3_500, 8_000])
def test_a_command_that_a_stalled_link_delivers_behind_an_old_welcome_is_not_obeyed(stall_ms: int):
    world = World()
    world.act(Step(0, "ask", (stall_ms,), 10))
    world.pass_time(20)
    world.act(Step(0, "on", (stall_ms - 5,), 10))
    world.pass_time(stall_ms - 100)
    world.act(Step(0, "ask", (90,), 5))
    world.pass_time(1_000)
    assert not world.board.channels[TOGGLE]
    assert world.trust.is_welcomed
    assert sum(world.trust.drops[verdict] for verdict in (Verdict.NOT_WELCOMED, Verdict.EXPIRED)) == 1


@pytest.mark.parametrize("stall_ms", [600, 5_000, 60_000])
def test_a_command_in_the_burst_of_a_link_that_stalled_while_the_gateway_began_anew_is_not_obeyed_late(stall_ms: int):
    world = World()
    for act in ("ask", "new gateway at a stall", "on"):
        world.act(Step(0, act, (0 if act == "ask" else stall_ms,), 5))
        world.pass_time(5)
    world.pass_time(stall_ms)
    assert world.board.channels[TOGGLE] is (stall_ms < TTL_MS and world.trust.drops[Verdict.NOT_WELCOMED] == 0)


def test_a_hold_that_sees_the_gateway_change_still_falls_500_ms_after_its_last_stamp():
    world = World()
    for act in ("ask", "hold", "new gateway", "beat"):  # the new one's clock is far behind that of the old one
        world.act(Step(0, act, (0,), 0))
        world.pass_time(0)
    assert world.board.channels[HELD]
    world.pass_time(DEAD_MAN_MS)
    assert not world.board.channels[HELD]

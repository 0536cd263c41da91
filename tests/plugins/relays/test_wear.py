"""What works must rest: a channel is never on for more than its duty cycle allows, and rests as long as it shall."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autocore.core.errors import Refused
from autocore.testing import Car, FakeBoard
from autocore_plugins.relays.channel import NS, Channel, step
from autocore_plugins.relays.events import Ask, ChannelEvent, ChannelType, Fail, Report, Send, Tick, Wake
from autocore_plugins.relays.wear import MOST_TURNS, NEW, Duty, Wear

CONFIG = """
relays:
  boards:
    - device: bar
      channels:
        1: {name: Compressor, min_off: 60s}
        2: {name: Pump, duty: {for: 10s, in: 60s}}
"""
PUMP, COMPRESSOR = "switch.pump", "switch.compressor"


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=2)
    await car.settle()
    return made


async def turn(car: Car, entity: str, verb: str = "turn_on") -> None:
    await car.call(f"switch.{verb}", {"entity": entity})


async def test_a_compressor_rests_after_it_was_on_and_also_after_a_restart_of_the_gateway(car: Car, board: FakeBoard) -> None:
    with pytest.raises(Refused, match="it rests for 60 s after it was on; 60 s are left") as refused:
        await turn(car, COMPRESSOR)
    assert refused.value.code == "min_off"
    await car.advance(60)
    await turn(car, COMPRESSOR)
    await turn(car, COMPRESSOR)  # it is on: nothing to rest from
    await turn(car, COMPRESSOR, "turn_off")
    await car.advance(59)
    with pytest.raises(Refused, match="1 s are left"):
        await turn(car, COMPRESSOR)
    await car.advance(1)
    await turn(car, COMPRESSOR)
    assert board.channels[1] is True


async def test_a_pump_that_did_its_work_is_turned_off_and_cools_before_the_next(car: Car, board: FakeBoard) -> None:
    await turn(car, PUMP)
    await car.advance(9.9)
    assert board.channels[2] is True
    await car.advance(0.1)
    assert board.channels[2] is False
    with pytest.raises(Refused, match="10 s in 60 s at most; it can again in 51 s") as refused:
        await turn(car, PUMP)
    assert refused.value.code == "duty"
    await car.advance(51)
    await turn(car, PUMP)
    await car.advance(9.9)
    assert board.channels[2] is True, "what it did before falls out of its minute while it works"
    await car.advance(0.1)
    assert board.channels[2] is False


DUTY = Duty(10.0, 60.0)
TURNS = st.lists(st.tuples(st.integers(0, 100_000_000_000), st.integers(0, 30_000_000_000)), max_size=12)


def worked(turns: list[tuple[int, int]]) -> tuple[Wear, int]:
    """Give the wear of one that rested and worked so long, in turn, and the time then."""
    wear, now_ns = NEW, 0
    for rest_ns, work_ns in turns:
        wear = wear.came_on(now_ns + rest_ns).went_off(now_ns + rest_ns + work_ns)
        now_ns += rest_ns + work_ns
    return wear, now_ns


@given(TURNS)
def test_when_it_is_ready_it_has_a_tenth_of_its_work_and_a_moment_before_it_had_not(turns: list[tuple[int, int]]) -> None:
    wear, now_ns = worked(turns)
    ready_ns = wear.ready_ns(DUTY, now_ns)
    assert wear.left_ns(DUTY, ready_ns) >= DUTY.on_s * NS // 10
    if ready_ns > now_ns:
        assert wear.left_ns(DUTY, ready_ns - 1) < DUTY.on_s * NS // 10


@given(TURNS, st.integers(0, 10_000_000_000))
def test_whoever_stays_on_for_what_is_left_never_worked_more_than_allowed(turns: list[tuple[int, int]], rest_ns: int) -> None:
    wear, now_ns = worked([(rest, min(work, 10 * NS)) for rest, work in turns[:1]])
    on = wear.came_on(now_ns + rest_ns)
    until_ns = now_ns + rest_ns + on.left_ns(DUTY, now_ns + rest_ns)
    assert on.worked_ns(DUTY.per_s, until_ns) <= DUTY.on_s * NS


def test_of_very_many_turns_the_memory_is_bounded_and_counts_too_much_rather_than_too_little() -> None:
    turns = [(1_000_000, 1_000_000)] * (MOST_TURNS * 3)
    wear, now_ns = worked(turns)
    assert len(wear.turns) <= MOST_TURNS
    assert wear.worked_ns(60, now_ns) >= len(turns) * 1_000_000


class Bench:
    """A channel whose board obeys at once and whose wake-ups come on time."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.now_ns = 0
        self.history: list[tuple[int, bool]] = []
        self._wakes: list[int] = []

    def take(self, event: ChannelEvent) -> None:
        self.channel, outputs = step(self.channel, event)
        for one in outputs:
            if isinstance(one, Wake):
                self._wakes.append(one.at_ns)
            elif isinstance(one, Send):
                self.turn(one.is_on)

    def turn(self, is_on: bool) -> None:
        self.history.append((self.now_ns, is_on))
        self.take(Report(is_on, True, self.now_ns))

    def wait(self, s: float) -> None:
        until_ns = self.now_ns + round(s * NS)
        while due := [at for at in self._wakes if at <= until_ns]:
            self.now_ns = max(self.now_ns, min(due))
            self._wakes = [at for at in self._wakes if at > self.now_ns]
            self.take(Tick(self.now_ns))
        self.now_ns = until_ns

    def worked_ns(self, within_s: float) -> int:
        """Give the most that it was on in any stretch that ends with a turn."""
        spells = [(at, end) for (at, on), (end, _) in pairwise(self.history) if on]
        starts = [end - round(within_s * NS) for _, end in spells]
        return max(
            (sum(max(0, b - max(a, start)) for a, b in spells if b <= start + within_s * NS) for start in starts), default=0
        )


ACTS = st.lists(st.tuples(st.sampled_from(["on", "off", "board on", "board off", "wait"]), st.floats(0.1, 20)), max_size=40)


@given(ACTS)
@example([("board on", 9.0), ("board off", 0.1), ("board on", 9.0)])
def test_whatever_people_and_the_board_do_it_is_never_on_beyond_its_duty(acts: list[tuple[str, float]]) -> None:
    bench = Bench(Channel(ChannelType.TOGGLE, 3.0, duty=DUTY))
    bench.turn(is_on=False)
    for number, (act, after_s) in enumerate(acts):
        if act in ("on", "off"):
            bench.take(Ask(number, act == "on", bench.now_ns))
        elif act != "wait":
            bench.turn(act == "board on" and bench.channel.wear.left_ns(DUTY, bench.now_ns) > 0)
        bench.wait(after_s)
    bench.turn(is_on=False)
    assert bench.worked_ns(60) <= 10 * NS


def test_a_refusal_by_the_rest_leaves_the_channel_as_it_was() -> None:
    channel, _ = step(Channel(ChannelType.TOGGLE, 3.0, min_off_s=60), Report(False, True, 0))
    after, outputs = step(channel, Ask(1, True, NS))
    assert after == channel
    assert [type(one) for one in outputs] == [Fail]

"""Which loads go off for a battery, which come on again, and whose word counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from autocore_plugins.battery.level import NS, Level
from autocore_plugins.battery.shedding import (
    MOST_TRIES,
    CameOn,
    Done,
    Event,
    Failed,
    GaveUp,
    LevelIs,
    Load,
    Look,
    Output,
    Shedding,
    Touched,
    TurnOff,
    TurnOn,
    Waits,
    next_group,
    remembered,
    step,
)

HOLD_S = 60.0
RADIO, FRIDGE, HEATER, PUMP = "switch.radio", "switch.fridge", "switch.heater", "switch.pump"


@dataclass
class Van:
    """Loads that do as they are told, unless their board is away or refuses."""

    priorities: Mapping[str, int] = field(default_factory=lambda: {RADIO: 9, HEATER: 9, FRIDGE: 3, PUMP: 1})
    on: set[str] = field(default_factory=lambda: {RADIO, HEATER, FRIDGE, PUMP})
    away: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    timed: set[str] = field(default_factory=set)
    now_s: float = 0.0
    state: Shedding = field(default_factory=lambda: Shedding(0))
    said: list[Output] = field(default_factory=list)

    @property
    def loads(self) -> dict[str, Load]:
        return {one: Load(n, one in self.on, one not in self.away, one not in self.timed) for one, n in self.priorities.items()}

    def hear(self, event: Event) -> list[Output]:
        self.state, outputs = step(self.state, event)
        self.said += outputs
        return list(outputs)

    def level(self, level: Level) -> list[Output]:
        self.hear(LevelIs(level))
        return self.look()

    def look(self, under_s: float = 999, over_s: float = 999) -> list[Output]:
        outputs = self.hear(Look(self.ns, self.ns, self.loads, under_s, over_s, HOLD_S))
        for output in outputs:
            if isinstance(output, (TurnOff, TurnOn)):
                self.obey(output)
        return outputs

    def obey(self, order: TurnOff | TurnOn) -> None:
        is_on = isinstance(order, TurnOn)
        for one in order.entities:
            if one in self.refusing:
                self.hear(Failed(one, is_on, is_away=False, at_ns=self.ns))
                continue
            (self.on.add if is_on else self.on.discard)(one)
            self.hear(Done(one, is_on))

    def wait(self, s: float = HOLD_S, **voltage: float) -> list[Output]:
        self.now_s += s
        return self.look(**voltage)

    @property
    def ns(self) -> int:
        return round(self.now_s * NS)


def test_the_least_important_group_goes_first_and_the_next_after_a_hold_time() -> None:
    van = Van()
    assert van.level(Level.SHED) == [TurnOff((HEATER, RADIO))]
    assert van.wait(59) == []
    assert van.wait(1) == [TurnOff((FRIDGE,))]
    assert van.wait() == [TurnOff((PUMP,))]
    assert van.wait() == []


def test_no_further_group_goes_while_the_voltage_is_over_that_of_shed() -> None:
    van = Van()
    van.level(Level.SHED)
    assert van.wait(600, under_s=0) == []
    assert van.wait(30, under_s=59) == []
    assert van.wait(1, under_s=60) == [TurnOff((FRIDGE,))]


def test_without_a_reading_after_the_hold_time_no_further_group_goes_or_comes() -> None:
    van = Van()
    van.level(Level.SHED)
    assert van.hear(Look(600 * NS, 59 * NS, van.loads, 999, 0, HOLD_S)) == []
    van.level(Level.WARN)
    van.on.clear()
    assert van.hear(Look(600 * NS, 59 * NS, van.loads, 0, 999, HOLD_S)) == []


def test_at_park_everything_goes_at_once() -> None:
    van = Van()
    assert van.level(Level.PARK) == [TurnOff((FRIDGE, HEATER, PUMP, RADIO))]


def test_from_park_to_shed_nothing_comes_on_and_nothing_else_goes_off() -> None:
    van = Van()
    van.level(Level.PARK)
    assert van.level(Level.SHED) == []
    assert van.wait(999, under_s=0) == []
    assert van.on == set()


def test_what_was_shed_comes_on_again_in_reverse_order_one_group_a_hold_time() -> None:
    van = Van()
    van.level(Level.PARK)
    assert van.level(Level.WARN) == [TurnOn((PUMP,))]
    assert van.wait(59) == []
    assert van.wait(1, over_s=30) == []
    assert van.wait(30) == [TurnOn((FRIDGE,))]
    assert van.wait() == [TurnOn((HEATER, RADIO))]
    assert (van.state.off, van.state.is_idle) == ({}, True)


def test_only_what_the_battery_turned_off_comes_on_again() -> None:
    van = Van(on={RADIO})
    van.level(Level.PARK)
    van.level(Level.NORMAL)
    van.wait()
    assert van.on == {RADIO}


def test_what_goes_off_by_itself_is_not_turned_on_again() -> None:
    van = Van(timed={PUMP})
    van.level(Level.PARK)
    assert van.level(Level.NORMAL) == [TurnOn((FRIDGE,))]
    assert PUMP not in van.state.off


def test_a_person_who_turns_a_load_off_keeps_it_off() -> None:
    van = Van()
    van.level(Level.PARK)
    van.hear(Touched(PUMP, is_on=False))
    assert van.level(Level.NORMAL) == [TurnOn((FRIDGE,))]
    van.wait()
    assert PUMP not in van.on


def test_a_person_who_turns_a_load_on_keeps_it_on_until_the_level_gets_worse() -> None:
    van = Van()
    van.level(Level.SHED)
    van.on.add(RADIO)
    van.hear(Touched(RADIO, is_on=True))
    assert van.wait() == [TurnOff((FRIDGE,))]
    assert van.wait() == [TurnOff((PUMP,))]
    assert van.on == {RADIO}
    assert van.level(Level.PARK) == [TurnOff((RADIO,))]
    van.on.add(RADIO)
    van.hear(Touched(RADIO, is_on=True))
    assert van.wait() == []
    assert van.on == {RADIO}


def test_a_will_ends_with_the_recovery() -> None:
    van = Van(on={RADIO})
    van.level(Level.SHED)
    van.on.add(RADIO)
    van.hear(Touched(RADIO, is_on=True))
    van.level(Level.NORMAL)
    assert van.state.wills == {}
    assert van.level(Level.SHED) == [TurnOff((RADIO,))]


def test_a_person_who_turns_something_on_while_it_recovers_leaves_no_will() -> None:
    van = Van()
    van.level(Level.PARK)
    van.level(Level.WARN)
    van.on.add(RADIO)
    van.hear(Touched(RADIO, is_on=True))
    assert (van.state.wills, set(van.state.off)) == ({}, {FRIDGE, HEATER})


def test_what_an_automation_turns_on_goes_off_again_after_a_hold_time() -> None:
    van = Van()
    van.level(Level.PARK)
    van.on.add(RADIO)
    van.hear(CameOn(RADIO, is_back=False))
    assert van.wait(59) == []
    assert van.wait(1) == [TurnOff((RADIO,))]


def test_a_load_whose_board_is_away_is_told_and_goes_off_when_it_is_back() -> None:
    van = Van(away={RADIO})
    assert van.level(Level.SHED) == [TurnOff((HEATER,)), Waits((RADIO,))]
    assert van.wait(5) == []
    van.away.clear()
    van.hear(CameOn(RADIO, is_back=True))
    assert van.look(under_s=0) == [TurnOff((RADIO,))]


def test_a_group_of_which_no_board_is_there_does_not_hold_the_next_up() -> None:
    van = Van(away={RADIO, HEATER})
    assert van.level(Level.SHED) == [TurnOff((FRIDGE,)), Waits((HEATER, RADIO))]


def test_a_board_that_is_back_with_its_load_off_owes_nothing() -> None:
    van = Van(on={RADIO, PUMP}, away={RADIO})
    van.level(Level.SHED)
    van.away.clear()
    van.on.discard(RADIO)
    assert van.wait(HOLD_S, under_s=0) == []
    assert (van.state.owed, set(van.state.off)) == ({}, {PUMP})


def test_an_order_that_did_not_get_through_is_repeated_with_the_board_or_after_a_hold_time() -> None:
    van = Van(on={RADIO})
    van.hear(LevelIs(Level.SHED))
    assert van.hear(Look(0, 0, van.loads, 99, 0, HOLD_S)) == [TurnOff((RADIO,))]
    assert van.hear(Failed(RADIO, is_on=False, is_away=True, at_ns=0)) == [Waits((RADIO,))]
    assert van.wait(30) == []
    assert van.wait(30) == [TurnOff((RADIO,))]


def test_a_load_that_refuses_to_go_off_is_asked_again_after_a_hold_time() -> None:
    van = Van(on={RADIO}, refusing={RADIO})
    van.level(Level.SHED)
    assert van.state.off == {}
    assert van.wait(30) == []
    assert van.wait(30) == [TurnOff((RADIO,))]


def test_a_load_that_refuses_to_come_on_is_given_up() -> None:
    van = Van(on={RADIO})
    van.level(Level.SHED)
    van.refusing = {RADIO}
    van.level(Level.NORMAL)
    for _ in range(MOST_TRIES):
        van.wait()
    assert (van.said[-1], van.state.off, van.wait()) == (GaveUp(RADIO), {}, [])


def test_while_it_recovers_a_board_that_is_away_holds_nobody_up_and_is_not_forgotten() -> None:
    van = Van()
    van.level(Level.PARK)
    van.away = {PUMP}
    assert van.level(Level.WARN) == [TurnOn((FRIDGE,))]
    assert van.wait() == [TurnOn((HEATER, RADIO))]
    assert van.wait(9_999) == []
    van.hear(Failed(PUMP, is_on=True, is_away=True, at_ns=van.ns))
    van.away.clear()
    assert van.look() == [TurnOn((PUMP,))]


def test_a_failure_for_what_a_person_touched_meanwhile_is_nothing() -> None:
    van = Van()
    assert van.hear(Failed(RADIO, is_on=False, is_away=True, at_ns=0)) == []


def test_what_comes_next_is_known() -> None:
    van = Van()
    assert next_group(van.state, van.loads) == (HEATER, RADIO)
    van.level(Level.SHED)
    assert next_group(van.state, van.loads) == (FRIDGE,)
    van.level(Level.PARK)
    assert next_group(van.state, van.loads) == ()
    van.hear(LevelIs(Level.WARN))
    assert next_group(van.state, van.loads) == (PUMP,)


def test_a_restart_knows_what_is_off_and_why_and_waits_a_hold_time() -> None:
    van = Van(away={HEATER})
    van.level(Level.SHED)
    van.wait()
    van.hear(Touched(RADIO, is_on=True))
    van.on.add(RADIO)
    snapshot: dict[str, Any] = json.loads(json.dumps(van.state.snapshot()))
    van.state = remembered(snapshot, van.ns)
    assert (set(van.state.off), van.state.wills, set(van.state.owed)) == ({FRIDGE}, {RADIO: Level.SHED}, {HEATER})
    assert van.wait(59) == []
    assert van.wait(1) == [TurnOff((PUMP,))]
    assert van.on == {RADIO, HEATER}


def test_what_the_restart_interrupted_goes_off_when_its_board_speaks() -> None:
    """The state was on disk and the order did not leave any more."""
    van = Van(on={RADIO})
    van.hear(LevelIs(Level.SHED))
    van.hear(Look(0, 0, van.loads, 99, 0, HOLD_S))
    van.state = remembered(van.state.snapshot(), van.ns)
    van.hear(CameOn(RADIO, is_back=True))
    assert van.look(under_s=0) == [TurnOff((RADIO,))]


class Drives(RuleBasedStateMachine):
    """Whatever happens: what is on again was turned off before, and a person's word is never overruled."""

    def __init__(self) -> None:
        super().__init__()
        self.van = Van()
        self.persons: dict[str, bool] = {}
        self.kept: dict[str, Level] = {}

    def check(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, TurnOn):
                assert self.van.state.level < Level.SHED
                assert not any(self.persons.get(one) is False for one in output.entities)
            if isinstance(output, TurnOff):
                assert self.van.state.level >= Level.SHED
                assert not self.kept.keys() & set(output.entities)
                for one in output.entities:
                    self.persons.pop(one, None)

    @rule(level=st.sampled_from(Level))
    def change(self, level: Level) -> None:
        self.kept = {one: at for one, at in self.kept.items() if Level.SHED <= level <= at}
        self.check(self.van.level(level))

    @rule(s=st.sampled_from([1, 30, 60, 600]), under_s=st.sampled_from([0, 99]), over_s=st.sampled_from([0, 99]))
    def wait(self, s: float, under_s: float, over_s: float) -> None:
        self.check(self.van.wait(s, under_s=under_s, over_s=over_s))

    @rule(one=st.sampled_from([RADIO, FRIDGE, HEATER, PUMP]), is_on=st.booleans())
    def touch(self, one: str, is_on: bool) -> None:
        if one in self.van.away:
            return
        (self.van.on.add if is_on else self.van.on.discard)(one)
        self.van.hear(Touched(one, is_on))
        self.persons[one] = is_on
        self.kept.pop(one, None)
        if is_on and self.van.state.level >= Level.SHED:
            self.kept[one] = self.van.state.level

    @rule(one=st.sampled_from([RADIO, FRIDGE]))
    def board_goes_or_comes(self, one: str) -> None:
        if one in self.van.away:
            self.van.away.discard(one)
            if one in self.van.on:
                self.van.hear(CameOn(one, is_back=True))
        else:
            self.van.away.add(one)

    @precondition(lambda self: self.van.state.level is Level.PARK)
    @rule()
    def parked_long_enough_only_what_people_want_is_on(self) -> None:
        self.check(self.van.wait())
        self.check(self.van.wait())
        assert self.van.on - self.van.away <= self.kept.keys()

    @rule()
    def restart(self) -> None:
        self.van.state = remembered(json.loads(json.dumps(self.van.state.snapshot())), self.van.ns)

    @invariant()
    def nothing_is_both_off_and_willed(self) -> None:
        state = self.van.state
        assert not set(state.off) & set(state.wills)
        assert not set(state.off) & set(state.owed)


TestDrives = Drives.TestCase
TestDrives.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(st.sampled_from(Level))
def test_without_loads_nothing_is_ordered(level: Level) -> None:
    van = Van(priorities={})
    assert van.level(level) == []
    assert van.wait() == []

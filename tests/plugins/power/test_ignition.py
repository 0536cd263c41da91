"""The ignition: when it counts as off, and what follows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autocore_plugins.power.ignition import (
    NS,
    Begin,
    Ignition,
    Leave,
    Output,
    Phase,
    Power,
    Resume,
    Stayed,
    Synced,
    Tick,
    leaving,
    step,
)

LOW_FOR_S = 5


def after(*events: object, power: Power | None = None) -> tuple[Power, list[Output]]:
    power, said = power or Power(LOW_FOR_S * NS), []
    for event in events:
        power, outputs = step(power, event)  # type: ignore[arg-type]
        said += outputs
    return power, said


def on(s: float) -> Ignition:
    return Ignition(is_on=True, at_ns=round(s * NS))


def off(s: float) -> Ignition:
    return Ignition(is_on=False, at_ns=round(s * NS))


def unknown(s: float) -> Ignition:
    return Ignition(is_on=None, at_ns=round(s * NS))


def tick(s: float) -> Tick:
    return Tick(round(s * NS))


def test_off_for_long_enough_begins_the_way_down_and_not_earlier() -> None:
    power, said = after(on(0), off(10), tick(14.9))
    assert (power.phase, said, power.due_ns) == (Phase.LOW, [], 15 * NS)
    power, said = after(tick(15), power=power)
    assert (power.phase, said) == (Phase.GOING_DOWN, [Begin()])


def test_a_dip_while_the_engine_is_cranked_is_ignored() -> None:
    power, said = after(on(0), off(10), on(14), tick(15), off(16), tick(20.9))
    assert (power.phase, said) == (Phase.LOW, [])


def test_off_that_is_said_again_does_not_count_anew() -> None:
    _, said = after(on(0), off(10), off(12), off(14), tick(15))
    assert said == [Begin()]


def test_unavailable_is_not_off() -> None:
    power, said = after(on(0), unknown(10), tick(99), off(100), unknown(103), tick(105), tick(200))
    assert (power.phase, said) == (Phase.UP, [])


def test_a_gateway_that_was_started_with_the_ignition_off_stays_up() -> None:
    power, said = after(off(0), tick(99), off(100), tick(200))
    assert (power.phase, said) == (Phase.UP, [])
    _, said = after(on(300), off(301), tick(306), power=power)
    assert said == [Begin()]


def test_a_restart_does_not_forget_that_the_ignition_was_on() -> None:
    _, said = after(off(0), tick(5), power=Power(LOW_FOR_S * NS, is_armed=True))
    assert said == [Begin()]


def test_once_all_is_synced_the_power_may_go() -> None:
    power, said = after(on(0), off(1), tick(6), Synced())
    assert (power.phase, said[-1]) == (Phase.DOWN, Leave())
    assert after(Synced(), power=power) == (power, [])


def test_the_ignition_comes_back_on_the_way_down() -> None:
    power, said = after(on(0), off(1), tick(6), on(7))
    assert (power.phase, said) == (Phase.GOING_DOWN, [Begin()])
    power, said = after(Synced(), power=power)
    assert (power.phase, said) == (Phase.UP, [Resume()])


def test_the_ignition_comes_back_when_all_is_synced() -> None:
    power, said = after(on(0), off(1), tick(6), Synced(), on(8))
    assert (power.phase, said[-1]) == (Phase.UP, Resume())
    _, said = after(off(9), tick(14), power=power)
    assert said == [Begin()]


def test_once_the_power_is_being_taken_away_there_is_no_way_back() -> None:
    power, _ = after(on(0), off(1), tick(6), Synced())
    power, said = after(on(8), off(9), tick(99), power=leaving(power))
    assert (power.phase, said) == (Phase.LEAVING, [])


def test_a_power_off_that_failed_is_not_tried_again_before_the_ignition_was_on() -> None:
    power, _ = after(on(0), off(1), tick(6), Synced())
    power, said = after(Stayed(), off(20), tick(99), power=leaving(power))
    assert (power.phase, said) == (Phase.UP, [Resume()])
    _, said = after(on(100), off(101), tick(106), power=power)
    assert said == [Begin()]


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0.1, 4.9)), max_size=40))
def test_whatever_flickers_for_less_than_the_time_never_begins_the_way_down(turns: list[tuple[bool | None, float]]) -> None:
    power, now_s, last = Power(LOW_FOR_S * NS), 0.0, True
    power, _ = after(on(0), power=power)
    for is_on, for_s in turns:
        turned = is_on if is_on is not False or last is not False else True  # two spells of off would be one
        power, said = after(Ignition(turned, round(now_s * NS)), tick(now_s + for_s), power=power)
        assert said == []
        now_s, last = now_s + for_s, turned

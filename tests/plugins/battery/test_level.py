"""The level of a battery: what makes it another one, and what does not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore_plugins.battery.level import (
    NS,
    CameBack,
    Changed,
    Gap,
    Gauge,
    Level,
    Reading,
    Rules,
    Tick,
    WentStale,
    step,
)

RULES = Rules(12.2, 11.9, 11.6, hysteresis_v=0.4, hold_s=60, stale_after_s=120)
VOLTS = st.floats(9.0, 15.0)
LEVELS = st.sampled_from(Level)


def fed(gauge: Gauge, volts: Iterable[float], every_s: float = 1.0) -> tuple[Gauge, list[object]]:
    said: list[object] = []
    for one in volts:
        gauge, outputs = step(gauge, Reading(one, gauge.heard_ns + round(every_s * NS)))
        said += outputs
    return gauge, said


def held(gauge: Gauge, volts: float, for_s: float = 61) -> tuple[Gauge, list[object]]:
    return fed(gauge, [volts] * round(for_s + 1))


@pytest.mark.parametrize(
    ("volts", "level"),
    [(12.3, Level.NORMAL), (12.2, Level.WARN), (11.9, Level.SHED), (11.6, Level.PARK), (10.9, Level.PARK)],
    ids=["above them all", "at warn", "at shed", "at park", "far below"],
)
def test_a_level_is_reached_at_its_voltage_after_the_hold_time(volts: float, level: Level) -> None:
    gauge, said = held(Gauge(RULES, 0), volts, 59)
    assert said == []
    gauge, said = fed(gauge, [volts, volts])
    assert gauge.level is level
    assert said == ([] if level is Level.NORMAL else [Changed(Level.NORMAL, level, volts)])


def test_levels_come_one_after_the_other_as_the_voltage_sinks() -> None:
    gauge, seen = Gauge(RULES, 0), []
    for volts in (12.1, 11.8, 11.5):
        gauge, said = held(gauge, volts)
        seen += [one.after for one in said if isinstance(one, Changed)]
    assert seen == [Level.WARN, Level.SHED, Level.PARK]


def test_a_level_ends_only_over_its_voltage_and_the_hysteresis_for_the_hold_time() -> None:
    gauge, _ = held(Gauge(RULES, 0), 11.8)
    gauge, said = held(gauge, 12.29, 600)
    assert (gauge.level, said) == (Level.SHED, [])
    gauge, said = held(gauge, 12.31)
    assert said == [Changed(Level.SHED, Level.WARN, 12.31)]
    gauge, said = held(gauge, 12.61)
    assert said == [Changed(Level.WARN, Level.NORMAL, 12.61)]


def test_a_battery_on_its_charger_is_normal_at_once_after_the_hold_time() -> None:
    gauge, _ = held(Gauge(RULES, 0), 11.0)
    gauge, said = held(gauge, 14.2)
    assert said == [Changed(Level.PARK, Level.NORMAL, 14.2)]


def test_a_stale_voltage_is_told_once_and_changes_no_level() -> None:
    gauge, _ = held(Gauge(RULES, 0), 11.8)
    gauge, said = step(gauge, Tick(gauge.heard_ns + 120 * NS))
    assert said == ()
    gauge, said = step(gauge, Tick(gauge.heard_ns + 121 * NS))
    assert said == (WentStale(),)
    gauge, said = step(gauge, Tick(gauge.heard_ns + 9_999 * NS))
    assert (gauge.level, said, gauge.under_s(Level.SHED)) == (Level.SHED, (), 0.0)
    gauge, said = step(gauge, Reading(14.0, gauge.heard_ns + 10_000 * NS))
    assert (gauge.level, said) == (Level.SHED, (CameBack(),))


@pytest.mark.parametrize("broken_by", ["a gap", "an unavailable source", "a wire that came off"])
def test_what_breaks_the_hold_time_makes_it_begin_anew(broken_by: str) -> None:
    gauge, _ = held(Gauge(RULES, 0), 11.8, 58)
    if broken_by == "a gap":
        gauge, said = step(gauge, Reading(11.8, gauge.heard_ns + 121 * NS))
        assert said == ()
    elif broken_by == "an unavailable source":
        gauge, _ = step(gauge, Gap(gauge.heard_ns + NS))
    else:
        gauge, _ = step(gauge, Reading(0.0, gauge.heard_ns + NS))
        assert gauge.volts == 11.8
    gauge, said = held(gauge, 11.8, 57)
    assert (gauge.level, said) == (Level.NORMAL, [])
    gauge, _ = held(gauge, 11.8, 3)
    assert gauge.level is Level.SHED


def test_a_wire_that_came_off_is_stale_and_sheds_nothing() -> None:
    gauge, _ = held(Gauge(RULES, 0), 13.0)
    for second in range(1, 200):
        gauge, _ = step(gauge, Reading(0.0, gauge.heard_ns + second * NS))
    gauge, said = step(gauge, Tick(gauge.heard_ns + 200 * NS))
    assert (gauge.level, said) == (Level.NORMAL, (WentStale(),))


@given(level=LEVELS, dips=st.lists(st.tuples(VOLTS, st.integers(1, 59), st.integers(1, 30)), max_size=8))
def test_dips_shorter_than_the_hold_time_change_nothing(level: Level, dips: list[tuple[float, int, int]]) -> None:
    """Cranking, a pump that starts: however deep, and however often."""
    quiet = {Level.NORMAL: 12.4, Level.WARN: 12.25, Level.SHED: 12.1, Level.PARK: 11.8}[level]
    gauge = Gauge(RULES, 0, level)
    for volts, seconds, calm in dips:
        low = min(volts, quiet)
        gauge, said = fed(gauge, [*[low] * seconds, *[quiet] * calm])
        worse = [one for one in said if isinstance(one, Changed) and one.after > level]
        assert worse == []
    assert gauge.level is level


@given(level=st.sampled_from([Level.WARN, Level.SHED, Level.PARK]), data=st.data())
def test_levels_do_not_flap_within_the_hysteresis(level: Level, data: st.DataObject) -> None:
    entered, ends = RULES.enters_at(level), RULES.leaves_at(level)
    below = RULES.enters_at(Level(level + 1)) if level < Level.PARK else 9.0
    inside = st.floats(below, ends, exclude_min=True, exclude_max=True)
    gauge, _ = held(Gauge(RULES, 0), entered)
    assert gauge.level is level
    gauge, said = fed(gauge, data.draw(st.lists(inside, min_size=1, max_size=60)), every_s=data.draw(st.floats(0.5, 119)))
    assert (gauge.level, said) == (level, [])


@given(level=LEVELS, events=st.lists(st.tuples(st.sampled_from(["tick", "gap", "off"]), st.floats(0.1, 1e4)), max_size=40))
def test_without_a_usable_reading_the_level_never_changes(level: Level, events: list[tuple[str, float]]) -> None:
    gauge, now_ns = Gauge(RULES, 0, level), 0
    for kind, passed_s in events:
        now_ns += round(passed_s * NS)
        event = {"tick": Tick(now_ns), "gap": Gap(now_ns), "off": Reading(0.0, now_ns)}[kind]
        gauge, outputs = step(gauge, event)
        assert not any(isinstance(one, Changed) for one in outputs)
    assert gauge.level is level


@given(volts=st.lists(VOLTS, max_size=60), every_s=st.floats(0.1, 100))
def test_every_change_is_borne_out_by_every_reading_of_the_hold_time(volts: list[float], every_s: float) -> None:
    gauge, now_ns, seen = Gauge(RULES, 0), 0, []
    for one in volts:
        now_ns += round(every_s * NS)
        seen.append((now_ns, one))
        gauge, outputs = step(gauge, Reading(one, now_ns))
        for change in outputs:
            assert isinstance(change, Changed)
            recent = [reading for at_ns, reading in seen if now_ns - at_ns <= RULES.hold_s * NS]
            if change.after > change.before:
                assert max(recent) <= RULES.enters_at(change.after)
            else:
                assert min(recent) >= RULES.leaves_at(Level(change.after + 1))
        assert not any(isinstance(change, Changed) and change.after is change.before for change in outputs)

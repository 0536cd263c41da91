"""A value beyond a limit is told once, and does not flicker."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.builtin.limits import CRITICAL, WARN, LimitWatch, level_of
from autocore.core.bus import Bus, Event
from autocore.core.clock import Sequence
from autocore.core.entities import EntityRegistry
from autocore.core.kinds import Limits, Sensor
from autocore.core.model import GATEWAY
from autocore.core.notices import Severity
from autocore.testing import FakeClock

HOT = Limits(warn_above=98, critical_above=110, hysteresis=3)


class Desk:
    def __init__(self) -> None:
        clock, sequence = FakeClock(), Sequence(1, lambda limit: None)
        self.bus = Bus(clock, sequence)
        self.entities = EntityRegistry(clock, sequence, self.bus, boot=1)
        self.told: list[tuple[str, Severity]] = []
        self.events: list[Event] = []
        self.bus.on("entity.limit", self.events.append)
        self.watch = LimitWatch(self.entities, self.bus, self.tell)
        self.watch.start()

    def tell(self, text: str, *, severity: Severity, **_about: Any) -> None:
        self.told.append((text, severity))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_engine_that_gets_hot_is_told_at_each_level_once(desk: Desk) -> None:
    coolant = desk.entities.add("test", Sensor("coolant", name="Coolant", unit="°C", limits=HOT))
    for celsius in (90, 97, 99, 100, 96, 98.5, 111, 108, 106, 94):
        coolant.set(celsius)
    assert desk.told == [
        ("Coolant is 99 °C, above 98", Severity.WARNING),
        ("Coolant is 111 °C, above 110", Severity.CRITICAL),
        ("Coolant is 106 °C, above 98", Severity.WARNING),
        ("Coolant is 94 °C, within its limits again", Severity.INFO),
    ]
    assert [one.data["level"] for one in desk.events] == [WARN, CRITICAL, WARN, None]
    assert coolant.level is None


def test_limits_that_people_set_later_hold_at_once(desk: Desk) -> None:
    battery = desk.entities.add("test", Sensor("battery", unit="V"))
    battery.set(11.4)
    desk.entities.override(battery.id, {"limits": Limits(critical_below=11.6)}, GATEWAY)
    assert battery.level == CRITICAL
    desk.entities.override(battery.id, {"limits": None}, GATEWAY)
    assert battery.level is None


def test_a_value_that_is_not_live_changes_no_level(desk: Desk) -> None:
    coolant = desk.entities.add("test", Sensor("coolant", limits=HOT))
    coolant.set(120)
    coolant.lose()
    assert coolant.level == CRITICAL
    coolant.set("broken")  # a text is no number
    assert coolant.level == CRITICAL


def test_an_entity_without_limits_has_no_listener(desk: Desk) -> None:
    free = desk.entities.add("test", Sensor("free"))
    assert free.listeners == ()
    desk.watch.stop()


numbers = st.floats(-1_000, 1_000)


@given(st.lists(numbers, min_size=1), st.floats(0, 50))
def test_a_level_is_left_only_when_the_value_came_back_by_the_hysteresis(values: list[float], hysteresis: float) -> None:
    limits = Limits(warn_above=0, hysteresis=hysteresis)
    level = None
    for value in values:
        was, level = level, level_of(value, limits, level)
        if was == WARN and level is None:
            assert value <= -hysteresis
        if was is None and level == WARN:
            assert value > 0


@given(numbers)
def test_without_hysteresis_the_level_is_a_function_of_the_value(value: float) -> None:
    limits = Limits(warn_above=10, warn_below=-10, critical_above=20, critical_below=-20)
    found = {level_of(value, limits, was) for was in (None, WARN, CRITICAL)}
    assert found == {CRITICAL if abs(value) > 20 else WARN if abs(value) > 10 else None}

"""Groups, templates, statistics and the best of several sources in a whole gateway."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import ConfigFaults, Refused
from autocore.testing import Car

TELEMETRY = "telemetry: {expires_after: 60s}\n"
RELAYS = """
relays:
  boards:
    - device: main
      channels: {1: {name: Left}, 2: {name: Right}}
"""


def say(car: Car, device: str, **readings: float) -> None:
    car.publish(f"autocore/telemetry/{device}/data", readings)


async def test_a_group_of_switches_is_on_when_one_is_and_switches_all(car: Car) -> None:
    await car.start(RELAYS + "derived:\n  groups: [{name: Both, entities: [switch.left, switch.right]}]\n")
    assert car.value("switch.both") is None
    board = car.board("main", channels=2)
    await car.settle()
    assert car.value("switch.both") is False
    await car.call("switch.turn_on", {"entity": "switch.left"})
    assert car.value("switch.both") is True
    await car.call("switch.toggle", {"entity": "switch.both"})
    assert (car.value("switch.left"), car.value("switch.both")) == (False, False)
    await car.call("switch.turn_on", {"entity": "switch.both"})
    assert (car.value("switch.left"), car.value("switch.right")) == (True, True)
    board.disconnect()
    await car.settle()
    assert car.value("switch.both") is None


async def test_a_group_says_why_a_member_did_not_switch(car: Car) -> None:
    await car.start(RELAYS + "derived:\n  groups: [{name: Both, entities: [switch.left, switch.right]}]\n")
    with pytest.raises(Refused, match="main"):
        await car.call("switch.turn_on", {"entity": "switch.both"})


async def test_a_group_of_sensors_is_worked_out_over_those_that_are_live(car: Car) -> None:
    await car.start(
        TELEMETRY
        + "derived:\n  groups:\n"
        + "    - {name: Tank mean, entities: [sensor.front_level, sensor.rear_level]}\n"
        + "    - {name: Tank sum, entities: [sensor.front_level, sensor.rear_level], function: sum, unit: L}\n"
    )
    say(car, "front", level=40)
    assert car.value("sensor.tank_mean") == 40
    say(car, "rear", level=60)
    assert (car.value("sensor.tank_mean"), car.value("sensor.tank_sum")) == (50, 100)
    assert car.entity("sensor.tank_sum").description.unit == "L"
    await car.advance(s=50)
    say(car, "rear", level=60)
    await car.advance(s=30)  # the front one is silent for longer than a minute
    assert (car.value("sensor.tank_mean"), car.value("sensor.tank_sum")) == (60, 60)


async def test_a_template_follows_what_it_names(car: Car) -> None:
    await car.start(
        TELEMETRY
        + "derived:\n  templates:\n"
        + "    - {name: Power, unit: W, value: \"{{ states('sensor.cabin_voltage') * states('sensor.cabin_current') }}\"}\n"
        + "    - {name: Charging, kind: binary_sensor, value: \"{{ states('sensor.cabin_current') > 0 }}\"}\n"
    )
    assert car.value("sensor.power") is None
    assert "waits for sensor.cabin_current, sensor.cabin_voltage" in await car.page("/derived")
    say(car, "cabin", voltage=12.5)
    say(car, "cabin", current=4)
    await car.advance(s=0.2)
    assert (car.value("sensor.power"), car.value("binary_sensor.charging")) == (50, True)
    say(car, "cabin", current=-2)
    await car.advance(s=0.2)
    assert (car.value("sensor.power"), car.value("binary_sensor.charging")) == (-25, False)


async def test_a_flood_of_readings_is_worked_out_ten_times_a_second_and_ends_right(car: Car) -> None:
    await car.start(
        TELEMETRY + "derived:\n  templates: [{name: Twice, unit: rpm, value: \"{{ states('sensor.engine_rpm') * 2 }}\"}]\n"
    )
    seen: list[object] = []
    car.core.entities.on("sensor.twice", lambda _entity, _old, new: seen.append(new.value))
    for rpm in range(1_000):
        say(car, "engine", rpm=rpm)
    assert len(seen) <= 2
    await car.advance(s=0.2)
    assert car.value("sensor.twice") == 1_998


async def test_a_template_that_cannot_be_worked_out_says_so_and_harms_nothing(car: Car) -> None:
    await car.start(
        TELEMETRY
        + "derived:\n  templates:\n"
        + "    - {name: Broken, value: \"{{ states('sensor.cabin_voltage') / 0 }}\"}\n"
        + "    - {name: Whole, value: \"{{ states('sensor.cabin_voltage') }}\"}\n"
    )
    say(car, "cabin", voltage=12.5)
    assert (car.value("sensor.broken"), car.value("sensor.whole")) == (None, 12.5)
    assert "division by zero" in await car.page("/derived")


async def test_a_statistic_has_the_unit_of_its_sensor_and_forgets_a_silent_one(car: Car) -> None:
    await car.start(
        TELEMETRY
        + "derived:\n  statistics:\n"
        + "    - {name: Mean coolant, entity: sensor.engine_coolant, function: mean, window: 60s}\n"
        + "    - {name: Coolant rise, entity: sensor.engine_coolant, function: rate, window: 60s}\n"
    )
    say(car, "engine", coolant=80)
    await car.advance(s=30)
    say(car, "engine", coolant=90)
    await car.advance(s=30)
    assert car.value("sensor.mean_coolant") == pytest.approx(85, abs=0.5)
    assert car.value("sensor.coolant_rise") == pytest.approx(10 / 30)
    assert car.entity("sensor.mean_coolant").description.unit == "°C"
    assert car.entity("sensor.coolant_rise").description.unit == "°C/s"
    await car.advance(s=120)
    assert car.value("sensor.mean_coolant") is None


async def test_the_best_live_source_is_shown_and_a_loose_one_must_hold_first(car: Car) -> None:
    await car.start(
        TELEMETRY + "derived:\n  sources: [{name: Speed, entities: [sensor.can_speed, sensor.gps_speed], settle: 5s}]\n"
    )
    say(car, "gps", speed=50)
    assert car.value("sensor.speed") == 50
    say(car, "can", speed=52)
    assert car.value("sensor.speed") == 50  # not yet
    await car.advance(s=6)
    assert car.value("sensor.speed") == 52
    cause = car.entity("sensor.speed").state.cause
    assert cause is not None
    assert cause.who == "sensor.can_speed"
    await car.advance(s=50)
    say(car, "gps", speed=61)
    await car.advance(s=10)  # CAN is silent for longer than a minute
    assert car.value("sensor.speed") == 61
    await car.advance(s=61)
    assert car.value("sensor.speed") is None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("groups: [{name: A, entities: [switch.b, light.c]}]", "members of one kind"),
        ("groups: [{name: A, entities: [select.b]}]", "not of select"),
        ("groups: [{name: A, entities: []}]", "name 1 to"),
        ("groups: [{name: A, entities: [switch.b], function: sum}]", "for a group of sensors"),
        ("groups: [{name: A, entities: [sensor.b], all: true}]", "take a function"),
        ("groups: [{name: '!', entities: [switch.b]}]", "no letter or digit"),
        ("groups: [{name: A, entities: [switch.a]}]", "made of itself: switch.a → switch.a"),
        ("templates: [{name: A, value: '{{ 1 '}]", "line 1"),
        ("templates: [{name: A, value: 5}]", "expected a template"),
        ("statistics: [{name: A, entity: sensor.b, function: mode, window: 1h}]", "use one of"),
        ("statistics: [{name: A, entity: sensor.b, function: mean, window: 30d}]", "a window is"),
        (
            "{groups: [{name: A, entities: [sensor.b]}], sources: [{name: B, entities: [sensor.a]}]}",
            "sensor.a → sensor.b → sensor.a",
        ),
        ("{groups: [{name: A, entities: [sensor.b]}], sources: [{name: A, entities: [sensor.c]}]}", "two items would be"),
        ("groups: [{name: A, entities: [sensor.b], limits: {hysteresis: 2}}]", "at least one of"),
        ("groups: [{name: A, entities: [sensor.b], limits: {warn_above: 9, critical_above: 2}}]", "exchange"),
    ],
)
async def test_what_cannot_be_is_said_with_its_place(car: Car, section: str, words: str) -> None:
    text = f"derived: {section}\n" if section.startswith("{") else f"derived: {{{section}}}\n"
    with pytest.raises(ConfigFaults) as caught:
        await car.start(text)
    assert words in str(caught.value)
    assert "config.yaml:" in str(caught.value)


async def test_a_name_in_the_configuration_is_changed_there(car: Car) -> None:
    await car.start(TELEMETRY + "derived:\n  groups: [{name: Tanks, entities: [sensor.front_level]}]\n")
    written = car.entity("sensor.tanks").description.written
    assert written is not None
    assert written["name"].startswith("config.yaml:")
    assert "icon" not in written


async def test_the_page_speaks_both_languages(car: Car) -> None:
    await car.start(TELEMETRY + "derived:\n")
    assert "Nothing is calculated yet" in await car.page("/derived")
    assert "Nada é calculado ainda" in await car.page("/derived", "pt-BR")


@given(st.text(max_size=40))
def test_no_text_breaks_the_truth_of_a_binary_template(text: str) -> None:
    from autocore.core.errors import InvalidData  # noqa: PLC0415
    from autocore_plugins.derived.template import _truth  # noqa: PLC0415

    try:
        assert _truth(text) in (True, False)
    except InvalidData as error:
        assert "true or false" in str(error)  # noqa: PT017  # either is right

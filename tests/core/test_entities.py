"""What the vehicle is now, and who hears of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import InvalidData, NameTaken, UnknownName
from autocore.core.kinds import BinarySensor, Description, Sensor, Switch
from autocore.core.model import Cause, State
from autocore.testing import FakeClock


def test_a_reading_becomes_the_state_and_is_heard_by_entity_kind_and_all(entities: EntityRegistry) -> None:
    heard: list[str] = []
    entities.on("sensor.rpm", lambda entity, old, new: heard.append(f"entity {new.value}"))
    entities.on("sensor", lambda entity, old, new: heard.append(f"kind {new.value}"))
    entities.on("", lambda entity, old, new: heard.append(f"all {new.value}"))
    entities.on("binary_sensor", lambda entity, old, new: heard.append("another kind"))

    entities.add("telemetry", Sensor("rpm", unit="rpm")).set(812)

    assert entities.get("sensor.rpm").state.value == 812
    assert heard == ["entity 812", "kind 812", "all 812"]


def test_a_listener_that_was_taken_off_hears_nothing_more(entities: EntityRegistry) -> None:
    heard: list[object] = []
    rpm = entities.add("telemetry", Sensor("rpm"))
    remove = entities.on("sensor.rpm", lambda *word: heard.append(word))
    rpm.set(1)
    remove()
    remove()
    rpm.set(2)
    assert len(heard) == 1


def test_an_unchanged_report_keeps_the_time_of_the_change(entities: EntityRegistry, clock: FakeClock) -> None:
    door = entities.add("telemetry", BinarySensor("door"))
    door.set(True)
    changed = door.state.changed_ns
    clock.advance(5)
    door.set(True)
    assert door.state.changed_ns == changed
    assert door.state.updated_ns == changed + 5_000_000_000
    door.set(False)
    assert door.state.changed_ns == clock.monotonic_ns()


@pytest.mark.parametrize(
    "wrong", [math.nan, math.inf, -math.inf, True, None, 2**64, -(2**64), "x" * 256], ids=lambda one: f"{one!s:.25}"
)
def test_a_sensor_refuses_what_is_no_reading_and_keeps_its_state(entities: EntityRegistry, wrong: float | None) -> None:
    rpm = entities.add("telemetry", Sensor("rpm"))
    rpm.set(800)
    with pytest.raises(InvalidData):
        rpm.set(wrong)
    assert rpm.state.value == 800


@pytest.mark.parametrize("wrong", [1, 0, "on", None, 1.0], ids=repr)
def test_a_switch_is_on_or_off_and_nothing_else(entities: EntityRegistry, wrong: object) -> None:
    lamp = entities.add("relays", Switch("lamp"))
    with pytest.raises(InvalidData):
        lamp.set(wrong)  # type: ignore[arg-type]  # that is the point
    assert lamp.state.value is None


def test_silence_makes_a_sensor_unavailable_and_its_last_value_stays(entities: EntityRegistry, clock: FakeClock) -> None:
    fast = entities.add("telemetry", Sensor("oil_pressure", expires_after_s=10))
    slow = entities.add("telemetry", Sensor("odometer"))
    fast.set(3.5)
    slow.set(120_000)
    clock.advance(10)
    entities.expire()
    assert fast.state.available
    clock.advance(0.1)
    entities.expire()
    assert (fast.state.available, fast.state.value) == (False, 3.5)
    assert slow.state.available


def test_an_unknown_entity_names_the_nearest(entities: EntityRegistry) -> None:
    entities.add("telemetry", Sensor("engine_rpm"))
    with pytest.raises(UnknownName) as caught:
        entities.get("sensor.engine_rmp")
    assert caught.value.nearest == "sensor.engine_rpm"


def test_two_devices_with_one_name_get_two_ids(entities: EntityRegistry) -> None:
    first = entities.add("telemetry", Sensor("temperature", device="a"))
    second = entities.add("telemetry", Sensor("temperature", device="b"))
    assert (first.id, second.id) == ("sensor.temperature", "sensor.temperature_2")


def test_a_plugin_cannot_add_the_same_entity_twice(entities: EntityRegistry) -> None:
    entities.add("relays", Switch("lamp"))
    with pytest.raises(NameTaken, match=r"switch\.lamp"):
        entities.add("relays", Switch("lamp"))


def test_after_a_restart_a_plugin_takes_up_its_entity_with_the_last_value(clock: FakeClock, sequence: Sequence, bus: Bus) -> None:
    later = EntityRegistry(clock, sequence, bus, boot=2)
    last = State(21.5, available=True, changed_ns=5, updated_ns=7, boot=1, seq=40)
    later.restore(
        "sensor.cabin_temperature", "telemetry", Sensor("cabin_temperature", device="cabin", unique="temperature"), last
    )

    restored = later.get("sensor.cabin_temperature")
    assert (restored.state.value, restored.state.available) == (21.5, False)

    taken = later.add("telemetry", Sensor("cabin_temperature", device="cabin", unique="temperature", unit="°C"))
    assert taken is restored
    assert taken.description == Sensor("cabin_temperature", device="cabin", unique="temperature", unit="°C")
    assert taken.state.value == 21.5


def test_a_released_entity_is_unavailable_and_can_be_taken_up_again(entities: EntityRegistry) -> None:
    lamp = entities.add("relays", Switch("lamp"))
    lamp.set(True)
    entities.release(lamp)
    assert not lamp.state.available
    assert entities.add("relays", Switch("lamp")) is lamp


def test_an_entity_that_comes_back_as_another_kind_is_another_entity(entities: EntityRegistry) -> None:
    old = entities.add("telemetry", Sensor("door"))
    entities.release(old)
    new = entities.add("telemetry", BinarySensor("door"))
    assert (new.id, "sensor.door" in entities) == ("binary_sensor.door", False)


@given(
    st.lists(
        st.one_of(
            st.integers(-(2**64) + 1, 2**64 - 1),
            st.floats(-1e99, 1e99),
            st.text(max_size=255),
            st.none(),
        ),
        max_size=30,
    )
)
def test_states_are_in_order_and_the_change_is_never_after_the_report(reports: list[float | int | str | None]) -> None:
    clock = FakeClock()
    sequence = Sequence(1, lambda limit: None)
    entities = EntityRegistry(clock, sequence, Bus(clock, sequence), boot=1)
    seen: list[State] = []

    def hear(entity: Entity, old: State, new: State) -> None:
        assert new.available or old.available
        seen.append(new)

    entities.on("", hear)
    sensor = entities.add("telemetry", Sensor("any"))
    for report in reports:
        clock.advance(0.25)
        if report is None:
            sensor.lose()
        else:
            sensor.set(report)
    assert [state.seq for state in seen] == sorted({state.seq for state in seen})
    assert all(state.changed_ns <= clock.monotonic_ns() for state in seen)
    assert all(state.changed_ns <= state.updated_ns for state in seen if state.available)


def test_what_an_entity_is_may_be_said_anew_and_people_keep_their_word(entities: EntityRegistry, bus: Bus) -> None:
    speed = entities.add("derived", Sensor("speed", name="Speed"))
    entities.override(speed.id, {"name": "How fast"}, Cause("rest", "ana"))
    changed: list[str] = []
    bus.on("entity.changed", lambda event: changed.append(event.data["entity"]))
    entities.redescribe(speed, Sensor("speed", name="Speed", unit="km/h"))
    entities.redescribe(speed, Sensor("speed", name="Speed", unit="km/h"))
    assert (speed.description.name, getattr(speed.description, "unit", None)) == ("How fast", "km/h")
    assert changed == [speed.id]


@pytest.mark.parametrize("other", [Sensor("rpm"), BinarySensor("speed"), Sensor("speed", device="engine")])
def test_an_entity_never_becomes_another(entities: EntityRegistry, other: Description) -> None:
    speed = entities.add("derived", Sensor("speed"))
    with pytest.raises(InvalidData, match="add that one instead"):
        entities.redescribe(speed, other)

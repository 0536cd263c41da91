"""The newest frame of every identifier: bounded, counted, and an unchanged payload reaches nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.api import Entity, Sensor
from autocore.core.bus import Bus as EventBus
from autocore.core.clock import Sequence
from autocore.core.entities import EntityRegistry
from autocore.testing import FakeClock
from autocore_plugins.can.fields import Field, Meaning
from autocore_plugins.can.section import Face
from autocore_plugins.can.signals import NS, Choice, Tap, readable
from autocore_plugins.can.traffic import MOST_IDS, Traffic


class Vehicle:
    """Entities on a clock that a test moves."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        sequence = Sequence(1, lambda limit: None)
        self.entities = EntityRegistry(self.clock, sequence, EventBus(self.clock, sequence), 1)
        self.reports: list[object] = []
        self.entities.on("", lambda _entity, _old, new: self.reports.append(new.value))

    def tap(self, key: str, meaning: Meaning, expires_after_s: float | None = 30.0) -> Tap:
        choice = Choice(key, key, 0x100, None, meaning, Face(expires_after_s=expires_after_s), "config")
        return Tap(choice, self.entities.add("can", choice.description()))

    def now_ns(self) -> int:
        return self.clock.monotonic_ns()


@pytest.fixture
async def car() -> Vehicle:
    return Vehicle()


async def test_an_unchanged_payload_costs_no_report_until_a_sign_of_life_is_due(car: Vehicle) -> None:
    tap = car.tap("speed", Meaning(Field(0, 8), {}, "km/h"))
    traffic = Traffic()
    traffic.want({0x100: (tap,)})
    for _ in range(100):
        traffic.take([(0x100, b"\x07")], car.now_ns())
    assert car.reports == [7]
    car.clock.advance(s=9)
    traffic.take([(0x100, b"\x07")], car.now_ns())
    assert car.reports == [7]
    car.clock.advance(s=2)
    traffic.take([(0x100, b"\x07")], car.now_ns())
    assert car.reports == [7, 7]
    traffic.take([(0x100, b"\x08")], car.now_ns())
    assert car.reports == [7, 7, 8]
    assert traffic.frames == 103


async def test_a_frame_that_goes_on_unchanged_never_expires(car: Vehicle) -> None:
    tap = car.tap("speed", Meaning(Field(0, 8), {}), expires_after_s=2.0)
    traffic = Traffic()
    traffic.want({0x100: (tap,)})
    for _ in range(40):
        traffic.take([(0x100, b"\x07")], car.now_ns())
        car.clock.advance(s=0.5)
        car.entities.expire()
        assert tap.entity.state.available
    car.clock.advance(s=3)
    car.entities.expire()
    assert not tap.entity.state.available


async def test_only_the_signal_that_changed_is_reported(car: Vehicle) -> None:
    taps = tuple(car.tap(f"byte_{number}", Meaning(Field(8 * number, 8), {})) for number in range(3))
    traffic = Traffic()
    traffic.want({0x100: taps})
    traffic.take([(0x100, b"\x01\x02\x03"), (0x100, b"\x01\x09\x03")], car.now_ns())
    assert car.reports == [1, 2, 3, 9]


async def test_a_measurement_that_is_not_available_is_not_shown_as_live(car: Vehicle) -> None:
    tap = car.tap("fuel", Meaning(Field(0, 8), {255: "not available"}, "%"))
    source = object()
    tap.take(b"\x50", 0, source)
    assert tap.value == 80
    tap.take(b"\xff", 1, source)
    assert (tap.value, tap.entity.state.value) == (None, 80)
    tap.take(b"\x51", 2, source)
    assert tap.value == 81


async def test_what_another_bus_says_is_not_lost_with_this_one(car: Vehicle) -> None:
    tap = car.tap("speed", Meaning(Field(0, 8), {}))
    first, second = Traffic(), Traffic()
    for traffic in (first, second):
        traffic.want({0x100: (tap,)})
    first.take([(0x100, b"\x01")], 1 * NS)
    second.take([(0x100, b"\x02")], 2 * NS)
    assert tap.source is second


def test_identifiers_are_bounded_and_those_beyond_are_counted() -> None:
    traffic = Traffic()
    traffic.take([(key, b"\x01") for key in range(MOST_IDS + 50)], 0)
    assert (len(list(traffic)), traffic.unlisted, traffic.frames) == (MOST_IDS, 50, MOST_IDS + 50)


async def test_a_wanted_frame_is_decoded_however_many_others_there_are(car: Vehicle) -> None:
    tap = car.tap("late", Meaning(Field(0, 8), {}))
    traffic = Traffic()
    traffic.want({0x7FF: (tap,)})
    traffic.take([(key, b"\x01") for key in range(MOST_IDS)], 0)
    traffic.take([(0x7FF, b"\x2a")], 0)
    assert tap.value == 42


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(min_size=1, max_size=2)), max_size=40))
def test_the_table_holds_the_newest_payload_of_each_identifier(frames: list[tuple[int, bytes]]) -> None:
    traffic = Traffic()
    traffic.take(frames, 0)
    traffic.measure(2.0)
    assert {row.key: row.data for row in traffic} == dict(frames)
    assert {row.key: row.count for row in traffic} == {key: sum(one == key for one, _ in frames) for key, _ in frames}
    assert sum(row.rate for row in traffic) == pytest.approx(len(frames) / 2.0)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("EngineSpeed", "Engine speed"),
        ("Engine_Speed", "Engine speed"),
        ("EngineRPM", "Engine RPM"),
        ("ABSActive", "ABS active"),
        ("temp2", "Temp2"),
    ],
)
def test_names_are_made_readable(name: str, words: str) -> None:
    assert readable(name) == words


async def test_the_kind_of_entity_follows_from_the_signal(car: Vehicle) -> None:
    flag = car.tap("clutch", Meaning(Field(4, 1), {})).entity
    gear = car.tap("gear", Meaning(Field(0, 4), {0: "Park"})).entity
    speed = car.tap("speed", Meaning(Field(0, 16, scale=0.25), {}, "kph")).entity
    assert [one.id for one in (flag, gear, speed)] == ["binary_sensor.clutch", "sensor.gear", "sensor.speed"]
    assert _facts(gear) == (None, None, None)
    assert _facts(speed) == ("km/h", "measurement", 2)


def _facts(entity: Entity) -> tuple[str | None, str | None, int | None]:
    description = entity.description
    assert isinstance(description, Sensor)
    return description.unit, description.state_class, description.precision

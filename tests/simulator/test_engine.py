import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.simulator.cabin import DOOR_EVERY_S, Cabin
from autocore.simulator.engine import CRANKING_S, IDLE_BEFORE_DRIVE_S, LAP_KM, LAP_S, UNITS, Engine

DRIVE_S = CRANKING_S + IDLE_BEFORE_DRIVE_S
times_s = st.one_of(st.floats(0, 2 * LAP_S), st.floats(0, 1e7))
seeds = st.integers(0, 1_000)

LIMITS = {
    "rpm": (150, 4_200),
    "speed": (0, 120),
    "throttle": (0, 100),
    "load": (0, 100),
    "coolant": (20, 95),
    "oil_temperature": (20, 105),
    "intake_temperature": (20, 45),
    "oil_pressure": (0.3, 5),
    "intake_pressure": (0.2, 1.1),
    "battery": (9.5, 14.8),
    "fuel_level": (10, 85),
    "consumption": (0, 20),
    "lambda": (0.95, 1.05),
    "gear": (0, 5),
    "distance": (0, 1e6),
}


@given(times_s, seeds)
def test_every_reading_is_one_that_a_real_engine_shows(time_s: float, seed: int):
    readings = Engine(seed).readings(time_s)
    assert readings.keys() == LIMITS.keys()
    for key, value in readings.items():
        low, high = LIMITS[key]
        assert low <= value <= high, key


@given(times_s, seeds)
def test_the_same_time_and_seed_show_the_same(time_s: float, seed: int):
    assert Engine(seed).readings(time_s) == Engine(seed).readings(time_s)


def test_two_seeds_show_two_engines():
    assert Engine(1).readings(100) != Engine(2).readings(100)


@given(times_s)
def test_nothing_jumps_while_it_runs(time_s: float):
    time_s += CRANKING_S
    before, after = Engine().readings(time_s), Engine().readings(time_s + 0.1)
    assert abs(after["speed"] - before["speed"]) <= 1
    assert abs(after["coolant"] - before["coolant"]) <= 0.6
    assert 0 <= after["distance"] - before["distance"] <= 0.02


@given(times_s)
def test_a_car_that_stands_is_in_no_gear_and_one_that_moves_turns_its_engine(time_s: float):
    readings = Engine().readings(time_s)
    if readings["gear"] == 0:
        assert readings["speed"] <= 0.5
    else:
        assert readings["speed"] > 0.4
        assert readings["rpm"] > 600


def test_it_cranks_then_idles_fast_then_drives_then_stops_with_the_engine_running():
    engine = Engine()
    cranking, idling = engine.readings(0.5), engine.readings(CRANKING_S + 5)
    assert cranking["rpm"] < 300
    assert cranking["battery"] < 11
    assert 1_000 < idling["rpm"] < 1_400
    assert idling["battery"] > 13
    lap = [engine.readings(DRIVE_S + second) for second in range(round(LAP_S))]
    assert max(one["speed"] for one in lap) > 85
    assert {one["gear"] for one in lap} == {0, 1, 2, 3, 4, 5}
    standing = [one for one in lap[20:] if one["speed"] == 0]
    assert len(standing) > 20
    assert all(one["rpm"] > 700 for one in standing)


def test_it_warms_up_and_uses_fuel():
    engine = Engine()
    assert engine.readings(0)["coolant"] < 30
    assert engine.readings(1_800)["coolant"] > 85
    assert engine.readings(DRIVE_S + 10 * LAP_S)["fuel_level"] < engine.readings(0)["fuel_level"] - 7


@given(st.floats(0, LAP_S), st.integers(1, 50))
def test_the_lap_repeats_and_the_distance_adds_up(lap_s: float, laps: int):
    first, later = Engine().readings(DRIVE_S + lap_s), Engine().readings(DRIVE_S + lap_s + laps * LAP_S)
    assert later["speed"] == pytest.approx(first["speed"], abs=0.11)
    assert later["distance"] - first["distance"] == pytest.approx(laps * LAP_KM, abs=0.02)


def test_every_unit_belongs_to_a_reading():
    assert UNITS.keys() <= LIMITS.keys()


@given(st.floats(0, 1e7), seeds)
def test_the_living_area_stays_habitable(time_s: float, seed: int):
    readings = Cabin(seed).readings(time_s)
    assert 20 <= readings["temperature"] <= 26
    assert 40 <= readings["humidity"] <= 60
    assert 400 <= readings["co2"] <= 1_000
    assert 12.5 <= readings["house_battery"] <= 13.6
    assert 15 <= readings["water_level"] <= 95
    assert isinstance(readings["door"], bool)


def test_somebody_opens_the_door_now_and_then():
    cabin = Cabin()
    assert [cabin.readings(second)["door"] for second in (5, DOOR_EVERY_S + 5, DOOR_EVERY_S + 20)] == [
        False,
        True,
        False,
    ]

"""What boards send as telemetry, and what it becomes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.api import InvalidData
from autocore_plugins.telemetry.foreign import plain
from autocore_plugins.telemetry.meaning import meaning_of
from autocore_plugins.telemetry.readings import MAX_DEPTH, at_path, native, parse_path


def read(payload: Any) -> tuple[dict[str, Any], list[str]]:
    faults: list[str] = []
    readings = {one.key: one.value for one in native(payload, lambda field, reason: faults.append(field))}
    return readings, faults


@pytest.mark.parametrize(
    ("payload", "readings"),
    [
        ({"rpm": 812, "coolant": 88.5}, {"rpm": 812, "coolant": 88.5}),
        ({"sensor": "Oil Pressure", "value": 3.1, "unit": "bar"}, {"oil_pressure": 3.1}),
        ([{"sensor": "rpm", "value": 1}, {"speed": 60}], {"rpm": 1, "speed": 60}),
        ({"tank": {"fuel": 40, "Water level": 12}}, {"tank_fuel": 40, "tank_water_level": 12}),
        ({"door": True, "mode": "4H", "broken": None}, {"door": True, "mode": "4H"}),
        ({"sensor": "a", "value": 1, "extra": 2}, {"sensor": "a", "value": 1, "extra": 2}),
        ({}, {}),
    ],
    ids=[
        "an object",
        "one reading",
        "a list",
        "nested",
        "other types",
        "an object with a reading called sensor",
        "nothing",
    ],
)
def test_each_form_gives_its_readings(payload: Any, readings: dict[str, Any]) -> None:
    assert read(payload) == (readings, [])


@pytest.mark.parametrize(
    ("payload", "readings", "field"),
    [
        (7, {}, ""),
        ([1, {"rpm": 2}], {"rpm": 2}, "0"),
        ({"rpm": [1], "speed": 3}, {"speed": 3}, "rpm"),
        ({"sensor": 5, "value": 1}, {}, "sensor"),
        ({"sensor": "rpm", "value": {}}, {}, "value"),
        ({"°": 1, "speed": 3}, {"speed": 3}, "°"),
    ],
    ids=[
        "a bare number",
        "a number in a list",
        "a list as value",
        "a number as name",
        "an object as value",
        "a name without letters",
    ],
)
def test_a_wrong_reading_is_named_and_the_others_count(payload: Any, readings: dict[str, Any], field: str) -> None:
    assert read(payload) == (readings, [field])


def test_nesting_has_an_end() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH + 1):
        deep = {"a": deep}
    readings, faults = read(deep)
    assert (readings, len(faults)) == ({}, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
def test_whatever_json_arrives_becomes_scalars_with_names_or_a_fault(payload: Any) -> None:
    readings, _ = read(payload)
    assert all(key and key == key.lower() for key in readings)
    assert all(isinstance(value, (bool, int, float, str)) for value in readings.values())


@pytest.mark.parametrize(
    ("path", "value"),
    [("ENERGY.Power", 41), ("list.1", "b"), ("", {"ENERGY": {"Power": 41}, "list": ["a", "b"]})],
    ids=["keys", "an index", "the whole"],
)
def test_a_path_leads_to_a_value(path: str, value: Any) -> None:
    assert at_path({"ENERGY": {"Power": 41}, "list": ["a", "b"]}, parse_path(path)) == value


@pytest.mark.parametrize("path", ["ENERGY.Voltage", "list.7", "ENERGY.Power.x", "list.first"])
def test_a_path_that_leads_nowhere_says_where(path: str) -> None:
    with pytest.raises(InvalidData, match=path):
        at_path({"ENERGY": {"Power": 41}, "list": ["a", "b"]}, parse_path(path))


@pytest.mark.parametrize(("text", "value"), [(" 12 ", 12), ("12.5", 12.5), ("OPEN", "OPEN"), ("", "")])
def test_a_plain_payload_is_a_number_when_it_reads_like_one(text: str, value: Any) -> None:
    assert plain(text) == value


@pytest.mark.parametrize(
    ("key", "unit"),
    [("oil_pressure", "bar"), ("coolant", "°C"), ("battery_voltage", "V"), ("mode", None), ("temperature_2", "°C")],
)
def test_a_name_tells_its_unit(key: str, unit: str | None) -> None:
    assert meaning_of(key).unit == unit

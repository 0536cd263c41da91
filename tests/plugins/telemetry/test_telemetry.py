"""What the owner says of readings, units of every board, and the page with the past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.core.errors import ConfigFaults
from autocore.testing import Car
from autocore_plugins.telemetry.native import READINGS_PER_DEVICE
from autocore_plugins.telemetry.units import metric, spelt


@pytest.mark.parametrize(
    ("value", "unit", "kept"),
    [
        (212, "F", (100.0, "°C")),
        (60, "mph", (96.56064, "km/h")),
        (30, "psi", (206.84271879504, "kPa")),
        (12.6, "volts", (12.6, "V")),
        (20, "C", (20, "°C")),
        (5, "furlong", (5, "furlong")),
        (5, None, (5, None)),
    ],
    ids=str,
)
def test_units_of_every_board_become_the_gateways(value: float, unit: str | None, kept: tuple[float, str | None]) -> None:
    number, name = metric(value, unit)
    assert (pytest.approx(kept[0]), kept[1]) == (number, name)


@given(st.text(max_size=30))
def test_a_unit_has_one_spelling_and_keeps_it(text: str) -> None:
    assert spelt(spelt(text)) == spelt(text)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from(["F", "mph", "psi", "gal", "mi"]))
def test_a_conversion_keeps_the_order_of_readings(a: float, b: float, unit: str) -> None:
    assert (metric(a, unit)[0] <= metric(b, unit)[0]) == (a <= b) or metric(a, unit)[0] == metric(b, unit)[0]


async def test_a_board_that_measures_in_fahrenheit_is_kept_in_celsius(car: Car) -> None:
    await car.start("telemetry:\n")
    car.publish("autocore/telemetry/cabin/data", {"sensor": "temperature", "value": 68, "unit": "F"})
    assert car.value("sensor.cabin_temperature") == pytest.approx(20)
    assert car.entity("sensor.cabin_temperature").description.unit == "°C"  # type: ignore[attr-defined]


async def test_the_owner_names_a_reading_and_sets_its_limits(car: Car) -> None:
    await car.start(
        "telemetry:\n"
        "  readings:\n"
        "    engine/coolant: {name: Coolant, area: Engine bay, limits: {warn_above: 98, critical_above: 105, hysteresis: 2}}\n"
        "    engine/raw: {ignore: true}\n"
        "    engine/tank: {scale: 0.1, unit: L, precision: 1}\n"
    )
    told: list[object] = []
    car.core.bus.on("entity.limit", lambda event: told.append(event.data["level"]))
    car.publish("autocore/telemetry/engine/data", {"coolant": 80, "raw": 1, "tank": 425})
    car.publish("autocore/telemetry/engine/data", {"coolant": 100, "raw": 2})
    coolant = car.entity("sensor.engine_coolant")
    assert (coolant.description.name, coolant.description.area, coolant.level) == ("Coolant", "Engine bay", "warn")
    assert told == ["warn"]
    assert "sensor.engine_raw" not in [one.id for one in car.core.entities]
    assert car.value("sensor.engine_tank") == pytest.approx(42.5)
    web = await car.web()
    taken = await web.patch("/api/v1/entities/sensor.engine_coolant", json={"name": "Water"})
    assert (taken.status_code, "config.yaml:" in taken.text) == (409, True)
    free = await web.patch("/api/v1/entities/sensor.engine_coolant", json={"icon": "engine"})
    assert free.status_code == 200


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("readings: {coolant: {}}", "write e.g. engine/coolant"),
        ("readings: {engine/coolant: {limits: {warn_above: hot}}}", "expected float"),
        ("readings: {engine/coolant: {nmae: x}}", "name"),
        ("sensors: [{topic: a/b, name: A, limits: {}}]", "at least one of"),
    ],
)
async def test_a_wrong_wish_is_said_with_its_place(car: Car, section: str, words: str) -> None:
    with pytest.raises(ConfigFaults, match=words):
        await car.start(f"telemetry:\n  {section}\n")


async def test_a_mapped_sensor_has_limits_and_an_area(car: Car) -> None:
    await car.start(
        "telemetry: {sensors: [{topic: tele/fridge, path: t, name: Fridge, area: Kitchen, limits: {critical_above: 8}}]}\n"
    )
    car.publish("tele/fridge", {"t": 9})
    fridge = car.entity("sensor.fridge")
    assert (fridge.level, fridge.description.area) == ("critical", "Kitchen")


async def test_the_page_shows_the_past_of_what_was_chosen_with_its_downloads(car: Car) -> None:
    await car.start("telemetry:\n")
    car.publish("autocore/telemetry/cabin/data", {"temperature": 20, "humidity": 50, "voltage": 12.5, "door": "open"})
    page = await car.page("/telemetry?entities=sensor.cabin_humidity&entities=sensor.nothing")
    assert '<ac-history entities="sensor.cabin_humidity"' in page
    assert 'data-history="/api/v1/entities/sensor.cabin_humidity/history?format=csv"' in page
    assert 'value="sensor.cabin_humidity" aria-label="Show the history of Humidity" checked' in page
    assert 'value="sensor.cabin_door"' not in page  # a text has no chart
    assert "Mostrar o histórico" in await car.page("/telemetry", "pt-BR")


async def test_nothing_in_the_address_reaches_the_page_unasked(car: Car) -> None:
    await car.start("telemetry:\n")
    car.publish("autocore/telemetry/cabin/data", {"temperature": 20})
    page = await car.page('/telemetry?entities="><script>alert(1)</script>')
    assert "<script>alert" not in page


HUGE = int("9" * 400)


@pytest.mark.parametrize("value", [HUGE, -HUGE, 1e101, "x" * 256], ids=["whole", "negative", "beyond all measure", "a long text"])
async def test_what_no_sensor_can_hold_makes_none_and_changes_none(car: Car, value: float | str) -> None:
    await car.start(
        "telemetry:\n"
        "  readings: {engine/tank: {scale: 0.1}}\n"
        "  sensors:\n"
        "    - {topic: tele/plain, name: Plain}\n"
        "    - {topic: tele/scaled, name: Scaled, scale: 0.1}\n"
        "    - {topic: tele/path, path: a, name: Path, scale: 1e99}\n"
    )
    good = {"autocore/telemetry/engine/data": {"tank": 5, "n": 7}, "tele/plain": 7, "tele/scaled": 7, "tele/path": {"a": 7}}
    for topic, payload in good.items():
        car.publish(topic, payload)
    before = {one.id: one.state for one in car.core.entities if one.owner == "telemetry"}
    bad = [{"tank": value, "n": value, "new": value}, {"sensor": "n", "value": value, "unit": "F"}]
    for topic, payload in (*(("autocore/telemetry/engine/data", one) for one in bad), ("tele/path", {"a": value})):
        car.publish(topic, payload)
    for topic in ("tele/plain", "tele/scaled"):
        car.publish(topic, str(value))
    assert {one.id: one.state for one in car.core.entities if one.owner == "telemetry"} == before
    assert car.plugin("telemetry").errors == 0
    assert car.core.hub.rejections.total == 7


@pytest.mark.parametrize("device", ["", "Engine", "a b", "\u202eengine", "x" * 65, "_x", "{root}"])
async def test_what_speaks_under_a_name_that_is_no_id_is_no_device(car: Car, device: str) -> None:
    await car.start("telemetry:\nrelays:\ncan:\n")
    for topic in (f"telemetry/{device}/data", f"relays/{device}/state", f"can/{device}/data", f"devices/{device}/status"):
        car.publish(f"autocore/{topic}", {"status": "online", "channels": {"1": True}, "id": 1, "data": "00"})
    assert (len(car.core.devices), car.core.hub.rejections.total) == (0, 4)
    assert not [one.id for one in car.core.entities if one.owner in ("telemetry", "relays")]


async def test_what_is_no_json_makes_no_device_known(car: Car) -> None:
    await car.start("telemetry:\ncan:\n")
    for topic in ("telemetry/engine/data", "can/engine/data"):
        car.publish(f"autocore/{topic}", b"{")
    assert (len(car.core.devices), car.core.hub.rejections.total) == (0, 2)


async def test_a_unit_is_a_short_word_with_nothing_hidden_in_it(car: Car) -> None:
    await car.start("telemetry:\n")
    car.publish("autocore/telemetry/engine/data", {"sensor": "oil", "value": 1, "unit": "\u202e k\0Pa" + "x" * 60_000})
    assert car.entity("sensor.engine_oil").description.unit == "kPa" + "x" * 17


async def test_an_empty_page_names_the_whole_topic(car: Car) -> None:
    await car.start("telemetry:\n")
    for language in ("en", "pt-BR"):
        assert "autocore/telemetry/{device}/data" in await car.page("/telemetry", language)


async def test_a_device_has_so_many_readings_and_all_together_too(car: Car, monkeypatch: pytest.MonkeyPatch) -> None:
    await car.start("telemetry:\n")
    car.publish("autocore/telemetry/engine/data", {f"r{number}": number for number in range(READINGS_PER_DEVICE + 50)})
    assert len(readings_of(car, "engine")) == READINGS_PER_DEVICE
    assert car.core.hub.rejections.total == 50
    monkeypatch.setattr("autocore_plugins.telemetry.native.READINGS", READINGS_PER_DEVICE + 3)  # of now: a reload reads it anew
    for device in ("cabin", "living"):
        car.publish(f"autocore/telemetry/{device}/data", {"a": 1, "b": 2})
    assert [len(readings_of(car, device)) for device in ("cabin", "living")] == [2, 1]
    assert car.core.hub.rejections.total == 51
    car.publish("autocore/telemetry/engine/data", {"r0": 77})
    assert car.value("sensor.engine_r0") == 77, "what is known goes on"
    await car.call("telemetry.forget", {"entity": "sensor.engine_r1"})
    car.publish("autocore/telemetry/living/data", {"b": 2})
    assert len(readings_of(car, "living")) == 2


def readings_of(car: Car, device: str) -> list[str]:
    return [one.id for one in car.core.entities if one.description.device == device]

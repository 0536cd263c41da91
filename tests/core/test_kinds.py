"""What each kind of entity holds and takes."""

from __future__ import annotations

from typing import Any

import pytest

from autocore.core.bus import Bus
from autocore.core.entities import Command, EntityRegistry
from autocore.core.errors import InvalidData, NameTaken
from autocore.core.kinds import (
    KINDS,
    Cover,
    Description,
    EventEntity,
    Light,
    Limits,
    Number,
    Select,
    Sensor,
    Switch,
    Text,
    Tracker,
)
from autocore.core.model import GATEWAY, INTERNAL, Position
from autocore.core.services import Record, ServiceRegistry, add_verbs
from autocore.testing import FakeClock

CAMP = Position(-22.9, -43.2, 12.0, 5.0)


@pytest.mark.parametrize(
    ("description", "value"),
    [
        (Number("target", minimum=5, maximum=30), 21.5),
        (Number("target"), 400),
        (Select("mode", options=("eco", "fast")), "eco"),
        (Text("note", longest=5), "hello"),
        (Light("cabin"), True),
        (Light("cabin", is_dimmable=True), 40),
        (Cover("awning"), "opening"),
        (EventEntity("remote", event_types=("press", "hold")), "hold"),
        (Tracker("vehicle"), CAMP),
    ],
    ids=lambda one: one.kind if isinstance(one, Description) else str(one),
)
def test_a_kind_keeps_its_values(entities: EntityRegistry, description: Description, value: Any) -> None:
    entity = entities.add("test", description)
    entity.set(value)
    assert entity.state.value == value
    assert entity.id.startswith(f"{description.kind}.")


@pytest.mark.parametrize(
    ("description", "value"),
    [
        (Number("target"), "warm"),
        (Number("target"), float("nan")),
        (Number("target"), True),
        (Select("mode", options=("eco",)), "fast"),
        (Text("note", longest=2), "hello"),
        (Light("cabin"), 40),
        (Light("cabin", is_dimmable=True), 101),
        (Cover("awning"), "ajar"),
        (EventEntity("remote", event_types=("press",)), "shake"),
        (Tracker("vehicle"), "at home"),
        (Tracker("vehicle"), Position(91, 0)),
    ],
    ids=str,
)
def test_a_kind_refuses_what_it_is_not(entities: EntityRegistry, description: Description, value: Any) -> None:
    entity = entities.add("test", description)
    with pytest.raises(InvalidData):
        entity.set(value)
    assert entity.state.value is None


def test_the_same_press_twice_is_two_presses(entities: EntityRegistry, clock: FakeClock) -> None:
    remote = entities.add("test", EventEntity("remote", event_types=("press",)))
    remote.set("press")
    first = remote.state.changed_ns
    clock.advance(s=1)
    remote.set("press")
    assert remote.state.changed_ns > first


@pytest.fixture
def services(clock: FakeClock) -> ServiceRegistry:
    records: list[Record] = []
    return ServiceRegistry(clock, records.append)


@pytest.mark.parametrize(
    ("description", "service", "data", "field"),
    [
        (Number("target", maximum=30), "number.set_value", {"value": 31}, "value"),
        (Select("mode", options=("eco",)), "select.select_option", {"option": "fast"}, "option"),
        (Text("note", longest=2), "text.set_value", {"value": "long"}, "value"),
        (Light("cabin"), "light.turn_on", {"brightness": 50}, "brightness"),
        (Light("cabin", is_dimmable=True), "light.turn_on", {"brightness": 101}, "brightness"),
        (Cover("awning"), "cover.set_cover_position", {"position": 50}, "position"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_a_verb_refuses_what_the_entity_cannot_do(
    entities: EntityRegistry, services: ServiceRegistry, description: Description, service: str, data: dict[str, Any], field: str
) -> None:
    asked: list[Command] = []

    async def carry_out(command: Command) -> dict[str, Any]:
        asked.append(command)
        return {}

    entity = entities.add("test", description, carry_out)
    add_verbs(services, entities, type(description))
    with pytest.raises(InvalidData) as refusal:
        await services.call(service, {"entity": entity.id, **data}, INTERNAL)
    assert refusal.value.field == field
    assert asked == []


async def test_a_verb_hands_its_data_to_the_plugin(entities: EntityRegistry, services: ServiceRegistry) -> None:
    asked: list[Command] = []

    async def carry_out(command: Command) -> dict[str, Any]:
        asked.append(command)
        return {}

    entity = entities.add("test", Number("target", maximum=30), carry_out)
    add_verbs(services, entities, Number)
    await services.call("number.set_value", {"entity": entity.id, "value": 21}, INTERNAL)
    assert asked[0].data == {"value": 21.0}


def test_every_kind_of_the_architecture_exists() -> None:
    assert set(KINDS) == {
        "sensor",
        "binary_sensor",
        "switch",
        "button",
        "number",
        "select",
        "text",
        "light",
        "cover",
        "event",
        "position",
    }


def test_what_people_say_of_an_entity_stands_above_its_plugin(entities: EntityRegistry, bus: Bus) -> None:
    heard = []
    bus.on("entity.changed", heard.append)
    entity = entities.add("test", Sensor("rpm", name="RPM", area="Engine"))
    entities.override(entity.id, {"name": "Engine speed", "limits": Limits(warn_above=3000)}, GATEWAY)
    assert (entity.description.name, entity.description.area) == ("Engine speed", "Engine")
    assert entity.description.limits == Limits(warn_above=3000)
    assert heard[0].data == {"entity": "sensor.rpm", "changed": ["limits", "name"]}
    entities.override(entity.id, {"name": None}, GATEWAY)
    assert entity.description.name == "RPM"


def test_what_people_said_outlives_a_reload_of_the_plugin(entities: EntityRegistry) -> None:
    entity = entities.add("test", Switch("pump"))
    entities.override(entity.id, {"name": "Water pump", "recording": False}, GATEWAY)
    entities.release(entity)
    again = entities.add("test", Switch("pump", icon="droplet"))
    assert (again.description.name, again.description.icon, again.is_recorded) == ("Water pump", "droplet", False)


def test_what_the_configuration_owns_is_changed_there(entities: EntityRegistry) -> None:
    entity = entities.add("test", Switch("pump", name="Pump", written={"name": "config.yaml:7:9"}))
    with pytest.raises(NameTaken, match=r"config.yaml:7:9; change it there"):
        entities.override(entity.id, {"name": "Other"}, GATEWAY)
    entities.override(entity.id, {"area": "Rear"}, GATEWAY)
    assert entity.description.area == "Rear"

"""Intent comes in through services only: permission, schema, handler, record."""

from collections.abc import Mapping
from typing import Any

import pytest
import voluptuous as vol

from autocore.core.entities import Command, EntityRegistry
from autocore.core.errors import InvalidData, NameTaken, PermissionDenied, Refused, UnknownName
from autocore.core.kinds import Sensor, Switch
from autocore.core.model import INTERNAL, Caller, Cause, Role
from autocore.core.services import Record, Service, ServiceCall, ServiceRegistry, add_verbs
from autocore.testing import FakeClock

VIEWER = Caller(Cause("rest", "visitor", "127.0.0.1"), Role.VIEWER)
OPERATOR = Caller(Cause("rest", "driver", "127.0.0.1"), Role.OPERATOR)


@pytest.fixture
def records() -> list[Record]:
    return []


@pytest.fixture
def services(clock: FakeClock, records: list[Record], entities: EntityRegistry) -> ServiceRegistry:
    registry = ServiceRegistry(clock, records.append)
    add_verbs(registry, entities, Switch)
    return registry


class Lamp:
    """A lamp that does what it is told, or says why not."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.refusal: Refused | None = None

    async def __call__(self, command: Command) -> Mapping[str, Any]:
        if self.refusal:
            raise self.refusal
        self.told.append(command.verb)
        return {"outcome": "applied"}


async def test_a_switch_verb_reaches_the_handler_of_that_switch_only(services: ServiceRegistry, entities: EntityRegistry) -> None:
    lamp, winch = Lamp(), Lamp()
    entities.add("relays", Switch("lamp"), lamp)
    entities.add("relays", Switch("winch"), winch)
    answer = await services.call("switch.turn_on", {"entity": "switch.lamp"}, OPERATOR)
    assert answer == {"entity": "switch.lamp", "outcome": "applied"}
    assert (lamp.told, winch.told) == (["turn_on"], [])


async def test_of_several_switches_each_says_what_became_of_it(services: ServiceRegistry, entities: EntityRegistry) -> None:
    lamp, winch = Lamp(), Lamp()
    winch.refusal = Refused("the winch board is not online", code="offline")
    entities.add("relays", Switch("lamp"), lamp)
    entities.add("relays", Switch("winch"), winch)
    answer = await services.call("switch.turn_off", {"entity": ["switch.lamp", "switch.winch", "switch.lamp"]}, OPERATOR)
    assert [(one["entity"], one["ok"], one.get("code")) for one in answer["results"]] == [
        ("switch.lamp", True, None),
        ("switch.winch", False, "offline"),
    ]
    assert lamp.told == ["turn_off"]


async def test_a_viewer_switches_nothing_and_the_attempt_is_recorded(
    services: ServiceRegistry, entities: EntityRegistry, records: list[Record]
) -> None:
    lamp = Lamp()
    entities.add("relays", Switch("lamp"), lamp)
    with pytest.raises(PermissionDenied, match="operator"):
        await services.call("switch.turn_on", {"entity": "switch.lamp"}, VIEWER)
    assert lamp.told == []
    assert [(row.caller.cause.who, row.outcome) for row in records] == [("visitor", "forbidden")]


async def test_a_token_does_only_what_its_scope_names(services: ServiceRegistry, entities: EntityRegistry) -> None:
    entities.add("relays", Switch("lamp"), Lamp())
    horn_only = Caller(OPERATOR.cause, Role.ADMIN, frozenset({"services:horn.*", "read:*"}))
    with pytest.raises(PermissionDenied):
        await services.call("switch.turn_on", {"entity": "switch.lamp"}, horn_only)


@pytest.mark.parametrize(
    ("data", "field"),
    [({}, "entity"), ({"entity": 7}, "entity"), ({"entity": []}, "entity"), ({"entity": "switch.lamp", "x": 1}, "x")],
    ids=["nothing", "a number", "an empty list", "an unknown key"],
)
async def test_wrong_data_name_the_field(
    services: ServiceRegistry, entities: EntityRegistry, data: Mapping[str, Any], field: str
) -> None:
    entities.add("relays", Switch("lamp"), Lamp())
    with pytest.raises(InvalidData) as caught:
        await services.call("switch.turn_on", data, OPERATOR)
    assert caught.value.field == field


async def test_an_unknown_service_and_an_unknown_switch_name_the_nearest(
    services: ServiceRegistry, entities: EntityRegistry
) -> None:
    entities.add("relays", Switch("light_bar"), Lamp())
    with pytest.raises(UnknownName) as service:
        await services.call("switch.turn_onn", {}, OPERATOR)
    with pytest.raises(UnknownName) as switch:
        await services.call("switch.turn_on", {"entity": "switch.lightbar"}, OPERATOR)
    assert (service.value.nearest, switch.value.nearest) == ("switch.turn_on", "switch.light_bar")


async def test_a_sensor_cannot_be_switched(services: ServiceRegistry, entities: EntityRegistry) -> None:
    entities.add("telemetry", Sensor("rpm"))
    with pytest.raises(InvalidData, match="no switch"):
        await services.call("switch.turn_on", {"entity": "sensor.rpm"}, OPERATOR)


async def test_a_switch_whose_plugin_is_gone_says_so(services: ServiceRegistry, entities: EntityRegistry) -> None:
    entities.release(entities.add("relays", Switch("lamp"), Lamp()))
    with pytest.raises(Refused, match="not running") as caught:
        await services.call("switch.turn_on", {"entity": "switch.lamp"}, OPERATOR)
    assert caught.value.code == "offline"


async def test_every_call_is_recorded_with_its_outcome_and_latency(
    services: ServiceRegistry, entities: EntityRegistry, records: list[Record], clock: FakeClock
) -> None:
    async def slow(call: ServiceCall) -> Mapping[str, Any]:
        clock.advance(0.25)
        return {}

    services.add(Service("horn.sound", slow, "horn", vol.Schema({vol.Optional("times"): int})))
    await services.call("horn.sound", {"times": 2}, INTERNAL)
    (row,) = records
    assert (row.service, row.data, row.outcome, row.latency_s) == ("horn.sound", {"times": 2}, "done", 0.25)


def test_a_service_name_has_one_owner(services: ServiceRegistry) -> None:
    async def nothing(call: ServiceCall) -> None: ...

    with pytest.raises(NameTaken, match="core"):
        services.add(Service("switch.turn_on", nothing, "mine"))
    remove = services.add(Service("mine.act", nothing, "mine"))
    remove()
    with pytest.raises(UnknownName):
        services.get("mine.act")

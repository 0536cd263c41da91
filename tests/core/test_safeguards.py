"""What moves something is asked about first: whether it may, by whom, and with which word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from autocore.core.errors import PermissionDenied, Refused
from autocore.core.model import INTERNAL, Caller, Cause, Role
from autocore.testing import Car, FakeBoard

CONFIG = """
relays:
  boards:
    - device: bar
      channels:
        1: {name: Light}
        2: {name: Roof tent, protection: confirm}
        3: {name: Fuel pump, purpose: fuel, safe_state: keep, protection: pin}
        4: {name: Diff lock, purpose: diff_lock, safe_state: 'off', role: technician}
        5: {name: Siren, allow_in_automation: false}
        6: {name: Winch, type: momentary, protection: confirm}
        7: {name: Gate, protection: confirm, allow_in_automation: true}
"""
PIN = "4711"
PASSWORD = "three random words"


def person(role: Role = Role.OPERATOR, via: str = "rest") -> Caller:
    return Caller(Cause(via, "ana", "192.0.2.7"), role, session="s", is_person=True)


RULE = Caller(Cause("automation", "night"), Role.ADMIN)


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=7)
    await car.settle()
    return made


async def call(car: Car, verb: str, entity: str, caller: Caller, **more: Any) -> Mapping[str, Any]:
    return await car.core.services.call(f"switch.{verb}", {"entity": f"switch.{entity}", **more}, caller)


async def refusal(car: Car, verb: str, entity: str, caller: Caller, **more: Any) -> str:
    with pytest.raises((Refused, PermissionDenied)) as caught:
        await call(car, verb, entity, caller, **more)
    return caught.value.code


async def test_what_asks_for_a_word_moves_with_it_only_and_turns_off_without(car: Car, board: FakeBoard) -> None:
    for more in ({}, {"confirm": False}):
        assert await refusal(car, "turn_on", "roof_tent", person(), **more) == "confirm_required"
    assert await refusal(car, "toggle", "roof_tent", person()) == "confirm_required"
    assert await refusal(car, "hold", "winch", person()) == "confirm_required"
    assert board.commands == []
    await call(car, "turn_on", "roof_tent", person(), confirm=True)
    await call(car, "toggle", "roof_tent", person())
    assert board.channels[2] is False


async def test_what_asks_for_a_pin_wants_the_pin_of_whoever_moves_it(car: Car, board: FakeBoard) -> None:
    web = await car.web()
    assert await refusal(car, "turn_on", "fuel_pump", person()) == "pin_required"
    assert await refusal(car, "turn_on", "fuel_pump", person(), pin=PIN) == "pin_required", "she has none yet"
    (await web.put("/api/v1/auth/pin", json={"pin": PIN, "own_password": PASSWORD})).raise_for_status()
    assert await refusal(car, "turn_on", "fuel_pump", person(), pin="4712") == "forbidden"
    assert board.commands == []
    await call(car, "turn_on", "fuel_pump", person(), pin=PIN)
    assert board.channels[3] is True
    assert await refusal(car, "turn_off", "fuel_pump", person()) == "pin_required", "off would stop the engine"
    assert await refusal(car, "toggle", "fuel_pump", person()) == "pin_required"
    assert board.channels[3] is True


async def test_some_need_more_of_a_role_than_others(car: Car, board: FakeBoard) -> None:
    assert await refusal(car, "turn_on", "diff_lock", person()) == "forbidden"
    await call(car, "turn_on", "diff_lock", person(Role.TECHNICIAN))
    await call(car, "turn_off", "diff_lock", person())


async def test_a_rule_moves_only_what_it_may(car: Car, board: FakeBoard) -> None:
    for entity in ("roof_tent", "siren", "fuel_pump"):
        assert await refusal(car, "turn_on", entity, RULE) == "no_automation"
    await call(car, "turn_on", "light", RULE)
    await call(car, "turn_on", "gate", RULE)  # its owner says that a rule need not confirm
    await call(car, "turn_off", "siren", RULE)
    another = Caller(Cause("plugin", "somebody"), Role.OPERATOR)
    assert await refusal(car, "turn_on", "siren", another) == "no_automation"
    assert board.channels[1] is board.channels[7] is True


async def test_the_gateway_itself_and_the_plugin_of_a_channel_are_not_asked(car: Car, board: FakeBoard) -> None:
    await call(car, "turn_on", "siren", Caller(Cause("plugin", "relays"), Role.OPERATOR))
    await call(car, "turn_on", "roof_tent", INTERNAL)
    assert board.channels[2] is board.channels[5] is True


async def test_of_several_each_is_asked_for_itself(car: Car, board: FakeBoard) -> None:
    entities = ["switch.light", "switch.roof_tent"]
    answer = await car.core.services.call("switch.turn_on", {"entity": entities}, person())
    assert [(one["ok"], one.get("code")) for one in answer["results"]] == [(True, None), (False, "confirm_required")]


async def test_the_pin_stands_in_no_record(car: Car, board: FakeBoard) -> None:
    await car.web()
    await refusal(car, "turn_on", "fuel_pump", person(), pin="8264193")
    await car.settle()
    written = b"".join(one.read_bytes() for one in (car.folder / "data").rglob("*") if one.is_file())
    assert b"8264193" not in written

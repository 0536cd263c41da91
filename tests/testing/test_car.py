"""The author's kit: a car in memory behaves like a car on the road."""

from __future__ import annotations

import pytest

from autocore.core.errors import ConfigFaults, NoAnswer, PermissionDenied, Refused
from autocore.core.model import Role
from autocore.testing import Car

RELAYS = """
relays:
  boards:
    - {device: main, answer_within: 2s, channels: {1: {name: Light bar}, 2: {name: Pump}}}
telemetry:
"""


async def test_a_reading_becomes_an_entity_at_once(car: Car) -> None:
    await car.start("telemetry:")
    car.board("cabin").measure(temperature=21.5)
    assert car.value("sensor.cabin_temperature") == 21.5


async def test_a_relay_is_switched_and_the_board_says_so(car: Car) -> None:
    await car.start(RELAYS)
    board = car.board("main", channels=2)
    assert board.is_welcomed
    await car.call("switch.turn_on", {"entity": "switch.light_bar"})
    assert car.value("switch.light_bar") is True
    assert board.commands[0]["channel"] == 1
    assert car.heard("autocore/relays/main/command")[0]["ttl_ms"] == 2000


async def test_a_silent_board_is_no_answer_when_its_time_is_over(car: Car) -> None:
    await car.start(RELAYS)
    car.board("main", channels=2).is_silent = True
    waiting = car.call("switch.turn_on", {"entity": "switch.pump"})
    import asyncio  # noqa: PLC0415  # only here

    task = asyncio.get_running_loop().create_task(waiting)  # type: ignore[arg-type]
    await car.settle()
    await car.advance(s=3)
    with pytest.raises(NoAnswer):
        await task
    assert car.value("switch.pump") is False


async def test_a_broker_that_goes_away_takes_the_boards_with_it(car: Car) -> None:
    await car.start(RELAYS)
    board = car.board("main", channels=2)
    car.air.go_away()
    await car.settle()
    with pytest.raises(Refused):
        await car.call("switch.turn_on", {"entity": "switch.pump"})
    car.air.come_back()
    board.connect()
    await car.call("switch.turn_on", {"entity": "switch.pump"})
    assert car.value("switch.pump") is True


async def test_values_history_and_pages_outlive_a_restart(car: Car) -> None:
    await car.start("telemetry:")
    car.board("cabin").measure(temperature=21.5)
    await car.advance(s=40)
    await car.stop()
    await car.start("telemetry:")
    entity = car.entity("sensor.cabin_temperature")
    assert (entity.state.value, entity.state.available) == (21.5, False)
    assert "21.5" in await car.page("/entities/sensor.cabin_temperature")


async def test_the_clock_is_the_tests(car: Car) -> None:
    await car.start("telemetry: {expires_after: 60s}")
    car.board("cabin").measure(temperature=21.5)
    await car.advance(s=59)
    assert car.value("sensor.cabin_temperature") == 21.5
    await car.advance(s=3)
    assert car.value("sensor.cabin_temperature") is None


async def test_roles_hold_here_too(car: Car) -> None:
    await car.start("telemetry:")
    with pytest.raises(PermissionDenied):
        await car.call("notify.send", {"text": "hello"}, role=Role.VIEWER)


async def test_a_wrong_section_is_said_as_check_says_it(car: Car) -> None:
    with pytest.raises(ConfigFaults, match="did you mean expires_after"):
        await car.start("telemetry: {expire_after: 60s}")


async def test_pages_are_drawn_in_both_languages(car: Car) -> None:
    await car.start("telemetry:")
    assert "Telemetry" in await car.page("/telemetry")
    assert "Telemetria" in await car.page("/telemetry", language="pt-BR")

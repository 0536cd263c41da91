"""Boards that register by themselves, channels that exclude each other, and channels that turn themselves off."""

from __future__ import annotations

import asyncio

import pytest

from autocore.core.errors import ConfigFaults, Refused
from autocore.testing import Car

EXCLUSIVE = """
relays:
  boards:
    - device: main
      channels:
        1: {name: Low beam, exclusive: beams}
        2: {name: High beam, exclusive: beams}
        3: {name: Cabin}
    - device: rear
      channels:
        1: {name: Rear beam, exclusive: beams}
"""
TIMED = """
relays:
  boards:
    - device: main
      channels:
        1: {name: Water pump, type: timed, duration: 2min}
        2: {name: Gate, type: pulse}
"""


async def test_a_board_that_registers_becomes_switches_by_itself(car: Car) -> None:
    await car.start("relays:\n")
    board = car.board("awning", channels=4, name="Awning")
    await car.settle()
    assert [one.id for one in car.core.entities if one.kind == "switch"] == [f"switch.awning_{n}" for n in (1, 2, 3, 4)]
    assert car.entity("switch.awning_2").description.name == "Awning 2"
    await car.call("switch.turn_on", {"entity": "switch.awning_2"})
    assert (board.channels[2], car.value("switch.awning_2")) == (True, True)
    page = await car.page("/relays")
    assert "It registered by itself" in page
    assert "Awning 4" in page


@pytest.mark.parametrize("channels", [257, [0] * 257, [0] * 20_000], ids=["a number", "a list", "a payload full of them"])
async def test_a_board_with_more_channels_than_there_can_be_is_refused(car: Car, channels: int | list[int]) -> None:
    await car.start("relays:\n")
    car.publish("autocore/devices/awning/register", {"type": "relay_board", "channels": channels})
    await car.settle()
    assert not [one.id for one in car.core.entities if one.kind == "switch"]
    assert car.core.hub.rejections.total == 1


async def test_a_board_that_only_reports_becomes_the_switches_that_it_reports(car: Car) -> None:
    await car.start("relays:\n")
    car.publish("autocore/relays/old/state", {"channels": {"1": True, "7": False, "99": True, "x": True}}, retain=True)
    await car.settle()
    assert [one.id for one in car.core.entities if one.kind == "switch"] == ["switch.old_1", "switch.old_7"]
    assert car.value("switch.old_1") is True
    car.publish("autocore/relays/old/state", {"channels": {"2": True}})
    await car.settle()
    assert car.value("switch.old_2") is True


async def test_a_board_that_is_not_approved_is_no_switch(car: Car) -> None:
    await car.start("devices: {approve: manual}\nrelays:\n")
    car.board("awning", channels=2)
    await car.settle()
    assert not [one for one in car.core.entities if one.kind == "switch"]
    (await (await car.web()).post("/api/v1/devices/awning/approve")).raise_for_status()
    await car.settle()
    assert [one.id for one in car.core.entities if one.kind == "switch"] == ["switch.awning_1", "switch.awning_2"]


async def test_a_found_board_that_is_written_down_keeps_its_switches(car: Car) -> None:
    await car.start("relays:\n")
    car.board("awning", channels=2)
    await car.settle()
    await car.stop()
    await car.start("relays:\n  boards: [{device: awning, channels: {1: {name: Awning out}}}]\n")
    car.board("awning", channels=2)
    await car.settle()
    assert car.entity("switch.awning_1").description.name == "Awning out"
    assert car.value("switch.awning_1") is False
    assert "switch.awning_out" not in car.core.entities
    assert car.value("switch.awning_2") is None  # the configuration names what is used


async def test_discovery_can_be_switched_off(car: Car) -> None:
    await car.start("relays: {discover: false}\n")
    car.board("awning", channels=2)
    await car.settle()
    assert not [one for one in car.core.entities if one.kind == "switch"]


async def test_a_strangers_flood_of_boards_is_bounded(car: Car) -> None:
    await car.start("relays:\n")
    for number in range(70):
        car.publish(f"autocore/relays/stranger{number}/state", {"channels": {"1": True}})
    await car.settle()
    assert len([one for one in car.core.entities if one.kind == "switch"]) == 50


async def test_turning_one_on_turns_the_others_of_its_group_off_first(car: Car) -> None:
    await car.start(EXCLUSIVE)
    main, rear = car.board("main", channels=3), car.board("rear", channels=1)
    await car.settle()
    await car.call("switch.turn_on", {"entity": "switch.low_beam"})
    await car.call("switch.turn_on", {"entity": "switch.rear_beam"})
    assert (main.channels[1], rear.channels[1]) == (False, True)
    await car.call("switch.turn_on", {"entity": "switch.cabin"})
    await car.call("switch.turn_on", {"entity": "switch.high_beam"})
    assert (main.channels, rear.channels[1]) == ({1: False, 2: True, 3: True}, False)
    was_on = {(one["channel"], one["state"]) for one in main.commands}
    assert was_on >= {(1, False), (2, True)}


async def test_nothing_is_turned_on_while_another_of_its_group_may_be_on(car: Car) -> None:
    await car.start(EXCLUSIVE)
    main = car.board("main", channels=3)
    await car.settle()  # the rear board is not there: nobody knows what it is
    with pytest.raises(Refused, match="Rear beam must be off first") as caught:
        await car.call("switch.turn_on", {"entity": "switch.low_beam"})
    assert (caught.value.code, main.channels[1]) == ("exclusive", False)
    await car.call("switch.turn_off", {"entity": "switch.low_beam"})  # off is never refused


async def test_a_button_on_the_board_turns_the_others_off_too(car: Car) -> None:
    await car.start(EXCLUSIVE)
    main, rear = car.board("main", channels=3), car.board("rear", channels=1)
    await car.settle()
    await car.call("switch.turn_on", {"entity": "switch.low_beam"})
    rear.report(**{"1": True})
    await car.settle()
    assert (main.channels[1], rear.channels[1]) == (False, True)


async def test_a_timed_channel_shows_what_remains_and_may_be_cut_short(car: Car) -> None:
    await car.start(TIMED)
    board = car.board("main", channels=2)
    await car.settle()
    await car.call("switch.turn_on", {"entity": "switch.water_pump"})
    assert (board.commands[-1]["type"], board.commands[-1]["duration_ms"]) == ("timed", 120_000)
    assert car.value("sensor.water_pump_remaining") == 120
    for _ in range(30):
        await car.advance(s=1)
    assert car.value("sensor.water_pump_remaining") == 90
    await car.call("switch.turn_off", {"entity": "switch.water_pump"})
    assert (board.channels[1], car.value("sensor.water_pump_remaining")) == (False, 0)


async def test_a_timed_channel_ends_by_the_boards_clock(car: Car) -> None:
    await car.start(TIMED)
    board = car.board("main", channels=2)
    await car.settle()
    await car.call("switch.turn_on", {"entity": "switch.water_pump"})
    for _ in range(121):
        await car.advance(s=1)
    assert (car.value("switch.water_pump"), car.value("sensor.water_pump_remaining")) == (False, 0)
    assert [one["state"] for one in board.commands] == [True]


async def test_a_timed_channel_whose_board_forgets_it_is_released_by_the_gateway(car: Car) -> None:
    await car.start(TIMED)
    board = car.board("main", channels=2)
    await car.settle()
    board.report(**{"1": True})  # a button on the board, and a board that counts no time
    await car.settle()
    for _ in range(122):
        await car.advance(s=1)
    assert board.channels[1] is False
    assert car.value("switch.water_pump") is False


async def test_a_timed_channel_that_is_turned_on_again_begins_anew(car: Car) -> None:
    await car.start(TIMED)
    board = car.board("main", channels=2)
    await car.settle()
    for _ in range(2):
        await car.call("switch.turn_on", {"entity": "switch.water_pump"})
        for _ in range(100):
            await car.advance(s=1)
    assert (board.channels[1], car.value("sensor.water_pump_remaining")) == (True, 20)
    for _ in range(22):
        await car.advance(s=1)
    assert board.channels[1] is False


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("{name: A, type: timed}", "says how long it stays on"),
        ("{name: A, type: timed, duration: 2d}", "1 s to 24 h"),
        ("{name: A, type: pulse, duration: 2min}", "50 ms to 60 s"),
        ("{name: A, duration: 2min}", "type: timed"),
        ("{name: A, exclusive: Beams!}", "a-z"),
    ],
)
async def test_what_a_channel_cannot_be_is_said(car: Car, channel: str, words: str) -> None:
    with pytest.raises(ConfigFaults) as caught:
        await car.start(f"relays: {{boards: [{{device: main, channels: {{1: {channel}}}}}]}}\n")
    assert words in str(caught.value)


async def test_a_button_that_is_pressed_while_others_are_turned_off_keeps_the_next_one_off(car: Car) -> None:
    channels = "{1: {name: Low, exclusive: beams}, 2: {name: High, exclusive: beams}, 3: {name: Fog, exclusive: beams}}"
    await car.start(f"relays:\n  boards: [{{device: bar, channels: {channels}}}]\n")
    board = car.board("bar", channels=3)
    await car.call("switch.turn_on", {"entity": "switch.low"})
    board.is_silent = True
    asking = asyncio.ensure_future(car.call("switch.turn_on", {"entity": "switch.fog"}))
    await car.settle()  # Low is told to be off, and its board says nothing yet
    board.report(**{"1": False, "2": True})  # it is off now, and somebody turned High on
    board.is_silent = False
    await car.settle()
    with pytest.raises(Refused, match="High was turned on meanwhile"):
        await asking
    assert all(one["channel"] != 3 for one in board.commands if one["state"])

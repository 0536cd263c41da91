"""What its owner wrote of a channel holds: feeders, conditions, what is safe, and what happens when its board comes back."""

from __future__ import annotations

import asyncio

import pytest

from autocore.core.errors import ConfigFaults, Refused
from autocore.testing import Car, FakeBoard

CONFIG = """
relays:
  feeders: {front: {fuse: 30}}
  boards:
    - device: bar
      link_timeout: 8s
      channels:
        1: {name: Fog lights, feeder: front, load: 10, on_return: restore}
        2: {name: Compressor, feeder: front, load: 15}
        3: {name: Fridge, feeder: front, load: 8, link_loss: keep, safe_state: keep, priority: 3}
        4: {name: Reverse alarm, conditions: [{entity: switch.key, is: 'on'}, {entity: sensor.bar_speed, below: 5}]}
        5: {name: Dome light, conditions: [{entity: switch.key, is: 'on'}], on_condition_lost: keep}
        6: {name: Fuel pump, purpose: fuel, safe_state: 'on', link_loss: hold 30s}
        7: {name: Horn, purpose: horn}
        8: {name: Key}
telemetry:
"""
FOG, COMPRESSOR, FRIDGE, ALARM, DOME, KEY = (
    "switch.fog_lights",
    "switch.compressor",
    "switch.fridge",
    "switch.reverse_alarm",
    "switch.dome_light",
    "switch.key",
)


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=8)
    await car.settle()
    return made


async def turn_on(car: Car, entity: str) -> None:
    call = asyncio.ensure_future(car.call("switch.turn_on", {"entity": entity}))
    await car.settle()
    await car.advance(0.15)  # the start before is over
    await call


async def refused(car: Car, entity: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await turn_on(car, entity)
    return caught.value


async def test_what_hangs_on_one_fuse_never_draws_more_than_it_holds(car: Car, board: FakeBoard) -> None:
    await turn_on(car, FOG)
    await turn_on(car, COMPRESSOR)
    error = await refused(car, FRIDGE)
    assert (error.code, str(error)) == ("fuse", "Fridge draws 8 A; the feeder front carries 25 A of 30 A")
    await turn_on(car, FOG)  # it is on already and counts once
    await car.call("switch.turn_off", {"entity": FOG})
    await turn_on(car, FRIDGE)
    assert [board.channels[number] for number in (1, 2, 3)] == [False, True, True]


async def test_of_what_nobody_knows_the_amperes_count(car: Car, board: FakeBoard) -> None:
    board.is_silent = True
    waiting = [asyncio.ensure_future(car.call("switch.turn_on", {"entity": one})) for one in (FOG, COMPRESSOR, FRIDGE)]
    await car.settle()
    await car.advance(0.15)
    await car.advance(0.15)
    assert isinstance(waiting[2].exception(), Refused)
    await car.advance(3)
    await asyncio.gather(*waiting, return_exceptions=True)
    board.is_silent = False
    assert (await refused(car, FRIDGE)).code == "fuse", "the two may be on: their board did not answer"


async def test_those_of_one_feeder_start_one_after_the_other(car: Car, board: FakeBoard) -> None:
    call = asyncio.ensure_future(car.call("switch.turn_on", {"entity": [FOG, COMPRESSOR]}))
    await car.settle()
    assert (board.channels[1], board.channels[2]) == (True, False)
    await car.advance(0.149)
    assert board.channels[2] is False
    await car.advance(0.001)
    await call
    assert board.channels[2] is True


async def test_a_button_on_the_board_that_asks_too_much_of_the_fuse_is_answered_with_off(car: Car, board: FakeBoard) -> None:
    told: list[str] = []
    car.core.bus.on("notification.sent", lambda event: told.append(event.data["text"]))
    await turn_on(car, FOG)
    await turn_on(car, COMPRESSOR)
    board.report(**{"3": True})
    await car.settle()
    assert board.channels == {**board.channels, 1: True, 2: True, 3: False}
    assert any("front carries 33 A of 30 A; it was turned off again" in one for one in told)


async def test_a_condition_that_does_not_hold_or_of_which_nobody_knows_keeps_it_off(car: Car, board: FakeBoard) -> None:
    sentences = []
    sentences.append(str(await refused(car, ALARM)))
    await turn_on(car, KEY)
    sentences.append(str(await refused(car, ALARM)))
    board.measure(speed=5)
    await car.settle()
    sentences.append(str(await refused(car, ALARM)))
    assert sentences == [
        "Reverse alarm stays off: Key is off, not on",
        "Reverse alarm stays off: nobody knows what sensor.bar_speed is",
        "Reverse alarm stays off: Speed is 5, not below 5",
    ]
    assert (await refused(car, ALARM)).code == "condition"
    board.measure(speed=4.9)
    await car.settle()
    await turn_on(car, ALARM)
    assert board.channels[4] is True


async def test_a_condition_that_is_lost_turns_it_off_unless_its_owner_says_otherwise(car: Car, board: FakeBoard) -> None:
    await turn_on(car, KEY)
    board.measure(speed=0)
    await car.settle()
    await turn_on(car, ALARM)
    await turn_on(car, DOME)
    board.measure(speed=30)
    await car.settle()
    assert (board.channels[4], board.channels[5]) == (False, True)
    await car.call("switch.turn_off", {"entity": KEY})
    await car.settle()
    assert board.channels[5] is True
    assert (await refused(car, DOME)).code == "condition"


async def test_what_its_board_turns_on_without_its_condition_is_turned_off(car: Car, board: FakeBoard) -> None:
    board.report(**{"4": True})
    await car.settle()
    assert board.channels[4] is False


async def test_the_board_is_told_every_limit_that_it_can_keep_by_itself(car: Car, board: FakeBoard) -> None:
    await car.advance(2)
    (document, *_) = await car.until(lambda: car.heard("autocore/devices/bar/config"))
    section = document["sections"]["relays"]
    assert section["link_timeout_s"] == 8
    channels = section["channels"]
    assert channels["3"] == {"name": "Fridge", "type": "toggle", "safe_state": "keep", "link_loss": "keep"}
    assert channels["6"] == {"name": "Fuel pump", "type": "toggle", "safe_state": "on", "link_loss": "hold 30"}
    assert channels["7"] == {"name": "Horn", "type": "momentary"}
    assert car.entity(FRIDGE).description.attributes["priority"] == 3  # type: ignore[index]  # a relay has them


async def test_what_was_on_is_on_again_when_its_board_is_back_and_the_others_are_not(car: Car, board: FakeBoard) -> None:
    await turn_on(car, FOG)
    await turn_on(car, COMPRESSOR)
    board.disconnect()
    await car.settle()
    board.connect()
    await car.settle()
    assert board.channels[1] is False, "it is in its safe state first"
    await car.advance(3)
    await car.settle()
    assert (board.channels[1], board.channels[2]) == (True, False)


async def test_who_turned_it_off_meanwhile_is_not_overruled(car: Car, board: FakeBoard) -> None:
    await turn_on(car, FOG)
    board.disconnect()
    await car.settle()
    with pytest.raises(Refused):
        await car.call("switch.turn_off", {"entity": FOG})
    board.connect()
    await car.advance(5)
    assert board.channels[1] is False


async def test_after_the_third_start_in_a_minute_it_stays_off_and_people_are_told(car: Car, board: FakeBoard) -> None:
    told: list[str] = []
    car.core.bus.on("notification.sent", lambda event: told.append(event.data["text"]))
    await turn_on(car, FOG)
    for _ in range(3):
        board.disconnect()
        await car.settle()
        board.connect()
        await car.advance(3)
        await car.settle()
    assert board.channels[1] is False
    assert any("Fog lights stays off: its board came back 3 times in 60 s" in one for one in told)


async def test_a_restart_of_the_gateway_brings_it_back_too(car: Car, board: FakeBoard) -> None:
    await turn_on(car, FOG)
    board.disconnect()
    await car.stop()
    await car.start(CONFIG)
    again = car.board("bar", channels=8)
    await car.advance(3)
    await car.settle()
    assert again.channels[1] is True


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        ("{name: A, purpose: fuel}", "what is safe for fuel? Write safe_state: off, keep or on"),
        ("{name: A, purpose: boat}", "use one of motor, winch, horn"),
        ("{name: A, type: momentary, safe_state: 'on'}", "a momentary channel is safe when it is off"),
        ("{name: A, type: momentary, link_loss: keep}", "nobody holds it when the link is lost"),
        ("{name: A, type: momentary, allow_in_automation: true}", "an automation has no hand"),
        ("{name: A, type: pulse, on_return: restore}", "only a toggle comes back on by itself"),
        ("{name: A, safe_state: 'on', max_on: 5s}", "it cannot be safe when on and be on for a time only"),
        ("{name: A, link_loss: hold 0.5s}", "use off, keep, or hold and some whole seconds"),
        ("{name: A, link_loss: wait}", "use off, keep, or hold"),
        ("{name: A, feeder: rear, load: 5}", "there is no feeder rear; those under feeders are: front"),
        ("{name: A, feeder: front}", "say what it draws from its feeder"),
        ("{name: A, feeder: front, load: 31}", "it draws 31 A, and the fuse of front holds 30 A"),
        ("{name: A, load: 11, fuse: 10}", "it draws 11 A, and its fuse holds 10 A"),
        ("{name: A, load: .nan}", "give amperes"),
        ("{name: A, load: true}", "give amperes"),
        ("{name: A, duty: {for: 10s, in: 10s}}", "for is 1 s or more and shorter than in"),
        ("{name: A, conditions: [{entity: switch.key}]}", "say what it must be: is, above or below"),
        ("{name: A, conditions: [{entity: key, is: true}]}", "entity"),
        ("{name: A, conditions: [{entity: switch.key, above: high}]}", "expected a number"),
        ("{name: A, protection: password}", "use one of none, confirm, pin"),
        ("{name: A, priority: 0}", "use 1 to 9, or keep"),
        ("{name: A, role: captain}", "use one of viewer"),
        (
            "{name: A, interlock: x, safe_state: 'on'}, 2: {name: B, interlock: x, safe_state: 'on'}",
            "two channels of x would be on",
        ),
    ],
)
async def test_what_cannot_be_is_said_in_one_sentence_before_anything_starts(car: Car, channel: str, sentence: str) -> None:
    with pytest.raises(ConfigFaults) as faults:
        await car.start(f"relays:\n  feeders: {{front: {{fuse: 30}}}}\n  boards: [{{device: bar, channels: {{1: {channel}}}}}]\n")
    assert sentence in str(faults.value)
    assert len(faults.value.faults) == 1


async def test_the_page_counts_how_often_and_how_long_each_was_on_over_restarts(car: Car, board: FakeBoard) -> None:
    for _ in range(3):
        await turn_on(car, KEY)
        await car.advance(30)
        await car.call("switch.turn_off", {"entity": KEY})
    await car.advance(60)
    assert "3 times on, 1 min 30 s" in await car.page("/relays")
    await car.stop()
    await car.start(CONFIG)
    car.board("bar", channels=8)
    await car.settle()
    await turn_on(car, KEY)
    await car.advance(10)
    assert "4 times on, 1 min 40 s" in await car.page("/relays")


async def test_chosen_channels_stand_on_the_dashboard_with_their_switch_or_their_button(car: Car) -> None:
    channels = "{1: {name: Light, dashboard: true}, 2: {name: Horn, purpose: horn, dashboard: true}, 3: {name: Fan}}"
    await car.start(f"relays:\n  boards: [{{device: bar, channels: {channels}}}]\n")
    page = await car.page("/")
    assert (
        '<ac-switch entity="switch.light"' in page,
        '<ac-hold entity="switch.horn"' in page,
        '<ac-switch entity="switch.fan"' in page,
    ) == (
        True,
        True,
        False,
    )

"""Channels that must never meet never do, and nothing is on for longer than its owner said."""

from __future__ import annotations

import asyncio

import pytest

from autocore.core.errors import ConfigFaults, Refused
from autocore.core.holds import Ending
from autocore.core.model import Caller, Cause, Role
from autocore.testing import Car, FakeBoard, Hand

CONFIG = """
relays:
  boards:
    - device: front
      channels:
        1: {name: Winch in, type: momentary, interlock: winch, max_on: 5s}
        2: {name: Winch out, type: momentary, interlock: winch}
        3: {name: Compressor, max_on: 10s}
    - device: rear
      channels:
        1: {name: Free spool, interlock: winch}
"""
WINCH, OUT, SPOOL, COMPRESSOR = "switch.winch_in", "switch.winch_out", "switch.free_spool", "switch.compressor"


@pytest.fixture
async def front(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    board = car.board("front", channels=3)
    await car.advance(0.3)  # what was on before it came, it let go just now
    return board


@pytest.fixture
async def rear(car: Car, front: FakeBoard) -> FakeBoard:
    board = car.board("rear", channels=1)
    await car.advance(0.3)
    return board


async def test_the_second_of_an_interlock_is_refused_on_whatever_board(car: Car, front: FakeBoard, rear: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    for ask in (Hand.lay(car, OUT, "rui"), car.call("switch.turn_on", {"entity": SPOOL})):
        with pytest.raises(Refused, match=r"Winch in is on; .* shares the interlock winch") as refused:
            await ask
        assert refused.value.code == "interlock"
    await hand.keep(1)
    assert (front.channels[1], front.channels[2], rear.channels[1]) == (True, False, False)


async def test_between_two_of_an_interlock_there_are_three_hundred_milliseconds(
    car: Car, front: FakeBoard, rear: FakeBoard
) -> None:
    hand = await Hand.lay(car, WINCH)
    hand.let_go()
    await car.settle()
    assert front.channels[1] is False
    waiting = asyncio.ensure_future(car.core.services.call("switch.turn_on", {"entity": SPOOL}, hand._caller))
    await car.settle()
    await car.advance(0.299)
    assert rear.channels[1] is False
    await car.advance(0.001)
    await waiting
    assert rear.channels[1] is True


async def test_who_lets_go_during_the_dead_time_turns_nothing_on(car: Car, front: FakeBoard, rear: FakeBoard) -> None:
    first = await Hand.lay(car, WINCH)
    first.let_go()
    await car.settle()
    call = asyncio.ensure_future(car.core.services.call("switch.hold", {"entity": OUT, "lease": "L" * 16}, first._caller))
    await car.settle()
    car.core.holds.release("L" * 16, first._caller)
    await car.advance(0.3)
    with pytest.raises(Refused, match="let go before"):
        await call
    assert [one["channel"] for one in front.commands if one["state"]] == [1]


async def test_one_of_which_nobody_knows_what_it_is_counts_as_on(car: Car, front: FakeBoard, rear: FakeBoard) -> None:
    rear.disconnect()
    await car.settle()
    with pytest.raises(Refused, match="Free spool may be on: its board does not say"):
        await Hand.lay(car, WINCH)
    assert front.channels[1] is False


async def test_one_that_came_back_off_let_go_a_moment_ago(car: Car, front: FakeBoard, rear: FakeBoard) -> None:
    await car.call("switch.turn_on", {"entity": SPOOL})
    rear.disconnect()
    await car.advance(1)
    rear.connect()
    await car.settle()
    caller = Caller(Cause("rest", "ana"), Role.OPERATOR, session="ana")
    call = asyncio.ensure_future(car.core.services.call("switch.hold", {"entity": WINCH}, caller))
    await car.settle()
    assert front.channels[1] is False
    await car.advance(0.3)
    await call
    assert front.channels[1] is True


async def test_an_on_that_nobody_answered_yet_counts_as_on(car: Car, front: FakeBoard, rear: FakeBoard) -> None:
    rear.is_silent = True
    web = await car.web()
    answer = await web.post("/api/v1/services/switch/turn_on?wait=accepted", json={"entity": SPOOL})
    assert answer.json()["outcome"] == "asked"
    for _ in range(2):
        with pytest.raises(Refused, match="Free spool may be on: its board does not say"):
            await Hand.lay(car, WINCH)
        await car.advance(10)  # and it never is
    rear.is_silent = False
    await car.call("switch.turn_off", {"entity": SPOOL})  # the board says that it is off
    hand = await Hand.lay(car, WINCH)
    assert (front.channels[1], hand.ending) == (True, None)


async def test_a_second_one_that_comes_on_at_its_board_is_turned_off_with_an_alarm(
    car: Car, front: FakeBoard, rear: FakeBoard
) -> None:
    hand = await Hand.lay(car, WINCH)
    rear.report(**{"1": True})
    await car.settle()
    assert (rear.channels[1], front.channels[1], hand.ending) == (False, True, None)
    web = await car.web()
    notices = [one for one in (await web.get("/api/v1/notices")).json()["items"] if "never meet" in one["title"]]
    assert [(one["severity"], one["text"]) for one in notices] == [
        ("critical", "Free spool was turned on at its board while Winch in is on; it was turned off again")
    ]


async def test_a_board_that_forgets_how_long_it_may_be_on_is_told(car: Car, front: FakeBoard) -> None:
    await car.call("switch.turn_on", {"entity": COMPRESSOR})
    await car.advance(5)
    await car.call("switch.turn_on", {"entity": COMPRESSOR})  # does not begin anew
    await car.advance(5.4)
    assert front.channels[3] is True  # the board's own time: it has half a second
    await car.advance(0.1)
    assert front.channels[3] is False
    assert front.commands[-1]["state"] is False


async def test_a_hand_holds_no_longer_than_the_limit(car: Car, front: FakeBoard, rear: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    await hand.keep(5.4)
    assert hand.ending is None
    await hand.keep(0.2)
    assert hand.ending is Ending.BOARD
    assert front.channels[1] is False


async def test_its_board_is_told_the_limit(car: Car, front: FakeBoard) -> None:
    await car.advance(2)
    (document, *_) = await car.until(lambda: car.heard("autocore/devices/front/config"))
    channels = document["sections"]["relays"]["channels"]
    assert channels["3"] == {"name": "Compressor", "type": "toggle", "max_on_s": 10.0}
    assert channels["1"]["interlock"] == "winch"


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("{name: A, max_on: 100ms}", "a limit is 1 s to 24 h"),
        ("{name: A, type: timed, duration: 10min, max_on: 5min}", "off before its duration"),
        ("{name: A, exclusive: x, interlock: y}", "in one group"),
        ("{name: A, interlock: No!}", "a-z"),
        ("{name: A, type: momentary, duration: 1s}", "take duration out"),
    ],
)
async def test_a_limit_that_cannot_be_is_one_sentence(car: Car, channel: str, words: str) -> None:
    with pytest.raises(ConfigFaults, match=words) as refused:
        await car.start(f"relays: {{boards: [{{device: a, channels: {{1: {channel}}}}}]}}\n")
    assert len(refused.value.faults) == 1

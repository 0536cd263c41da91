"""A winch pulls while a thumb is there, and stops when it leaves, whatever happens in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from autocore.core.errors import InvalidData, NoAnswer, PermissionDenied, Refused
from autocore.core.holds import Ending
from autocore.core.model import Caller, Cause, Role
from autocore.testing import Car, FakeBoard, Hand

CONFIG = """
relays:
  boards:
    - device: bar
      channels:
        1: {name: Winch in, type: momentary, exclusive: winch}
        2: {name: Winch out, type: momentary, exclusive: winch}
        3: {name: Horn, type: momentary}
        4: {name: Light}
"""
WINCH, OUT, HORN = "switch.winch_in", "switch.winch_out", "switch.horn"


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=4)
    await car.settle()
    return made


async def test_it_is_on_while_it_is_held_and_off_at_once_when_it_is_let_go(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    assert car.value(WINCH) is True
    await hand.keep(5)
    assert car.value(WINCH) is True
    assert len(board.beats) == 50
    hand.let_go()
    await car.settle()
    assert (board.channels[1], car.value(WINCH)) == (False, False)
    assert hand.ending is Ending.RELEASED
    assert board.commands[-1]["hold"] == board.commands[0]["hold"]


async def test_without_beats_it_is_over_half_a_second_after_the_stamp_of_the_last(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    await hand.keep(1)
    await car.advance(0.499)
    assert hand.ending is None
    await car.advance(0.001)
    assert hand.ending in (Ending.NO_BEAT, Ending.BOARD)  # whoever of the two looked first
    assert (board.channels[1], car.value(WINCH)) == (False, False)
    assert not hand.beat(car.core.holds.tick_ms), "a hold that is over never lives again"
    await car.advance(1)
    assert board.channels[1] is False


async def test_each_beat_that_is_fresh_goes_out_once_with_the_stamp_of_the_hand(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    await car.advance(0.2)
    tick = car.core.holds.tick_ms
    assert [hand.beat(tick - 50), hand.beat(tick - 50), hand.beat(tick - 60), hand.beat(tick + 1), hand.beat(tick)] == [
        True,
        False,  # twice
        False,  # older than the last
        False,  # from the future
        True,
    ]
    assert [(one["n"], one["t_ms"]) for one in board.beats] == [(1, tick - 50), (2, tick)]
    await car.advance(0.45)
    assert not hand.beat(tick + 100), "it is 350 ms old: a link that stalled brought it"


async def test_a_momentary_channel_is_turned_on_by_nothing_but_a_hand(car: Car, board: FakeBoard) -> None:
    for verb in ("turn_on", "toggle"):
        with pytest.raises(Refused, match="only while somebody holds it") as refused:
            await car.call(f"switch.{verb}", {"entity": WINCH}, Role.OPERATOR)
        assert refused.value.code == "hold_only"
    with pytest.raises(Refused, match="has none") as handless:
        await car.call("switch.hold", {"entity": WINCH})
    assert handless.value.code == "no_hand"
    assert board.commands == []


async def test_what_stays_on_by_itself_is_not_held(car: Car, board: FakeBoard) -> None:
    with pytest.raises(Refused, match="turn it on instead") as refused:
        await Hand.lay(car, "switch.light")
    assert refused.value.code == "not_momentary"


async def test_the_second_hand_is_refused_with_the_name_of_the_first(car: Car, board: FakeBoard) -> None:
    first = await Hand.lay(car, WINCH, "ana")
    with pytest.raises(Refused, match="Winch in is held by ana") as refused:
        await Hand.lay(car, WINCH, "rui")
    assert refused.value.code == "held_by"
    await first.keep(1)
    assert car.value(WINCH) is True
    first.let_go()
    await car.settle()
    await Hand.lay(car, WINCH, "rui")
    assert car.value(WINCH) is True


async def test_nobody_beats_or_lets_go_for_another(car: Car, board: FakeBoard) -> None:
    rui = Caller(Cause("rest", "rui"), Role.ADMIN, session="rui")
    hand = await Hand.lay(car, WINCH, "ana")
    for act in (lambda: car.core.holds.beat(hand._lease, 1, rui), lambda: car.core.holds.release(hand._lease, rui)):
        with pytest.raises(PermissionDenied, match="held by ana"):
            act()


async def test_anybody_may_turn_it_off_and_the_hand_must_begin_anew(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    await hand.keep(1)
    await car.call("switch.turn_off", {"entity": WINCH}, Role.OPERATOR)
    assert hand.ending is Ending.TURNED_OFF
    await hand.keep(1)
    assert (board.channels[1], car.value(WINCH)) == (False, False)


async def test_a_board_that_lets_go_ends_the_hold(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    await hand.keep(0.5)
    board.report(**{"1": False})  # its own limit
    await car.settle()
    assert hand.ending is Ending.BOARD


async def test_a_board_that_goes_away_or_a_broker_ends_the_hold(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    await hand.keep(0.5)
    board.disconnect()
    await car.settle()
    assert hand.ending is Ending.BOARD


async def test_a_board_that_does_not_answer_holds_nothing(car: Car, board: FakeBoard) -> None:
    board.is_silent = True
    caller = Caller(Cause("rest", "ana"), Role.OPERATOR, session="ana")
    call = asyncio.ensure_future(car.core.services.call("switch.hold", {"entity": HORN, "lease": "L" * 16}, caller))
    await car.settle()
    for _ in range(40):
        await car.advance(0.1)
        if len(car.core.holds):
            car.core.holds.beat("L" * 16, car.core.holds.tick_ms, caller)
    with pytest.raises(NoAnswer):
        await call
    assert len(car.core.holds) == 0
    assert [one["state"] for one in board.commands] == [True, False], "whatever it did, it is told to let go"


async def test_who_lets_go_before_the_board_answered_is_heard(car: Car, board: FakeBoard) -> None:
    board.is_silent = True
    caller = Caller(Cause("rest", "ana"), Role.OPERATOR, session="ana")
    call = asyncio.ensure_future(car.core.services.call("switch.hold", {"entity": HORN, "lease": "L" * 16}, caller))
    await car.settle()
    car.core.holds.release("L" * 16, caller)
    with pytest.raises(Refused, match="let go before the board answered") as refused:
        await call
    assert refused.value.code == "released"
    board.is_silent = False
    board.report(**{"3": True})  # it was on its way when the hand left
    await car.settle()
    await car.advance(0.6)
    assert [one["state"] for one in board.commands] == [True, False, False]
    assert board.channels[3] is False


async def test_in_and_out_never_meet(car: Car, board: FakeBoard) -> None:
    first = await Hand.lay(car, WINCH, "ana")
    await first.keep(0.5)
    second = await Hand.lay(car, OUT, "rui")
    assert first.ending is Ending.TURNED_OFF
    assert (board.channels[1], board.channels[2]) == (False, True)
    second.let_go()


async def test_a_reload_of_the_plugin_lets_go(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH)
    web = await car.web()
    assert (await web.post("/api/v1/plugins/relays/reload")).status_code == 200
    assert hand.ending is Ending.STOPPED
    assert [one["state"] for one in board.commands] == [True, False], "the board is told, and need not find out"
    await car.advance(1)
    assert board.channels[1] is False


async def test_who_held_what_and_for_how_long_stands_in_the_audit(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH, "ana")
    await hand.keep(2)
    hand.let_go()
    await car.settle()
    web = await car.web()
    rows: list[dict[str, Any]] = (await web.get("/api/v1/audit?limit=10")).json()["items"]
    held = {one["service"]: one for one in rows if one["service"].startswith("switch.")}
    assert set(held) == {"switch.hold", "switch.release"}
    assert held["switch.release"]["detail"] == "released: held for 2.0 s"
    assert held["switch.release"]["who"] == "ana"


async def call_hold(car: Car, **more: Any) -> Any:
    caller = Caller(Cause("rest", "test"), Role.OPERATOR, session="test")
    call = asyncio.ensure_future(car.core.services.call("switch.hold", {"entity": WINCH, **more}, caller))
    await car.settle()
    return await call


async def test_a_press_that_a_network_held_back_turns_nothing_on(car: Car, board: FakeBoard) -> None:
    tick = car.core.holds.tick_ms
    await car.advance(0.301)
    with pytest.raises(Refused, match="the press is 301 ms old, at most 300; press again") as refused:
        await call_hold(car, tick=tick)
    assert refused.value.code == "stale"
    with pytest.raises(Refused, match="-5 ms old"):
        await call_hold(car, tick=car.core.holds.tick_ms + 5)
    assert board.commands == []


async def test_a_press_that_is_a_little_old_is_held_from_when_it_was_made(car: Car, board: FakeBoard) -> None:
    tick = car.core.holds.tick_ms
    await car.advance(0.2)
    await call_hold(car, tick=tick)
    assert board.commands[0]["t_ms"] == tick, "the command is the first beat of the thumb"
    await car.advance(0.3)
    assert board.channels[1] is False


async def test_a_press_that_comes_twice_is_one(car: Car, board: FakeBoard) -> None:
    lease = "a" * 20
    await call_hold(car, lease=lease)
    await car.advance(0.5)
    assert board.channels[1] is False
    with pytest.raises(InvalidData, match="this lease was used already"):
        await call_hold(car, lease=lease)
    assert [one["state"] for one in board.commands if one["state"]] == [True]

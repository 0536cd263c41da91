"""A client that does not know whether its call arrived asks again, and the winch turns once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autocore.core.cache import Cache
from autocore.core.errors import InvalidData, NoAnswer, PluginError, Refused
from autocore.testing.clock import FakeClock
from autocore.web.answers import REMEMBERED, REMEMBERED_S, Answers

ON = ("switch.turn_on", {"entity": "switch.winch"})
OFF = ("switch.turn_off", {"entity": "switch.winch"})


class Winch:
    """Turns, or fails; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails: Exception | None = None

    async def turn(self) -> Mapping[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return {"ok": True, "number": self.asked}


@pytest.fixture
def winch() -> Winch:
    return Winch()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def answers(tmp_path: Path, clock: FakeClock) -> Answers:
    return Answers(clock, Cache(tmp_path))


def after_a_restart(folder: Path) -> Answers:
    return Answers(FakeClock(), Cache(folder))


async def test_a_second_call_has_the_answer_of_the_first(answers: Answers, winch: Winch) -> None:
    first = await answers.once("ana", "press-7", ON, winch.turn)
    assert await answers.once("ana", "press-7", ON, winch.turn) == first
    assert winch.asked == 1


async def test_two_calls_at_the_same_moment_act_once(answers: Answers, winch: Winch) -> None:
    both = await asyncio.gather(*(answers.once("ana", "press-7", ON, winch.turn) for _ in range(2)))
    assert both[0] == both[1]
    assert winch.asked == 1


async def test_the_key_of_another_person_is_another_key(answers: Answers, winch: Winch) -> None:
    for who in ("ana", "bob"):
        await answers.once(who, "press-7", ON, winch.turn)
    assert winch.asked == 2


async def test_a_key_that_was_used_for_another_call_is_refused(answers: Answers, winch: Winch, tmp_path: Path) -> None:
    await answers.once("ana", "press-7", ON, winch.turn)
    for whoever in (answers, after_a_restart(tmp_path)):
        with pytest.raises(InvalidData, match="was used for another call"):
            await whoever.once("ana", "press-7", OFF, winch.turn)
    assert winch.asked == 1


async def test_the_answer_is_the_same_after_a_restart(answers: Answers, winch: Winch, tmp_path: Path) -> None:
    first = await answers.once("ana", "press-7", ON, winch.turn)
    assert await after_a_restart(tmp_path).once("ana", "press-7", ON, winch.turn) == first
    assert winch.asked == 1


async def test_a_call_that_the_gateway_died_in_is_not_made_again(answers: Answers, winch: Winch, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def dies() -> Mapping[str, Any]:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    call = asyncio.create_task(answers.once("ana", "press-7", ON, dies))
    await begun.wait()
    with pytest.raises(Refused, match="what became of it is not known") as caught:
        await after_a_restart(tmp_path).once("ana", "press-7", ON, winch.turn)
    assert (caught.value.code, winch.asked) == ("unfinished", 0)
    call.cancel()


async def test_a_board_that_stayed_silent_may_have_acted(answers: Answers, winch: Winch, tmp_path: Path) -> None:
    winch.fails = NoAnswer("no answer within 3 s", waited_s=3)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            await answers.once("ana", "press-7", ON, winch.turn)
    with pytest.raises(Refused, match="not known"):
        await after_a_restart(tmp_path).once("ana", "press-7", ON, winch.turn)
    assert winch.asked == 1


async def test_a_call_that_broke_in_the_middle_may_have_acted(answers: Answers, winch: Winch, tmp_path: Path) -> None:
    winch.fails = PluginError("winch", "turn failed (ValueError)")
    with pytest.raises(PluginError):
        await answers.once("ana", "press-7", ON, winch.turn)
    with pytest.raises(Refused, match="not known"):
        await after_a_restart(tmp_path).once("ana", "press-7", ON, winch.turn)


async def test_what_was_refused_may_be_asked_again_after_a_restart(answers: Answers, winch: Winch, tmp_path: Path) -> None:
    winch.fails = Refused("the board is not online", code="offline")
    with pytest.raises(Refused, match="not online"):
        await answers.once("ana", "press-7", ON, winch.turn)
    winch.fails = None
    assert (await after_a_restart(tmp_path).once("ana", "press-7", ON, winch.turn))["ok"]


async def test_keys_are_forgotten_after_ten_minutes_and_a_flood_of_them_is_bounded(
    answers: Answers, winch: Winch, clock: FakeClock
) -> None:
    for number in range(REMEMBERED + 50):
        await answers.once("ana", f"press-{number}", ON, winch.turn)
    assert len(answers._known) <= REMEMBERED + 1
    clock.advance(REMEMBERED_S + 1)
    await answers.once("ana", "press", ON, winch.turn)
    assert len(answers._known) == 1

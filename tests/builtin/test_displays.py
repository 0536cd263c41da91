"""A winch held from a display on the dashboard: it pulls while a thumb is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autocore.testing import Car, FakeBoard, Hand

CONFIG = """
devices: {approve: automatic}
relays:
  boards:
    - device: bar
      channels:
        1: {name: Winch, type: momentary}
        2: {name: Light}
        3: {name: Horn, type: momentary, protection: confirm}
"""
WINCH = "switch.winch"


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=3)
    car.board("dash", type="display", capabilities=["display"])
    await car.settle()
    car.core.devices.approve("dash", granted={"display"})
    await car.settle()
    return made


def say(car: Car, hold: str, n: int, item: str = WINCH, age_ms: int = 0, device: str = "dash") -> None:
    word = {"hold": hold, "item": item, "n": n, "t_ms": car.core.holds.tick_ms - age_ms}
    car.air.publish(f"autocore/display/{device}/hold", word)


def release(car: Car, item: str = WINCH) -> None:
    car.air.publish("autocore/display/dash/press", {"item": item, "action": "release", "seq": 1}, qos=1)


def held(car: Car) -> list[dict[str, Any]]:
    return car.air.on("autocore/display/dash/held")


async def keep(car: Car, hold: str, s: float, since: int = 1) -> int:
    for n in range(since, since + round(s * 10)):
        await car.advance(0.1)
        say(car, hold, n + 1)
    return since + round(s * 10)


async def test_it_pulls_while_the_thumb_is_there_and_stops_when_it_leaves(car: Car, board: FakeBoard) -> None:
    say(car, "a", 1)
    await car.settle()
    assert board.channels[1] is True
    await keep(car, "a", 5)
    assert board.channels[1] is True
    assert [one["n"] for one in board.beats] == list(range(1, 51))
    release(car)
    await car.settle()
    assert board.channels[1] is False
    assert held(car) == [{"hold": "a", "ok": True}, {"hold": "a", "ok": False, "reason": "released"}]


async def test_a_display_that_dies_stops_it(car: Car, board: FakeBoard) -> None:
    say(car, "a", 1)
    await car.settle()
    last = await keep(car, "a", 1)
    await car.advance(0.5)
    assert board.channels[1] is False
    assert held(car)[-1]["reason"] in ("no_beat", "board")
    say(car, "a", last + 1)
    say(car, "a", 1)
    await car.advance(0.1)
    assert board.channels[1] is False, "a hold that is over never lives again"


async def test_a_last_will_lets_go_at_once(car: Car, board: FakeBoard) -> None:
    say(car, "a", 1)
    await car.settle()
    car.air.publish("autocore/devices/dash/status", {"status": "offline"}, retain=True)
    await car.settle()
    assert board.channels[1] is False
    assert held(car)[-1]["reason"] == "gone"


@pytest.mark.parametrize(("n", "age_ms"), [(2, 0), (1, 301), (1, -5), (0, 0)])
async def test_a_late_press_a_beat_alone_and_one_from_the_future_turn_nothing_on(
    car: Car, board: FakeBoard, n: int, age_ms: int
) -> None:
    await car.advance(1)
    say(car, "a", n, age_ms=age_ms)
    await car.settle()
    assert board.commands == []
    say(car, "a", 1)
    await car.settle()
    assert (board.channels[1] is True) == (n != 1), "a press that was refused is over"


async def test_a_release_that_comes_with_the_press_turns_nothing_on(car: Car, board: FakeBoard) -> None:
    say(car, "a", 1)
    release(car)
    await car.settle()
    assert board.channels[1] is False
    assert held(car)[-1]["code"] == "released"


@pytest.mark.parametrize(
    ("item", "code"),
    [("switch.light", "not_momentary"), ("switch.horn", "confirm_required"), ("switch.nobody", "unknown"), ("winch", "unknown")],
)
async def test_what_cannot_be_held_is_said_to_the_display(car: Car, board: FakeBoard, item: str, code: str) -> None:
    say(car, "a", 1, item)
    await car.settle()
    (word,) = held(car)
    assert (word["ok"], word["code"]) == (False, code)
    assert board.commands == []


async def test_a_second_hand_is_refused_with_the_name_of_the_first(car: Car, board: FakeBoard) -> None:
    hand = await Hand.lay(car, WINCH, "ana")
    say(car, "a", 1)
    await car.settle()
    assert held(car)[0]["detail"] == "Winch is held by ana"
    release(car)
    await hand.keep(0.5)
    assert hand.ending is None, "whoever does not hold lets nothing go"


async def test_only_what_was_granted_to_be_a_display_holds(car: Car, board: FakeBoard) -> None:
    car.board("thermometer", type="sensor_node")
    await car.settle()
    say(car, "a", 1, device="thermometer")
    await car.settle()
    assert board.commands == []
    assert car.core.hub.rejections.total >= 1


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b'{"hold": 7, "item": "switch.winch", "n": 1, "t_ms": 1}', b"\xff"])
async def test_nonsense_moves_nothing(car: Car, board: FakeBoard, payload: bytes) -> None:
    car.air.publish("autocore/display/dash/hold", payload)
    car.air.publish("autocore/display/dash/press", payload)
    car.air.publish("autocore/display/Not An Id/hold", payload)
    await car.settle()
    assert board.commands == []


async def test_a_press_that_somebody_retained_is_no_press(car: Car, board: FakeBoard) -> None:
    word = {"hold": "a", "item": WINCH, "n": 1, "t_ms": car.core.holds.tick_ms}
    car.air.retained["autocore/display/dash/hold"] = json.dumps(word).encode()
    car.air.go_away()
    car.air.come_back()
    await car.settle()
    assert board.channels[1] is False


async def test_a_display_has_ten_fingers(car: Car, board: FakeBoard) -> None:
    for number in range(30):
        say(car, f"h{number}", 1)
    await car.settle()
    codes = [one.get("code") for one in held(car)]
    assert codes.count("busy") == 20
    assert codes.count("held_by") == 9

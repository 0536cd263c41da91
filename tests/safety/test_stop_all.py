"""Everything stops at once, whoever says so, and stays stopped until a person on the vehicle's web says otherwise."""

from __future__ import annotations

import pytest

from autocore.core.errors import PermissionDenied, Refused
from autocore.core.holds import Ending
from autocore.core.model import Caller, Cause, Role
from autocore.safety.latch import FILE
from autocore.testing import Car, FakeBoard, Hand

CONFIG = """
relays:
  boards:
    - device: bar
      channels:
        1: {name: Winch, type: momentary}
        2: {name: Light}
        3: {name: Fuel pump, purpose: fuel, safe_state: 'on'}
        4: {name: Fridge, safe_state: keep}
        5: {name: Hazard, type: pulse, duration: 30s}
"""
WINCH, LIGHT, PUMP, FRIDGE, HAZARD = "switch.winch", "switch.light", "switch.fuel_pump", "switch.fridge", "switch.hazard"
PERSON = Caller(Cause("websocket", "ana", "192.0.2.7"), Role.OPERATOR, session="s", is_person=True)
VIEWER = Caller(Cause("rest", "rui"), Role.VIEWER, session="r")


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=5)
    await car.settle()
    return made


async def stop(car: Car, caller: Caller = VIEWER) -> None:
    await car.core.services.call("gateway.stop_all", {}, caller)
    await car.settle()


async def reset(car: Car, caller: Caller = PERSON) -> None:
    await car.core.services.call("gateway.reset_stop", {}, caller)
    await car.settle()


async def test_every_channel_goes_to_its_safe_state_and_what_is_on_goes_first(car: Car, board: FakeBoard) -> None:
    for entity in (LIGHT, FRIDGE, HAZARD):
        await car.call("switch.turn_on", {"entity": entity})
    hand = await Hand.lay(car, WINCH)
    board.commands.clear()
    await stop(car)
    assert board.channels == {1: False, 2: False, 3: True, 4: True, 5: False}
    assert [one["channel"] for one in board.commands] == [5, 2, 1, 3]  # on: hazard, light, winch; the pump was off
    assert hand.ending is Ending.STOPPED


async def test_while_it_is_stopped_nothing_is_turned_on_whoever_asks(car: Car, board: FakeBoard) -> None:
    await stop(car)
    board.commands.clear()
    for ask in (
        car.call("switch.turn_on", {"entity": LIGHT}),
        car.call("switch.toggle", {"entity": LIGHT}, role=Role.OPERATOR),
        car.core.services.call("switch.turn_on", {"entity": LIGHT}, Caller(Cause("automation", "night"), Role.ADMIN)),
        Hand.lay(car, WINCH),
    ):
        with pytest.raises(Refused, match="everything was stopped; reset that on the web") as refused:
            await ask
        assert refused.value.code == "stopped"
    assert board.commands == []
    await car.call("switch.turn_off", {"entity": FRIDGE})
    assert [one["state"] for one in board.commands] == [False], "off is asked nothing"


async def test_the_reset_turns_nothing_on_and_only_a_person_on_the_web_does_it(car: Car, board: FakeBoard) -> None:
    await car.call("switch.turn_on", {"entity": LIGHT})
    await stop(car)
    others = (
        Caller(Cause("telegram", "ana"), Role.ADMIN, is_person=True),
        Caller(Cause("rest", "ana"), Role.ADMIN, session="a token"),
        Caller(Cause("mqtt", "display"), Role.ADMIN),
        Caller(Cause("automation", "night"), Role.ADMIN),
        Caller(Cause("websocket", "rui"), Role.VIEWER, is_person=True),
    )
    for caller in others:
        with pytest.raises(PermissionDenied):
            await reset(car, caller)
        assert car.core.safeguards.is_stopped
    board.commands.clear()
    await reset(car)
    await reset(car)  # twice is once
    assert board.commands == []
    assert board.channels[2] is False
    await car.call("switch.turn_on", {"entity": LIGHT})
    assert board.channels[2] is True


async def test_it_is_stopped_over_a_restart_and_a_board_that_comes_back_on_is_turned_off(car: Car, board: FakeBoard) -> None:
    await stop(car)
    await car.stop()
    await car.start(CONFIG)
    again = car.board("bar", channels=5)
    again.report(**{"2": True})
    await car.settle()
    assert again.channels[2] is False
    with pytest.raises(Refused, match="stopped"):
        await car.call("switch.turn_on", {"entity": LIGHT})
    await reset(car)
    await car.stop()
    await car.start(CONFIG)
    car.board("bar", channels=5)
    await car.settle()
    await car.call("switch.turn_on", {"entity": LIGHT})


async def test_a_note_that_cannot_be_read_is_a_stop_all_the_same(car: Car) -> None:
    (car.folder / "data").mkdir(parents=True, exist_ok=True)
    (car.folder / "data" / FILE).write_bytes(b"\x00" * 40)
    await car.start(CONFIG)
    assert car.core.safeguards.is_stopped
    await reset(car)
    assert not (car.folder / "data" / FILE).exists()


async def test_a_disk_that_does_not_take_the_note_does_not_keep_anything_from_stopping(
    car: Car, board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_words: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    told: list[str] = []
    car.core.bus.on("notification.sent", lambda event: told.append(event.data["text"]))
    await car.call("switch.turn_on", {"entity": LIGHT})
    monkeypatch.setattr("autocore.safety.latch.write_file", full)
    answer = await car.core.services.call("gateway.stop_all", {}, VIEWER)
    await car.settle()
    assert answer == {"is_stopped": True, "is_written": False}
    assert board.channels[2] is False
    assert any("a restart would forget it" in one for one in told)
    monkeypatch.setattr("autocore.safety.latch.delete_file", full)
    with pytest.raises(Refused, match="everything stays stopped"):
        await reset(car)
    assert car.core.safeguards.is_stopped


@pytest.mark.parametrize("payload", [b"", b'{"who": "dashboard"}', b"\xff\xfe no JSON", b'{"who": 7}'])
async def test_a_display_stops_everything_with_whatever_it_says(car: Car, board: FakeBoard, payload: bytes) -> None:
    await car.call("switch.turn_on", {"entity": LIGHT})
    car.air.publish("autocore/stop_all", payload, qos=2)
    assert board.channels[2] is False, "before anything else is done"
    await car.settle()
    assert car.core.safeguards.is_stopped


async def test_a_stop_that_somebody_retained_stops_once_and_is_deleted(car: Car, board: FakeBoard) -> None:
    car.air.publish("autocore/stop_all", b"{}", retain=True)
    await reset(car)
    car.air.go_away()
    car.air.come_back()
    await car.settle()
    assert "autocore/stop_all" not in car.air.retained
    assert car.core.safeguards.is_stopped
    await reset(car)
    car.air.go_away()
    car.air.come_back()
    await car.settle()
    assert not car.core.safeguards.is_stopped


async def test_a_board_that_does_not_obey_the_stop_is_told_again_and_people_are_told(car: Car, board: FakeBoard) -> None:
    await car.call("switch.turn_on", {"entity": LIGHT})
    board.is_silent = True
    board.commands.clear()
    await stop(car)
    await car.advance(3.5)
    await car.advance(3.5)
    light = [one for one in board.commands if one["channel"] == 2]
    assert [one["state"] for one in light] == [False, False, False]
    assert board.channels[2] is True
    board.is_silent = False
    await car.advance(3.5)
    assert board.channels[2] is False
    board.commands.clear()
    await car.advance(20)
    assert [one for one in board.commands if one["channel"] == 2] == []


async def test_a_button_on_the_board_does_not_turn_on_what_is_stopped(car: Car, board: FakeBoard) -> None:
    await stop(car)
    board.report(**{"2": True})
    await car.settle()
    assert board.channels[2] is False


async def test_pressing_again_stops_again_and_keeps_who_was_first(car: Car, board: FakeBoard) -> None:
    await stop(car)
    board.commands.clear()
    await stop(car, PERSON)
    assert {one["channel"] for one in board.commands} == {1, 2, 3, 5}
    assert '"who":"rui"' in (car.folder / "data" / FILE).read_text()

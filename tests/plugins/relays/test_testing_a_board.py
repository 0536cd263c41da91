"""An installer tries every channel with a thumb on the button: nothing stays on, and the board is as before afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from autocore.core.errors import PermissionDenied, Refused
from autocore.core.holds import Ending
from autocore.core.model import Role
from autocore.testing import Car, FakeBoard, Hand

CONFIG = """
relays:
  boards:
    - device: bar
      channels:
        1: {name: Light, on_return: restore}
        2: {name: Gate, type: pulse}
        3: {name: Pump, type: timed, duration: 10min}
        4: {name: Fuel, purpose: fuel, safe_state: keep, link_loss: keep}
"""
LIGHT, PUMP = "switch.light", "switch.pump"


@pytest.fixture
async def board(car: Car) -> FakeBoard:
    await car.start(CONFIG)
    made = car.board("bar", channels=4)
    await car.settle()
    return made


async def told(car: Car, light: str) -> dict[str, Any]:
    """Wait until the board is told that its light is of a type, and give what it is told of all channels."""
    await car.advance(0.3)

    def channels() -> dict[str, Any]:
        documents = car.heard("autocore/devices/bar/config")
        return documents[-1]["sections"]["relays"]["channels"] if documents else {}

    await car.until(lambda: channels() and channels()["1"]["type"] == light)
    return channels()


async def test_in_a_test_every_channel_is_on_only_while_it_is_held_and_its_board_knows(car: Car, board: FakeBoard) -> None:
    before = await told(car, "toggle")
    await car.call("relays.test", {"board": "bar"}, Role.TECHNICIAN)
    during = await told(car, "momentary")
    assert {number: facts["type"] for number, facts in during.items()} == dict.fromkeys("1234", "momentary")
    assert "safe_state" not in during["4"]
    for entity in (LIGHT, "switch.gate", PUMP, "switch.fuel"):
        with pytest.raises(Refused, match="only while somebody holds it"):
            await car.call("switch.turn_on", {"entity": entity})
        hand = await Hand.lay(car, entity)
        await hand.keep(1)
        assert car.value(entity) is True
        hand.let_go()
        await car.settle()
        assert car.value(entity) is False
    await car.call("relays.end_test", {"board": "bar"}, Role.TECHNICIAN)
    assert await told(car, "toggle") == before
    await car.call("switch.turn_on", {"entity": LIGHT})
    assert board.channels[1] is True
    with pytest.raises(Refused, match="no momentary channel"):
        await Hand.lay(car, LIGHT)


async def test_a_test_ends_by_itself_and_lets_go_of_what_is_held(car: Car, board: FakeBoard) -> None:
    await car.call("relays.test", {"board": "bar", "for": "10s"}, Role.TECHNICIAN)
    hand = await Hand.lay(car, PUMP)
    await hand.keep(9.9)
    assert car.value(PUMP) is True
    await car.advance(0.1)
    assert (hand.ending, board.channels[3]) == (Ending.STOPPED, False)
    assert car.value("sensor.pump_remaining") in (0, None), "a hand has no time of its own"


async def test_nothing_may_be_on_when_a_test_begins(car: Car, board: FakeBoard) -> None:
    await car.call("switch.turn_on", {"entity": LIGHT})
    with pytest.raises(Refused, match="Light is on, or its board does not say; turn it off before the test"):
        await car.call("relays.test", {"board": "bar"}, Role.TECHNICIAN)
    await car.call("switch.turn_off", {"entity": LIGHT})
    board.disconnect()
    await car.settle()
    with pytest.raises(Refused, match="does not say"):
        await car.call("relays.test", {"board": "bar"}, Role.TECHNICIAN)


async def test_a_test_that_is_begun_again_lasts_from_then_on(car: Car, board: FakeBoard) -> None:
    await car.call("relays.test", {"board": "bar", "for": "10s"}, Role.TECHNICIAN)
    await car.advance(8)
    await car.call("relays.test", {"board": "bar", "for": "10s"}, Role.TECHNICIAN)
    await car.advance(8)
    await Hand.lay(car, LIGHT)
    await car.advance(2)
    await told(car, "toggle")


async def test_only_technicians_test(car: Car, board: FakeBoard) -> None:
    for service in ("relays.test", "relays.end_test"):
        with pytest.raises(PermissionDenied):
            await car.call(service, {"board": "bar"}, Role.OPERATOR)
    with pytest.raises(Refused, match="there is no board foo; the boards are bar"):
        await car.call("relays.test", {"board": "foo"}, Role.TECHNICIAN)


async def test_the_page_has_a_button_for_it(car: Car, board: FakeBoard) -> None:
    web = await car.web()
    assert 'hx-post="/api/v1/relays/test"' in await car.page("/relays")
    answer = await web.post("/api/v1/relays/test", data={"board": "bar"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (200, "true")
    page = await car.page("/relays")
    assert "each channel is on only while it is held, for 5 min yet." in page
    assert page.count("<ac-hold") == 4
    assert (await web.post("/api/v1/relays/test/end", data={"board": "bar"})).status_code == 200
    assert (await car.page("/relays")).count("<ac-hold") == 0
    await car.call("switch.turn_on", {"entity": LIGHT})
    refused = await web.post("/api/v1/relays/test", data={"board": "bar"})
    assert (refused.status_code, "turn it off" in refused.text) == (409, True)

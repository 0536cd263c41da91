"""Who is answered: the chats of the configuration and those that came with a code; strangers hear nothing."""

from __future__ import annotations

import pytest

from autocore.api import InvalidData, PermissionDenied, Refused, Role, UnknownName
from autocore.testing import Car
from tests.plugins.telegram.bot_api import BotApi
from tests.plugins.telegram.vehicle import listening, logged, now_s, paired, tell, waits


async def heard_out(car: Car, server: BotApi, last: str = "/help") -> None:
    """Wait until the bot has answered the known chat 7, and so everybody before."""
    before = len(server.texts(7))
    await server.say(last, at_s=now_s(car))
    await car.until(lambda: len(server.texts(7)) > before)


async def test_a_stranger_hears_nothing_and_is_logged_once(car: Car, server: BotApi) -> None:
    await paired(car, server)
    for text in ("/start", "/status", "/pair 12345678", "/on Winch", "hello"):
        await server.say(text, at_s=now_s(car), chat=666)
    await server.press_data("0000:yes", chat=666)
    await heard_out(car, server)
    assert server.texts(666) == []
    assert [one.method for one in server.requests if one.method == "answerCallbackQuery"] == []
    await car.stop()
    assert len([one for one in logged(car) if "chat 666 is not paired" in one]) == 1


async def test_a_chat_with_the_code_is_let_in_with_its_role_and_stays_after_a_restart(car: Car, server: BotApi) -> None:
    await paired(car, server, chats="[]", greets=False)
    await waits(car, 1)
    answer = await car.call("telegram.pair", {"role": "technician"})
    assert answer["code"] in answer["message"]
    await server.say("/start", at_s=now_s(car), chat=9)
    await car.until(lambda: server.texts(9))
    assert "/pair" in server.texts(9)[0]
    await server.say(f"/pair {answer['code']}", at_s=now_s(car), chat=9, name="Bia")
    await car.until(lambda: len(server.texts(9)) == 3)
    # What was told before anybody was there arrives now.
    assert any("This chat is paired" in one for one in server.texts(9))
    assert any("The gateway has started" in one for one in server.texts(9))
    page = await car.page("/telegram")
    assert "Bia" in page
    await car.stop()
    await paired(car, server, chats="[]", greets=False)
    await server.say("/help", at_s=now_s(car), chat=9)
    await car.until(lambda: any("/on NAME" in one for one in server.texts(9)))
    # The code was good once.
    await server.say(f"/pair {answer['code']}", at_s=now_s(car), chat=10)
    await server.say("/help", at_s=now_s(car), chat=9)
    await car.until(lambda: len([one for one in server.texts(9) if "/on NAME" in one]) == 2)
    assert server.texts(10) == []


async def test_five_wrong_codes_lock_pairing_for_ten_minutes(car: Car, server: BotApi) -> None:
    await paired(car, server)
    code = (await car.call("telegram.pair"))["code"]
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for number in range(5):
        await server.say(f"/pair {wrong}", at_s=now_s(car), chat=666 + number)
    await server.say(f"/pair {code}", at_s=now_s(car), chat=700)
    await heard_out(car, server)
    assert server.texts(700) == []
    assert "locked" in server.texts(670)[0]
    with pytest.raises(Refused, match="locked"):
        await car.call("telegram.pair")
    await car.advance(601)
    fresh = (await car.call("telegram.pair"))["code"]
    await server.say(f"/pair {fresh}", at_s=now_s(car), chat=701)
    await car.until(lambda: server.texts(701) == ["This chat is paired. /help says what you can do."])


async def test_a_code_is_good_for_ten_minutes(car: Car, server: BotApi) -> None:
    await paired(car, server)
    code = (await car.call("telegram.pair"))["code"]
    await car.advance(601)
    await server.say(f"/pair {code}", at_s=now_s(car), chat=8)
    await heard_out(car, server)
    assert server.texts(8) == []


async def test_an_unpaired_chat_is_a_stranger_and_what_waits_for_it_is_dropped(car: Car, server: BotApi) -> None:
    await paired(car, server)
    code = (await car.call("telegram.pair"))["code"]
    await server.say(f"/pair {code}", at_s=now_s(car), chat=8)
    await car.until(lambda: server.texts(8))
    await server.stop()
    tell(car, "one")
    await waits(car, 2)
    await car.call("telegram.unpair", {"chat": 8})
    await waits(car, 1)
    with pytest.raises(UnknownName):
        await car.call("telegram.unpair", {"chat": 8})
    with pytest.raises(Refused, match="configuration"):
        await car.call("telegram.unpair", {"chat": 7})
    with pytest.raises(InvalidData, match="not paired"):
        await car.call("telegram.send", {"text": "x", "chat": 8})


async def test_a_chat_of_the_configuration_cannot_be_paired_to_a_higher_role(car: Car, server: BotApi) -> None:
    await paired(car, server, chats="[{id: 7, role: viewer}]")
    code = (await car.call("telegram.pair", {"role": "admin"}))["code"]
    await server.say(f"/pair {code}", at_s=now_s(car))
    await car.until(lambda: server.texts(7))
    assert "stands in the configuration" in server.texts(7)[0]


@pytest.mark.parametrize("service", ["telegram.pair", "telegram.unpair"])
async def test_only_administrators_pair_and_unpair(car: Car, service: str) -> None:
    await car.start("telegram:")
    with pytest.raises(PermissionDenied):
        await car.call(service, {}, Role.TECHNICIAN)
    with pytest.raises(PermissionDenied):
        await car.call("telegram.send", {"text": "x"}, Role.VIEWER)


async def test_pairing_comes_back_after_the_server_was_away(car: Car, server: BotApi) -> None:
    await paired(car, server)
    await server.stop()
    await car.until(lambda: car.value("binary_sensor.telegram_connected") is False)
    await server.start()
    for _ in range(20):
        await car.advance(5)
    await listening(car, server)
    await heard_out(car, server)

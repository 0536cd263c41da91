"""What a chat can ask of the vehicle, and that nothing moves without a Yes that came in time."""

from __future__ import annotations

from typing import Any

import pytest

from autocore.api import Cause, Limits
from autocore.core.model import Quality
from autocore.testing import Car, FakeBoard
from tests.plugins.telegram.bot_api import BotApi, seen
from tests.plugins.telegram.vehicle import listening, now_s, paired, section

RELAYS = """
relays:
  boards:
    - device: board
      name: Relay board
      answer_within: 2s
      channels:
        1: {name: Winch}
        2: {name: Work lights}
        3: {name: Rock lights}
"""


async def vehicle(car: Car, server: BotApi, chats: str = "[7]", more: str = "") -> FakeBoard:
    await paired(car, server, more + RELAYS, chats=chats)
    board = car.board("board", channels=3, name="Front board")
    await car.until(lambda: board.is_welcomed)
    await car.settle()
    server.messages.clear()
    return board


async def ask(car: Car, server: BotApi, text: str, **who: Any) -> dict[str, Any]:
    before = len(server.messages)
    await server.say(text, at_s=who.pop("at_s", now_s(car)), **who)
    await car.until(lambda: len(server.messages) > before)
    return server.messages[-1]


async def pressed(car: Car, server: BotApi, label: str, **who: Any) -> str:
    before = len(server.edits)
    await server.press(label, **who)
    await car.until(lambda: len(server.edits) > before)
    return seen(server.edits[-1]["text"])


def labels(message: dict[str, Any]) -> list[str]:
    return [button["text"] for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


async def test_the_winch_turns_on_after_a_yes_and_the_board_is_believed(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    question = await ask(car, server, "/on winch")
    assert (seen(question["text"]), labels(question)) == ("Turn on Winch?", ["Yes", "No"])
    assert board.commands == []
    assert await pressed(car, server, "Yes") == "✅ Winch: the board reports on."
    assert board.channels[1] is True
    state = car.entity("switch.winch").state
    assert state.cause is not None
    assert (state.cause.via, state.cause.who) == ("telegram", "7")
    question = await ask(car, server, "/off@landy_bot Winch")
    assert await pressed(car, server, "Yes") == "✅ Winch: the board reports off."


async def test_a_no_does_nothing_and_an_answer_counts_once(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    await ask(car, server, "/on winch")
    assert await pressed(car, server, "No") == "Nothing was done."
    assert "too late" in await pressed(car, server, "Yes")
    assert board.commands == []


async def test_a_yes_after_a_minute_comes_too_late(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    await ask(car, server, "/on winch")
    await car.advance(61)
    assert "too late" in await pressed(car, server, "Yes")
    assert board.commands == []


async def test_a_stop_stops_everything_at_once_and_no_chat_resets_it(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server, chats="[{id: 7, role: viewer}]")
    await car.call("switch.turn_on", {"entity": "switch.winch"})
    assert "Everything was told to stop." in seen((await ask(car, server, "/stop"))["text"])
    assert board.channels[1] is False
    assert car.core.safeguards.is_stopped
    assert (await ask(car, server, "/reset"))["text"] == "There is no such command; /help lists them."


async def test_a_stop_that_comes_minutes_late_stops_nothing(car: Car, server: BotApi) -> None:
    await vehicle(car, server)
    assert "too old" in seen((await ask(car, server, "/stop", at_s=now_s(car) - 31))["text"])
    assert not car.core.safeguards.is_stopped


async def test_only_who_asked_may_answer(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server, chats="[7, -5]")
    await ask(car, server, "/on winch", chat=-5, user=1)
    assert "too late" in await pressed(car, server, "Yes", chat=-5, user=2)
    assert "too late" in await pressed(car, server, "Yes", chat=7, user=1)
    assert board.commands == []
    assert await pressed(car, server, "Yes", chat=-5, user=1) == "✅ Winch: the board reports on."


async def test_an_old_command_is_never_carried_out(car: Car, server: BotApi) -> None:
    await vehicle(car, server)
    answer = await ask(car, server, "/on winch", at_s=now_s(car) - 31)
    assert (seen(answer["text"]), labels(answer)) == ("This came too old; send it again if you still want it.", [])
    answer = await ask(car, server, "/status", at_s=now_s(car) - 3_000)  # asking is never too old
    assert "Devices online: 1 of 1" in seen(answer["text"])


@pytest.mark.parametrize("quality", [Quality.RTC, Quality.UNSET])
async def test_without_a_trusted_clock_what_was_said_before_the_bot_was_there_is_too_old(
    car: Car, server: BotApi, quality: Quality
) -> None:
    wall_ns, _ = car.clock.wall_ns()
    car.clock.set_wall(wall_ns, quality)
    await server.say("/on winch", at_s=1_000)
    await car.start(section(server) + RELAYS)
    await car.until(lambda: any("too old" in one for one in server.texts()))
    await listening(car, server)
    await car.until(lambda: any("has started" in one for one in server.texts()))
    car.board("board", channels=3)
    await car.settle()
    assert seen((await ask(car, server, "/on winch", at_s=1_000))["text"]) == "Turn on Winch?"


async def test_a_press_that_waited_while_there_was_no_network_does_nothing(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    await ask(car, server, "/on winch")
    await server.stop()
    await car.until(lambda: car.value("binary_sensor.telegram_connected") is False)
    await server.press("Yes")
    await server.start()
    for _ in range(4):
        await car.advance(1)
    await car.until(lambda: server.edits)
    assert "too late" in seen(server.edits[-1]["text"])
    assert board.commands == []
    await listening(car, server)


async def test_a_viewer_looks_and_does_not_switch(car: Car, server: BotApi) -> None:
    await vehicle(car, server, chats="[{id: 7, role: viewer}]")
    answer = await ask(car, server, "/on winch")
    assert (seen(answer["text"]), labels(answer)) == ("You may look, but not switch; an administrator can change that.", [])
    assert "/on" not in seen((await ask(car, server, "/help"))["text"])
    assert "Front board: Online" in seen((await ask(car, server, "/devices"))["text"])


async def test_a_chat_that_lost_its_role_between_question_and_yes_is_refused(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    code = (await car.call("telegram.pair"))["code"]
    await ask(car, server, f"/pair {code}", chat=8)
    await ask(car, server, "/on winch", chat=8)
    code = (await car.call("telegram.pair", {"role": "viewer"}))["code"]
    await ask(car, server, f"/pair {code}", chat=8)
    assert "nothing was done" in await pressed(car, server, "Yes", chat=8)
    assert board.commands == []


async def test_an_ambiguous_name_is_offered_as_buttons(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    question = await ask(car, server, "/on lights")
    assert labels(question) == ["Rock lights", "Work lights", "None of these"]
    assert await pressed(car, server, "Work lights") == "Turn on Work lights?"
    assert board.commands == []
    assert await pressed(car, server, "Yes") == "✅ Work lights: the board reports on."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/on", "Which one?"),
        ("/on wnich", "Turn on Winch?"),
        ("/off <b>", "There is no switch <b>; send the command without a name to choose one."),
        ("/dance", "There is no such command; /help lists them."),
        ("/pair 123", "This chat is paired."),
    ],
)
async def test_what_is_not_clear_is_answered(car: Car, server: BotApi, text: str, words: str) -> None:
    await vehicle(car, server)
    assert seen((await ask(car, server, text))["text"]) == words


async def test_a_board_that_is_away_is_said(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    await ask(car, server, "/on winch")
    board.disconnect()
    said = await pressed(car, server, "Yes")
    assert said.startswith("❗ Winch: nothing was done.\n")
    assert "not online" in said


async def test_a_board_that_stays_silent_is_said(car: Car, server: BotApi) -> None:
    board = await vehicle(car, server)
    board.is_silent = True
    await ask(car, server, "/on winch")
    await server.press("Yes")
    await car.until(lambda: board.commands)
    await car.advance(30)
    await car.until(lambda: server.edits)
    assert "whether it acted is not known" in seen(server.edits[-1]["text"])


async def test_the_status_tells_of_boards_alarms_and_values(car: Car, server: BotApi) -> None:
    more = "  language: pt-BR\n"
    board = await vehicle(car, server, more=more + "telemetry:\nautocore: {name: Blue bus}\n")
    board.measure(battery_voltage=12.61, coolant_temperature=88)
    await car.settle()
    board.disconnect()
    shown = seen((await ask(car, server, "/status"))["text"])
    assert shown.startswith("Blue bus · ")
    assert "Dispositivos online: 0 de 1" in shown
    assert "Nenhum valor está fora dos limites." in shown


async def test_the_status_tells_the_critical_first(car: Car, server: BotApi) -> None:
    quiet = "telemetry:\nnotifications: {limits: false}\n"  # else the alarm itself could arrive before the answer
    board = await vehicle(car, server, more=quiet)
    board.measure(oil_temperature=131, fridge_temperature=9.5)
    await car.settle()
    for name, limits in (("fridge", Limits(warn_above=8)), ("oil", Limits(critical_above=120))):
        entity = next(one for one in car.core.entities if name in one.id)
        car.core.entities.override(entity.id, {"limits": limits}, Cause("cli", "test"))
    await car.settle()
    lines = seen((await ask(car, server, "/status"))["text"]).splitlines()
    assert [line.partition(" · ")[0] for line in lines[2:4]] == ["🚨 Critical", "⚠️ Warning"]
    assert "Oil temperature: 131.0 °C" in lines[2]


async def test_a_switch_that_stays_silent_is_known_after_the_plugin_alone_was_restarted(car: Car, server: BotApi) -> None:
    await vehicle(car, server)
    assert car._gateway is not None
    assert car._gateway.plugins is not None
    await car._gateway.plugins.reload("telegram")
    await listening(car, server)
    assert seen((await ask(car, server, "/on winch"))["text"]) == "Turn on Winch?"


async def test_talk_in_a_group_is_left_alone(car: Car, server: BotApi) -> None:
    await vehicle(car, server)
    await server.say("hello everybody", at_s=now_s(car))
    await ask(car, server, "/devices")
    assert len(server.messages) == 1

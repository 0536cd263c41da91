"""What the vehicle tells arrives: once, in order, with the time it was said, whatever the network does."""

from __future__ import annotations

import re

import pytest

from autocore.api import Notice, Notification, Severity
from autocore.core.model import Quality
from autocore.testing import Car
from tests.plugins.telegram.bot_api import Answer, BotApi
from tests.plugins.telegram.vehicle import (
    NS,
    catches_up,
    hand_over,
    is_held,
    listening,
    local,
    logged,
    now_s,
    paired,
    pauses,
    section,
    tell,
    waits,
)

HOUR_S = 3_600.0


async def test_what_the_vehicle_tells_arrives(car: Car, server: BotApi) -> None:
    await paired(car, server)
    tell(car, "The coolant is hot", title="Engine", severity="critical")
    await car.until(server.texts)
    assert server.texts() == ["🚨 Critical: Engine\nThe coolant is hot"]
    await waits(car, 0)
    assert car.value("binary_sensor.telegram_connected") is True
    await car.stop()
    assert [line for line in logged(car) if "telegram" in line and " INFO " not in line] == []


async def test_fifty_messages_of_two_hours_without_a_network_arrive_grouped_with_their_times(car: Car, server: BotApi) -> None:
    await paired(car, server)
    await server.stop()
    said: list[tuple[str, str]] = []
    for number in range(50):
        await car.advance(2 * HOUR_S / 50)
        if number == 25:  # the gateway restarts in the tunnel
            await waits(car, 25)
            await car.stop()
            await car.start(section(server))
            await waits(car, 27)  # it tells that it stopped and started
        said.append((f"{local(now_s(car)):%H:%M}", f"event {number:02} & <more> of it, which takes a few words to tell properly"))
        tell(car, said[-1][1])
        await waits(car, number + 1 + 2 * (number >= 25))
    await catches_up(car, server)
    assert len(server.messages) == 2
    whole = "\n".join(server.texts())
    assert whole.startswith("52 messages were waiting:\n")
    assert re.findall(r"^(?:\S+ )?(\d\d:\d\d) \S+ Info · engine: (.*)$", whole, re.MULTILINE) == said


async def test_a_message_that_is_late_says_when_it_was(car: Car, server: BotApi) -> None:
    await paired(car, server)
    await server.stop()
    when = f"{local(now_s(car)):%H:%M}"
    tell(car, "The door opened")
    await waits(car, 1)
    await car.advance(90)
    await catches_up(car, server)
    assert server.texts() == [f"ℹ️ Info: engine\nThe door opened\n{when}"]  # noqa: RUF001  # the sign


async def test_without_a_clock_a_late_message_says_how_long_ago_it_was(car: Car, server: BotApi) -> None:
    car.clock.set_wall(None)
    await paired(car, server)
    await server.stop()
    tell(car, "The door opened")
    await waits(car, 1)
    await car.advance(1_800)
    await catches_up(car, server)
    assert re.fullmatch(r"3\d min ago", server.texts()[0].splitlines()[-1])


async def test_telegram_is_left_alone_for_as_long_as_it_asks(car: Car, server: BotApi) -> None:
    await paired(car, server)
    server.refusals = [Answer(429, "Too Many Requests: retry after 17", {"retry_after": 17})]
    tell(car, "one")
    await car.until(lambda: is_held(car))
    await car.advance(16)
    tell(car, "two")
    await waits(car, 2)
    await car.settle()
    assert server.texts() == []
    await car.advance(1.1)
    await waits(car, 0)
    assert [one.splitlines()[1] for one in server.texts()] == ["one", "two"]
    assert car.value("binary_sensor.telegram_connected") is True


async def test_a_failing_network_is_tried_ever_more_rarely(car: Car, server: BotApi) -> None:
    await paired(car, server)
    server.refusals = [Answer(502, "Bad Gateway")] * 7
    tell(car, "one")
    for number, delay_s in enumerate((1, 2, 5, 15, 60, 60, 60)):
        await car.until(lambda wanted=6 - number: len(server.refusals) == wanted)  # type: ignore[misc]
        await car.until(lambda delay_s=delay_s: pauses(car, delay_s))  # type: ignore[misc]
        await car.until(lambda: car.value("binary_sensor.telegram_connected") is False)
        await car.advance(delay_s - 0.1)
        assert len(server.refusals) == 6 - number
        await car.advance(0.1)
    await waits(car, 0)
    assert len(server.texts()) == 1


async def test_a_message_that_was_not_acknowledged_comes_again_and_none_is_lost(car: Car, server: BotApi) -> None:
    await paired(car, server)
    server.unacknowledged = 1
    tell(car, "one")
    await car.until(lambda: len(server.messages) == 1 and car.value("binary_sensor.telegram_connected") is False)
    tell(car, "two")
    await waits(car, 2)
    await car.until(lambda: pauses(car, 1))
    await car.advance(1)
    await waits(car, 0)
    assert [one.splitlines()[1] for one in server.texts()] == ["one", "one", "two"]


async def test_what_is_told_is_shown_as_it_stands(car: Car, server: BotApi) -> None:
    await paired(car, server)
    tell(car, "<a href='x'>5 & 6</a> </b>", title="<b>&amp;")
    await car.until(server.texts)
    assert server.texts() == ["ℹ️ Info: <b>&amp;\n<a href='x'>5 & 6</a> </b>"]  # noqa: RUF001  # the sign
    assert "&lt;a href='x'&gt;5 &amp; 6" in server.messages[0]["text"]


async def test_a_chat_that_blocked_the_bot_is_sent_nothing_until_it_writes_again(car: Car, server: BotApi) -> None:
    await paired(car, server, chats="[7, 8]")
    server.blocked = {7}
    for text in ("one", "two"):
        tell(car, text)
        await car.until(lambda wanted=text: any(wanted in one for one in server.texts(8)))  # type: ignore[misc]
        await waits(car, 0)
    await car.until(lambda: any("does not want" in one for one in logged(car)))
    assert len([one for one in logged(car) if "does not want to hear" in one]) == 1
    server.blocked = set()
    await server.say("/help", at_s=now_s(car))
    await car.until(lambda: server.texts(7))
    tell(car, "three")
    await car.until(lambda: any("three" in one for one in server.texts(7)))


@pytest.mark.parametrize("others", [0, 6], ids=["alone", "in a group"])
async def test_a_message_that_telegram_refuses_is_dropped_alone(car: Car, server: BotApi, others: int) -> None:
    await paired(car, server)
    server.poisonous = "poison"
    await server.stop()
    for number in range(others):
        tell(car, f"event {number}")
    await waits(car, others)
    tell(car, "poison")
    await waits(car, others + 1)
    await catches_up(car, server)
    assert [one.splitlines()[1] for one in server.texts()] == [f"event {number}" for number in range(others)]
    await car.stop()
    assert len([one for one in logged(car) if "refuses a message" in one]) == 1


async def test_at_night_only_what_is_critical_is_sent_at_once(car: Car, server: BotApi) -> None:
    night = local(now_s(car)).replace(hour=6, minute=40, second=0)
    car.clock.set_wall(round(night.timestamp() * NS))
    await paired(car, server, "  quiet_hours: {from: 22:00, to: '07:00'}\n", greets=False)
    await waits(car, 1)
    tell(car, "The fridge is warm", severity="error")
    await waits(car, 2)
    tell(car, "Smoke", severity="critical")
    await car.until(server.texts)
    assert server.texts() == ["🚨 Critical: engine\nSmoke"]
    await waits(car, 2)
    assert "Quiet hours" in await car.page("/telegram")
    await car.advance(19 * 60)
    await car.settle()
    assert len(server.texts()) == 1
    await car.advance(120)
    await waits(car, 0)
    assert [one.splitlines()[1] for one in server.texts()] == ["Smoke", "The gateway has started", "The fridge is warm"]


async def test_a_chat_gets_what_matters_enough_to_it(car: Car, server: BotApi) -> None:
    chats = "[{id: 7, minimum: critical}, {id: 8}, {id: 9, minimum: info}]"
    await paired(car, server, "  minimum_severity: warning\n", chats=chats, greets=False)
    for severity in Severity:
        tell(car, f"it is {severity}", severity=severity)
        await car.until(lambda wanted=severity: any(f"it is {wanted}" in one for one in server.texts(9)))  # type: ignore[misc]
    await waits(car, 0)
    assert [one.splitlines()[1] for one in server.texts(7)] == ["it is critical"]
    assert [one.splitlines()[1] for one in server.texts(8)] == ["it is warning", "it is error", "it is critical"]


async def test_what_somebody_sends_goes_to_all_whatever_their_minimum_or_to_one(car: Car, server: BotApi) -> None:
    await paired(car, server, "  minimum_severity: critical\n", chats="[7, 8]", greets=False)
    await car.call("telegram.send", {"text": "Lunch is ready"})
    await car.until(lambda: len(server.texts()) == 2)
    car.publish("autocore/telegram/send", {"text": "only you", "chat": 8, "severity": "warning", "title": "Psst"})
    await car.until(lambda: len(server.texts()) == 3)
    assert server.texts(8)[-1] == "⚠️ Warning: Psst\nonly you"


def notices(count: int, severity: Severity = Severity.INFO, first: int = 1) -> Notification:
    return Notification(tuple(Notice(first + one, "", f"event {first + one}", severity, "s", None, 1.0) for one in range(count)))


async def test_a_notice_that_is_handed_over_twice_is_sent_once(car: Car, server: BotApi) -> None:
    await car.start("telegram: {chats: [7]}")
    await waits(car, 1)
    assert await hand_over(car, notices(3)) is True
    assert await hand_over(car, notices(4)) is True
    await waits(car, 5)


async def test_when_too_many_wait_the_oldest_of_the_least_important_go_and_the_next_message_says_so(
    car: Car, server: BotApi
) -> None:
    await car.start("telegram: {chats: [7]}")
    await waits(car, 1)
    await hand_over(car, notices(2, Severity.ERROR))
    for first in range(100, 1_100, 100):
        await hand_over(car, notices(100, first=first))
    await waits(car, 1_000)
    await car.stop()
    await car.start(section(server))
    await car.until(lambda: server.texts() and car.value("sensor.telegram_waiting") == 0)
    await waits(car, 0)
    await car.call("telegram.send", {"text": "One more"})  # which tells of what was dropped while the others were sent
    await car.until(lambda: any("One more" in one for one in server.texts()))
    whole = "\n".join(server.texts())
    found = [int(one) for one in re.findall(r"event (\d+)$", whole, re.MULTILINE)]
    assert found[:2] == [1, 2]
    assert found[2:] == list(range(1_100 - len(found[2:]), 1_100))
    lost = [int(one) for one in re.findall(r"(\d+) less important messages? w", whole)]
    others = whole.count("The gateway")
    told = 1_002 + 2 + whole.count("The gateway has started")  # it started, it stopped; and it told of its second start
    assert sum(lost) + len(found) + others == told
    assert "The gateway stops" in whole


async def test_a_token_that_telegram_refuses_is_said_on_the_page_and_once_in_the_log(car: Car, server: BotApi) -> None:
    server.refuses_token = True
    await car.start(section(server))
    await car.until(lambda: len(server.requests) >= 2)
    await car.advance(60)
    assert "Telegram refuses the token" in await car.page("/telegram")
    assert len([one for one in logged(car) if "cannot be used" in one]) == 1
    server.refuses_token = False
    await car.advance(60)
    await listening(car, server)
    await waits(car, 0)


async def test_an_unset_clock_never_makes_an_hour_quiet(car: Car, server: BotApi) -> None:
    car.clock.set_wall(None, Quality.UNSET)
    await paired(car, server, "  quiet_hours: {from: '00:00', to: '23:59'}\n", greets=False)
    tell(car, "one")
    await car.until(lambda: any("one" in text for text in server.texts()))

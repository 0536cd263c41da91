"""Without a token it runs and says what to do; and the token is nowhere to be read."""

from __future__ import annotations

import html
import json
import logging

import pytest

from autocore.core.plugins import Condition
from autocore.testing import Car
from tests.plugins.telegram.bot_api import TOKEN, BotApi
from tests.plugins.telegram.vehicle import diagnostics, logged, paired, tell, waits

SECRET = TOKEN.partition(":")[2]


async def test_without_a_token_it_runs_and_everything_waits(car: Car) -> None:
    await car.start("telegram:")
    await waits(car, 1)
    assert car.value("binary_sensor.telegram_connected") is False
    assert await car.call("telegram.send", {"text": "Lunch", "title": "Crew", "severity": "warning"}) == {"waiting": 2}
    car.publish("autocore/telegram/send", {"text": "from a board"})
    await waits(car, 3)
    tell(car, "The door is open")
    await waits(car, 4)
    status = car.plugin("telegram")
    assert status.condition is Condition.RUNNING
    assert "autocore/telegram/send" in status.topics
    assert set(status.services) == {"telegram.send", "telegram.pair", "telegram.unpair"}


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": 5}, {"text": "x", "severity": "loud"}, {"text": "x" * 4_000}, {"text": "x", "chat": 99}],
    ids=str,
)
async def test_a_message_that_cannot_be_sent_is_refused_and_the_next_one_counts(car: Car, body: object) -> None:
    await car.start("telegram: {chats: [7]}")
    await waits(car, 1)
    car.publish("autocore/telegram/send", body)
    car.publish("autocore/telegram/send", {"text": "good"})
    await waits(car, 2)
    await car.settle()
    assert car.plugin("telegram").errors == 0


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("There is no bot yet", "@BotFather", "Not paired with a bot", "No chat is paired yet", "Make a code")),
        ("pt-BR", ("Ainda não há um bot", "@BotFather", "Não pareado com um bot", "Nenhum chat está pareado", "Gerar um código")),
    ],
)
async def test_an_empty_page_says_what_to_do(car: Car, language: str, words: tuple[str, ...]) -> None:
    await car.start("telegram:")
    page = html.unescape(await car.page("/telegram", language))
    for one in words:
        assert one in page
    assert "style=" not in page.partition("<main")[2]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Connected", "Ana", "technician", "Landy")), ("pt-BR", ("Conectado", "Ana", "técnico", "Landy"))],
)
async def test_the_page_shows_who_is_paired(car: Car, server: BotApi, language: str, words: tuple[str, ...]) -> None:
    await paired(car, server, chats="[{id: 7, name: Ana, role: technician}]")
    page = html.unescape(await car.page("/telegram", language))
    for one in words:
        assert one in page


async def test_a_code_is_made_on_the_page(car: Car) -> None:
    await car.start("telegram: {language: pt-BR}")
    client = await car.web()
    answer = await client.post("/services/telegram.pair", data={"role": "viewer"})
    assert answer.status_code == 200
    assert "Envie isto ao bot em até dez minutos: /pair " in answer.text


async def test_the_token_is_in_no_log_page_or_diagnosis(
    car: Car, server: BotApi, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    lines: list[str] = []

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter().format(record))

    names = ("httpx", "httpcore", "telegram")
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).addHandler(Everything())
    try:
        await paired(car, server)
        tell(car, "one")
        await car.until(server.texts)
        pages = [await car.page("/telegram"), json.dumps(await diagnostics(car))]
        server.refuses_token = True
        tell(car, "two")
        await waits(car, 1)
        await server.stop()
        await car.until(lambda: car.value("binary_sensor.telegram_connected") is False)
        pages += [await car.page("/telegram"), json.dumps(await diagnostics(car))]
        await car.stop()
    finally:
        for name in names:
            logging.getLogger(name).setLevel(logging.NOTSET)
            logging.getLogger(name).handlers.clear()
    shown = "\n".join([*lines, *logged(car), *pages, *caplog.messages, *capfd.readouterr()])
    assert len([one for one in lines if "sendMessage" in one]) > 0
    assert SECRET not in shown


async def test_diagnostics_count_and_tell_no_secret(car: Car) -> None:
    await car.start(f"telegram: {{token: '{TOKEN}', chats: [7, 8], base_url: 'http://127.0.0.1:9'}}")
    await waits(car, 2)
    facts = await diagnostics(car)
    assert (facts["chats"], facts["waiting"], facts["has_token"], facts["is_connected"]) == (2, 2, True, False)
    assert "7" not in json.dumps(facts["problem"])

"""A hand in a browser, one in a program: what they hold is on while they beat, and off when they or their way here are gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from autocore.simulator.connection import Broker
from autocore.simulator.link import Card, DeviceLink
from autocore.simulator.relay_board import RelayBoard
from autocore.simulator.rules import BoardRules
from tests.conftest import Running, Start, eventually
from tests.web.test_live import Socket, live

CONFIG = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
relays: {boards: [{device: bar, channels: {1: {name: Winch, type: momentary}, 2: {name: Light}}}]}
logging: {level: error}
"""
WINCH = "switch.winch"
TRIES = 8  # on a machine that is busy a board refuses what is 300 ms old


@pytest.fixture
async def gateway(start: Start) -> AsyncIterator[Running]:
    """A gateway and its Mosquitto, with a board that keeps all rules of the protocol."""
    made = await start(CONFIG)
    stop = asyncio.Event()
    card = Card("bar", "relay_board", "bar", ("relays",), channels=4)
    board = RelayBoard(DeviceLink(card, Broker(made.broker.host, made.broker.port)), BoardRules(count=4))
    task = asyncio.create_task(board.run(stop))
    await eventually(lambda: made.has(WINCH, False))
    await eventually(lambda: made.obeys("bar"))
    yield made
    stop.set()
    await task


async def beating(socket: Socket, number: int, s: float) -> None:
    """Answer each tick with a beat, for so long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(s):
            while True:
                await socket.say(beat={"id": number, "tick": await socket.hear("tick")})


async def test_a_winch_pulls_while_the_page_answers_each_tick(gateway: Running) -> None:
    async with live(gateway) as socket:
        for number in range(TRIES):
            await socket.say(hold={"id": number, "entity": WINCH})
            await beating(socket, number, 1.5)
            if await gateway.has(WINCH, True):
                break
        await socket.say(release=number)
        assert await socket.hear("released") == {"id": number, "reason": "released"}
        await eventually(lambda: gateway.has(WINCH, False))


async def test_a_page_that_is_silent_holds_for_half_a_second(gateway: Running) -> None:
    async with live(gateway) as socket:
        for _ in range(TRIES):
            await socket.say(hold={"id": "a", "entity": WINCH})
            result = await socket.hear("result")
            if result["ok"]:
                break
        assert (result["id"], result["ok"], result["entity"]) == ("a", True, WINCH)
        assert "lease" not in result
        assert (await socket.hear("released"))["reason"] in ("no_beat", "board")
        await eventually(lambda: gateway.has(WINCH, False))


async def test_a_socket_that_is_gone_lets_go(gateway: Running) -> None:
    async with live(gateway) as socket:
        for number in range(TRIES):
            await socket.say(hold={"id": number, "entity": WINCH})
            await beating(socket, number, 0.6)
            if await gateway.has(WINCH, True):
                break
    await eventually(lambda: gateway.has(WINCH, False))
    rows = (await gateway.client.get("/api/v1/audit?limit=5")).json()["items"]
    assert "gone: held for" in next(one["detail"] for one in rows if one["service"] == "switch.release")


async def test_what_is_wrong_gets_one_sentence(gateway: Running) -> None:
    async with live(gateway) as socket:
        for entity, code in (("switch.light", "not_momentary"), ("switch.nothing", "unknown"), ("nonsense", "unknown")):
            await socket.say(hold={"id": 1, "entity": entity})
            result = await socket.hear("result")
            assert (result["ok"], result["code"]) == (False, code), result
        await socket.say(beat={"id": 7, "tick": 1})
        await socket.say(release=7)
        await socket.say(ping=1)
        assert await socket.hear("pong") == 1


async def held_for_a_second(gateway: Running) -> tuple[str, int]:
    for _ in range(TRIES):
        begun = await gateway.client.post("/api/v1/holds", json={"entity": WINCH})
        if begun.status_code != 201:
            continue
        word: dict[str, Any] = begun.json()
        assert (word["beat_every_ms"], word["lapses_after_ms"]) == (100, 500)
        lease, tick = word["lease"], word["tick"]
        for _ in range(10):
            answer = await gateway.client.post(f"/api/v1/holds/{lease}/beat", json={"tick": tick})
            if answer.status_code != 200:
                break
            tick = answer.json()["tick"]
            await asyncio.sleep(0.05)
        else:
            return lease, tick
    raise AssertionError("no hold lasted for a second")


async def test_a_program_holds_with_a_lease(gateway: Running) -> None:
    lease, tick = await held_for_a_second(gateway)
    second = await gateway.client.post("/api/v1/holds", json={"entity": WINCH})
    assert (second.status_code, second.json()["code"]) == (409, "held_by")
    assert second.json()["detail"] == "Winch is held by ana"
    await gateway.client.post(f"/api/v1/holds/{lease}/beat", json={"tick": tick})
    held = (await gateway.client.get("/api/v1/holds")).json()["items"]
    assert [(one["entity"], one["who"]) for one in held] == [(WINCH, "ana")]
    assert (await gateway.client.delete(f"/api/v1/holds/{lease}")).status_code == 204
    await eventually(lambda: gateway.has(WINCH, False))
    assert (await gateway.client.post(f"/api/v1/holds/{lease}/beat", json={"tick": tick})).status_code == 404

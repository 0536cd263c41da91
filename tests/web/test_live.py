"""The live socket: what changed arrives, calls are answered, and whoever lost the right is gone at once."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from autocore.web import patience
from autocore.web.live import INTERESTS
from tests.conftest import PASSWORD, Running, Start, eventually
from tests.web.test_rest import send


class Socket:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **body: Any) -> None:
        await self.socket.send(json.dumps(body))

    async def hear(self, name: str) -> Any:
        async with asyncio.timeout(8):
            while True:
                body = json.loads(await self.socket.recv())
                if name in body:
                    return body[name]


@asynccontextmanager
async def live(gateway: Running, token: str | None = None, **headers: str) -> AsyncIterator[Socket]:
    bearer = {"Authorization": f"Bearer {token or gateway.token}"} if token != "" else {}
    url = f"ws://127.0.0.1:{gateway.gateway.http_port}/api/v1/live"
    async with connect(url, additional_headers=bearer | headers) as connection:
        yield Socket(connection)


async def test_a_snapshot_comes_first_and_then_what_changes(start: Start) -> None:
    gateway = await start()
    await send(gateway, "autocore/telemetry/engine/data", '{"rpm": 800, "speed": 0}')
    async with live(gateway) as socket:
        await socket.say(subscribe={"patterns": ["sensor.engine_*"], "entities": ["sensor.nothing"]})
        snapshot = await socket.hear("snapshot")
        assert snapshot["unknown"] == ["sensor.nothing"]
        await send(gateway, "autocore/telemetry/engine/data", '{"rpm": 900}')
        while True:
            changes = await socket.hear("changes")
            values = {one["id"]: one["value"] for one in changes["states"]}
            if values.get("sensor.engine_rpm") == 900:
                break
        assert changes["seq"] >= snapshot["seq"]


async def test_since_brings_only_what_is_newer_and_unsubscribing_ends_it(start: Start) -> None:
    gateway = await start()
    async with live(gateway) as socket:
        await socket.say(subscribe={"kinds": ["sensor"]})
        first = await socket.hear("snapshot")
        await socket.say(subscribe={"kinds": ["sensor"], "since": 10**15})
        assert (await socket.hear("snapshot"))["states"] == []
        assert first["states"]
        await socket.say(unsubscribe={"kinds": ["sensor"]})
        await socket.say(ping=7)
        assert await socket.hear("pong") == 7


async def test_a_call_is_answered_with_what_the_board_did(vehicle: Running) -> None:
    async with live(vehicle) as socket:
        await socket.say(subscribe={"entities": ["switch.light_bar"], "events": ["device.*"]})
        await socket.say(call={"id": 7, "service": "switch.turn_on", "data": {"entity": "switch.light_bar"}})
        result = await socket.hear("result")
        assert (result["id"], result["ok"], result["outcome"]) == (7, True, "applied")
        await socket.say(call={"id": "x", "service": "switch.turn_on", "data": {"entity": "switch.lightbar"}})
        result = await socket.hear("result")
        assert (result["id"], result["ok"], result["code"], result["nearest"]) == ("x", False, "unknown", "switch.light_bar")


DEEP = '{"call": {"id": 1, "service": "notify.send", "data": ' + '{"a":' * 900 + "1" + "}" * 900 + "}}"


@pytest.mark.parametrize(
    "word", ["{", '{"subscribe": {"entities": [7]}}', '{"hold": {"id": 1}}', "7", "[" * 9_000, DEEP, b"\xff"]
)
async def test_a_wrong_word_is_answered_and_the_socket_stays(start: Start, word: str) -> None:
    gateway = await start()
    async with live(gateway) as socket:
        await socket.socket.send(word)
        assert (await socket.hear("error"))["detail"]
        await socket.say(ping=1)
        assert await socket.hear("pong") == 1


async def test_without_a_name_or_from_another_site_there_is_no_socket(start: Start) -> None:
    gateway = await start()
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with live(gateway, token=""):
            pass
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        async with live(gateway, token="", Cookie=f"autocore_session={gateway.token}", Origin="http://evil.example"):
            pass
    async with live(gateway, token="", Cookie=f"autocore_session={gateway.token}", Origin=gateway.base) as socket:
        await socket.say(ping=1)
        assert await socket.hear("pong") == 1


async def test_a_revoked_token_closes_its_socket_with_4401(start: Start) -> None:
    gateway = await start()
    token = (await gateway.client.post("/api/v1/auth/tokens", json={"name": "display"})).json()
    async with live(gateway, token=token["token"]) as socket:
        await socket.say(ping=1)
        await socket.hear("pong")
        await gateway.client.delete(f"/api/v1/auth/tokens/{token['id']}")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.hear("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


async def test_an_ended_session_closes_its_socket_within_a_second(start: Start) -> None:
    gateway = await start()
    login = (await gateway.client.post("/api/v1/auth/login", json={"username": "ana", "password": PASSWORD})).json()
    sessions = (await gateway.client.get("/api/v1/auth/sessions")).json()["items"]
    (other,) = [one["id"] for one in sessions if not one["is_this"]]
    async with live(gateway, token=login["token"]) as socket:
        await socket.say(ping=1)
        await socket.hear("pong")
        began = asyncio.get_running_loop().time()
        await gateway.client.delete(f"/api/v1/auth/sessions/{other}")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.hear("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        assert asyncio.get_running_loop().time() - began < 1


async def test_another_password_closes_the_sockets_of_the_other_sessions_only(start: Start) -> None:
    gateway = await start()
    login = (await gateway.client.post("/api/v1/auth/login", json={"username": "ana", "password": PASSWORD})).json()
    async with live(gateway) as mine, live(gateway, token=login["token"]) as other:
        body = {"password": "four other random words", "own_password": PASSWORD}
        assert (await gateway.client.put("/api/v1/auth/password", json=body)).status_code == 204
        with pytest.raises(ConnectionClosed) as closed:
            await other.hear("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        await mine.say(ping=1)
        assert await mine.hear("pong") == 1


async def test_a_viewer_sees_and_does_not_switch(start: Start) -> None:
    gateway = await start()
    await gateway.client.post(
        "/api/v1/users", json={"username": "bia", "password": PASSWORD, "role": "viewer", "own_password": PASSWORD}
    )
    login = await gateway.client.post("/api/v1/auth/login", json={"username": "bia", "password": PASSWORD})
    async with live(gateway, token=login.json()["token"]) as socket:
        await socket.say(call={"id": 1, "service": "relays.all_off", "data": {}})
        assert (await socket.hear("result"))["code"] == "forbidden"
        await socket.say(subscribe={"events": ["*"]})
        await socket.hear("snapshot")
        await send(gateway, "autocore/devices/new/status", '{"status": "online", "session": "s"}')
        assert (await socket.hear("event"))["type"].startswith("device.")


@asynccontextmanager
async def deaf(gateway: Running) -> AsyncIterator[ClientConnection]:
    """A client that reads only when the test does: its library takes 16 messages, the kernel some kilobytes."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", gateway.gateway.http_port))
    bearer = {"Authorization": f"Bearer {gateway.token}"}
    url = f"ws://127.0.0.1:{gateway.gateway.http_port}/api/v1/live"
    async with connect(url, additional_headers=bearer, sock=line) as client:
        yield client
        client.transport.abort()  # what it has not sent keeps it from saying goodbye


async def counted(gateway: Running, name: str) -> int:
    text = (await gateway.client.get("/metrics")).text
    return round(float(text.split(f"\n{name}_total ")[1].split()[0]))


async def tell(gateway: Running, amount: int) -> None:
    assert gateway.gateway.core is not None
    for number in range(amount):
        gateway.gateway.core.bus.emit("test.said", {"number": number, "text": "x" * 1_000})
        if number % 50 == 0:
            await asyncio.sleep(0)


async def test_a_page_that_stops_reading_gets_the_newest_and_what_it_misses_is_counted(start: Start) -> None:
    gateway = await start()
    async with deaf(gateway) as client:
        await client.send(json.dumps({"subscribe": {"events": ["test.*"]}}))
        assert "snapshot" in json.loads(await client.recv())
        await tell(gateway, 3_000)
        left_out = await counted(gateway, "autocore_live_left_out")
        assert left_out > 1_000
        numbers: list[int] = []
        async with asyncio.timeout(8):
            while numbers[-1:] != [2_999]:
                word = json.loads(await client.recv())
                numbers += [word["event"]["data"]["number"]] if "event" in word else []
        assert len(numbers) == 3_000 - left_out
        assert numbers == sorted(numbers)


async def test_a_page_that_takes_no_answers_is_not_read_either(start: Start) -> None:
    gateway = await start()
    async with deaf(gateway) as client:
        before = len(asyncio.all_tasks())
        call = json.dumps({"call": {"id": "x" * 1_000, "service": "switch.turn_on", "data": {"entity": "switch.nothing"}}})

        async def ask() -> None:
            for _ in range(20_000):
                await client.send(call)

        asking = asyncio.get_running_loop().create_task(ask())
        await asyncio.wait([asking], timeout=2)
        assert not asking.done()
        assert len(asyncio.all_tasks()) < before + 40
        asking.cancel()


async def test_a_page_that_takes_nothing_for_long_is_cut_and_comes_back_to_the_newest(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "STALLED_S", 0.2)
    gateway = await start()
    before = await counted(gateway, "autocore_web_cut")
    async with deaf(gateway) as client:
        await client.send(json.dumps({"subscribe": {"events": ["test.*"]}}))
        await tell(gateway, 3_000)
        await eventually(lambda: _is_cut(gateway, before))
        with pytest.raises(ConnectionClosed):
            await _hear_all(client)
    async with live(gateway) as again:
        await again.say(ping=1)
        assert await again.hear("pong") == 1


async def _hear_all(client: ClientConnection) -> None:
    while True:
        await client.recv()


async def _is_cut(gateway: Running, before: int) -> bool:
    return await counted(gateway, "autocore_web_cut") > before  # a busy machine may keep another one waiting as long


async def test_a_client_that_subscribes_without_end_is_told_so_and_the_same_subscription_counts_once(start: Start) -> None:
    gateway = await start()
    async with live(gateway) as socket:
        for _ in range(INTERESTS + 5):
            await socket.say(subscribe={"kinds": ["sensor"]})
            await socket.hear("snapshot")
        for number in range(INTERESTS):
            await socket.say(subscribe={"entities": [f"sensor.x{number}"]})
        assert (await socket.hear("error"))["code"] == "too_many"
        await socket.say(unsubscribe={"kinds": ["sensor"]})
        await socket.say(subscribe={"entities": ["sensor.y"]})
        assert (await socket.hear("snapshot"))["unknown"]


async def test_a_client_that_leaves_while_its_call_is_under_way_leaves_no_trace(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = await start()
    for _ in range(20):
        async with live(gateway) as socket:
            for number in range(10):
                await socket.say(call={"id": number, "service": "nothing.there"})
            socket.socket.transport.abort()
    gc.collect()
    await asyncio.sleep(0)
    assert [one for one in caplog.records if one.name == "asyncio"] == []

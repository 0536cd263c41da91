"""R12 with real processes: a gateway, its Mosquitto, a board as a program, and a thumb; the wall clock is read at the board.

The thumb is a page's live socket, a program on REST or a display on MQTT. While it holds, one of them dies: the tab (its
socket is cut), the display or program (it says no more), the Wi-Fi of the thumb or of the board (a proxy forwards and closes
nothing), the broker or the gateway (SIGKILL). The board tells of each change with the machine's monotonic clock, with which
the gateway stamps, too: it must be off 600 ms after the last stamp that the thumb sent, and stay off.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faults.boards import Boards, Told
from tests.faults.gateway import HOST, GatewayProcess, scratch, until
from tests.faults.record import Findings

BOARD, WINCH, DASH = "left", "switch.winch", "dash"
CONFIG = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
logging: {level: error}
relays:
  boards: [{device: left, channels: {1: {name: Winch, type: momentary}}}]
"""
ALLOWED_MS = 600  # R12
CLOCK_MS = 5  # whole milliseconds, and what the operating system takes to wake the board
BEAT_S = 0.1


class Way(StrEnum):
    """Who holds."""

    PAGE = "page"
    REST = "rest"
    DISPLAY = "display"


class Death(StrEnum):
    """What dies."""

    THUMB = "thumb"
    THUMBS_LINK = "thumbs_link"
    BOARDS_LINK = "boards_link"
    BROKER = "broker"
    GATEWAY = "gateway"


WEIGHTS = {Death.THUMB: 6, Death.THUMBS_LINK: 6, Death.BOARDS_LINK: 3, Death.BROKER: 2, Death.GATEWAY: 2}


class Proxy:
    """A link that can be cut without anybody being told: nothing goes through, nothing is closed."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a port of its own."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        self.mend()

    def cut(self) -> None:
        """Let nothing through any more."""
        self._open.clear()

    def mend(self) -> None:
        """Close what was cut, and let new connections through."""
        for writer in list(self._writers):
            writer.transport.abort()
        self._open.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            away_reader, away = await asyncio.open_connection(HOST, self._target)
            self._writers |= {writer, away}
            await asyncio.gather(self._pump(reader, away), self._pump(away_reader, writer))
        writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
        self._writers.discard(writer)


class Thumb:
    """A hand on the winch, and the newest stamp that it sent."""

    def __init__(self) -> None:
        self.stamp_ms = 0
        self.is_over = asyncio.Event()

    def end(self) -> None:
        """Say no more."""
        self.is_over.set()


class Scene:
    """The processes of one lane."""

    def __init__(self, folder: Path, dice: random.Random, found: Findings) -> None:
        self.found = found
        self._dice = dice
        self.gateway = GatewayProcess(folder / "gateway", CONFIG)

    async def start(self, stack: AsyncExitStack) -> None:
        """Bring them on the air."""
        await asyncio.to_thread(self.gateway.start)
        stack.callback(self.gateway.end)
        self.client = await asyncio.to_thread(self.gateway.admit)
        stack.callback(self.client.close)
        self.thumbs_link, self.boards_link = Proxy(self.gateway.http_port), Proxy(self.gateway.mqtt_port)
        for proxy in (self.thumbs_link, self.boards_link):
            await proxy.start()
            stack.push_async_callback(proxy.stop)
        self.boards = Boards(self.boards_link.port, {BOARD: None})
        stack.push_async_callback(asyncio.to_thread, self.boards.close)
        self.display = paho.Client(CallbackAPIVersion.VERSION2, client_id=DASH)
        self.display.connect(HOST, self.gateway.mqtt_port)
        self.display.loop_start()
        stack.callback(self.display.loop_stop)
        status = json.dumps({"status": "online", "session": "dash"})
        self.display.publish(f"autocore/devices/{DASH}/status", status, qos=1, retain=True)
        await self._until(lambda: self.client.get(f"/devices/{DASH}").status_code == 200)
        self.client.post(f"/devices/{DASH}/approve", json={"granted": ["display"]}).raise_for_status()

    async def play(self, way: Way, death: Death) -> None:
        """Hold, have something die, and look when the board was off."""
        await self._until(self._is_ready)
        thumb, began = Thumb(), len(self.boards.told)
        holding = asyncio.create_task(self._hold(way, thumb))
        try:
            await self._until(lambda: any(one.on for one in self.boards.told[began:]), 3.0)
        except AssertionError:
            self.found.add("not_begun")  # a busy machine: the board found the press too old
            thumb.end()
            await asyncio.gather(holding, return_exceptions=True)
            return
        await asyncio.sleep(self._dice.uniform(0.1, 1.0))
        await self._kill(death, thumb)
        await asyncio.sleep(1.2)
        stamp_ms = thumb.stamp_ms
        thumb.end()
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        await self._mend(death)
        await asyncio.sleep(0.3)
        self._judge(self.boards.told[began:], way, death, stamp_ms)

    async def _kill(self, death: Death, thumb: Thumb) -> None:
        if death is Death.THUMB:
            thumb.end()
        elif death is Death.THUMBS_LINK:
            self.thumbs_link.cut()
            thumb.end()  # what it says from now on reaches nobody, and its stamps count no more
        elif death is Death.BOARDS_LINK:
            self.boards_link.cut()
            thumb.end()
        elif death is Death.BROKER:
            os.kill(self._broker_pid(), signal.SIGKILL)
            thumb.end()
        else:
            self.gateway.kill()
            thumb.end()

    async def _mend(self, death: Death) -> None:
        self.thumbs_link.mend()
        if death is Death.BOARDS_LINK:
            self.boards_link.mend()
        if death is Death.GATEWAY:
            await asyncio.to_thread(self.gateway.start)

    def _judge(self, told: list[Told], way: Way, death: Death, stamp_ms: int) -> None:
        changes = [one for one in told if one.order is None]
        self.found.runs += 1
        first_on = next((at for at, one in enumerate(changes) if one.on), None)
        off = None if first_on is None else next((one for one in changes[first_on:] if not one.on), None)
        if off is None:
            self.found.fail(f"{way}, {death}: it was never off: {changes[-4:]}")
            return
        late_ms = off.at_ms - stamp_ms
        self.found.worst(f"worst_{death}_ms", late_ms)
        if late_ms > ALLOWED_MS + CLOCK_MS:
            self.found.fail(f"{way}, {death}: off {late_ms} ms after the last stamp ({off.cause})")
        if any(one.on and one.at_ms > off.at_ms for one in changes):
            self.found.fail(f"{way}, {death}: it came on again")

    async def _hold(self, way: Way, thumb: Thumb) -> None:
        if way is Way.PAGE:
            await self._hold_by_socket(thumb)
        elif way is Way.REST:
            await self._hold_by_rest(thumb)
        else:
            await self._hold_by_display(thumb)

    async def _hold_by_socket(self, thumb: Thumb) -> None:
        async with self._socket() as socket:
            await socket.send(json.dumps({"hold": {"id": 1, "entity": WINCH}}))
            thumb.stamp_ms = _now_ms()  # a press without a tick counts from when it arrives
            with contextlib.suppress(ConnectionClosed):
                while not thumb.is_over.is_set():
                    word = json.loads(await socket.recv())
                    if "tick" in word and "pong" not in word and not thumb.is_over.is_set():
                        thumb.stamp_ms = max(thumb.stamp_ms, word["tick"])
                        await socket.send(json.dumps({"beat": {"id": 1, "tick": word["tick"]}}))
            socket.transport.abort()  # no goodbye

    async def _hold_by_rest(self, thumb: Thumb) -> None:
        headers = {"Authorization": self.client.headers["Authorization"]}
        base = f"http://{HOST}:{self.thumbs_link.port}/api/v1"
        async with httpx.AsyncClient(
            base_url=base, headers={**headers, "Host": f"127.0.0.1:{self.gateway.http_port}"}, timeout=5
        ) as rest:
            thumb.stamp_ms = _now_ms()
            began = (await rest.post("/holds", json={"entity": WINCH})).json()
            tick = began["tick"]
            with contextlib.suppress(httpx.HTTPError, KeyError, json.JSONDecodeError):
                while not thumb.is_over.is_set():
                    thumb.stamp_ms = max(thumb.stamp_ms, tick)
                    tick = (await rest.post(f"/holds/{began['lease']}/beat", json={"tick": tick})).json()["tick"]
                    await asyncio.sleep(BEAT_S)

    async def _hold_by_display(self, thumb: Thumb) -> None:
        hold, n = f"{self._dice.getrandbits(64):016x}", 0
        while not thumb.is_over.is_set():
            n, thumb.stamp_ms = n + 1, _now_ms()
            word = {"hold": hold, "item": WINCH, "n": n, "t_ms": thumb.stamp_ms}
            self.display.publish(f"autocore/display/{DASH}/hold", json.dumps(word), qos=0)
            await asyncio.sleep(BEAT_S)

    @asynccontextmanager
    async def _socket(self) -> AsyncIterator[ClientConnection]:
        headers = {"Authorization": self.client.headers["Authorization"]}
        url = f"ws://127.0.0.1:{self.gateway.http_port}/api/v1/live"
        async with connect(url, host=HOST, port=self.thumbs_link.port, additional_headers=headers, proxy=None) as socket:
            yield socket

    def _is_ready(self) -> bool:
        try:
            entity = self.client.get(f"/entities/{WINCH}").json()
            device = self.client.get(f"/devices/{BOARD}").json()
            delivery = self.client.get(f"/devices/{BOARD}/config").json().get("delivery")
        except httpx.HTTPError:
            return False
        is_there = bool(entity.get("available")) and entity.get("value") is False and bool(device.get("is_welcomed"))
        return is_there and delivery is not None and not delivery["has_drifted"] and self.display.is_connected()

    def _broker_pid(self) -> int:
        children = Path(f"/proc/{self.gateway.pid}/task/{self.gateway.pid}/children").read_text().split()
        named = {int(pid): Path(f"/proc/{pid}/comm").read_text().strip() for pid in children}
        return next(pid for pid, name in named.items() if name == "mosquitto")

    async def _until(self, claim: Any, limit_s: float = 40.0) -> None:
        await asyncio.to_thread(until, claim, limit_s, "it is not ready")


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def drive(folder: Path, seed: int, runs: int, found: Findings) -> None:
    """Hold so often, each way and each death in turn."""
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        scene = Scene(folder, dice, found)
        await scene.start(stack)
        deaths = [death for death, weight in WEIGHTS.items() for _ in range(weight)]
        for number in range(runs):
            await scene.play(list(Way)[number % len(Way)], deaths[number % len(deaths)] if runs < 60 else dice.choice(deaths))


def play(seed: int, runs: int) -> Findings:
    """Hold so often with real processes, and give what was found."""
    found = Findings()
    with scratch() as folder:
        asyncio.run(drive(folder, seed, runs, found))
    return found

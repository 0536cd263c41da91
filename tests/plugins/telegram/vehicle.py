"""What tests say of the vehicle and its bot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from autocore.api import Notification, Severity
from autocore.testing import Car
from tests.plugins.telegram.bot_api import TOKEN, BotApi

NS = 1_000_000_000


def section(server: BotApi, chats: str = "[7]") -> str:
    """Give a section with a bot at this server."""
    return f"telegram:\n  token: '{TOKEN}'\n  base_url: {server.url}\n  chats: {chats}\n"


async def paired(car: Car, server: BotApi, more: str = "", *, chats: str = "[7]", greets: bool = True) -> None:
    """Start the vehicle with a bot and wait until it listens, and has told that it started."""
    await car.start(section(server, chats) + more)
    await listening(car, server)
    if greets:
        await car.until(lambda: any("has started" in one for one in server.texts()))
        await car.until(lambda: car.value("sensor.telegram_waiting") == 0)
    server.messages.clear()
    server.requests.clear()


async def listening(car: Car, server: BotApi) -> None:
    """Wait until a long poll is under way."""
    await car.until(lambda: car.value("binary_sensor.telegram_connected") and server.is_polled)


def tell(car: Car, text: str, *, title: str = "", severity: str = "info", source: str = "engine") -> None:
    """Tell whoever owns the vehicle something, as a plugin does."""
    car.core.notify(text, title=title, severity=Severity(severity), source=source, key=None)


async def hand_over(car: Car, notification: Notification) -> Any:
    """Ask the plugin to deliver, as the gateway does."""
    assert car._gateway is not None
    assert car._gateway.plugins is not None
    return await car._gateway.plugins.ask("telegram", "deliver", notification=notification)


async def diagnostics(car: Car) -> Any:
    """Ask the plugin for what helps to find a fault."""
    assert car._gateway is not None
    assert car._gateway.plugins is not None
    return await car._gateway.plugins.ask("telegram", "diagnostics")


async def waits(car: Car, number: int) -> None:
    """Wait until so many messages wait."""
    await car.until(lambda: car.value("sensor.telegram_waiting") == number)


async def catches_up(car: Car, server: BotApi, waiting: int = 0) -> None:
    """Bring the server back, and let the clock run until no more than that wait."""
    await server.start()
    async with asyncio.timeout(10):
        while car.value("sensor.telegram_waiting") != waiting:
            await car.advance(5)
            await asyncio.sleep(0.01)  # real time: a connection is made


def logged(car: Car) -> list[str]:
    """Give the lines of the log; all of them once the vehicle has stopped."""
    return (car.folder / "data/logs/autocore.log").read_text().splitlines()


def now_s(car: Car) -> float:
    """Give wall time in seconds since 1970."""
    wall_ns, _ = car.clock.wall_ns()
    assert wall_ns is not None
    return wall_ns / NS


def local(at_s: float) -> datetime:
    """Give local time."""
    return datetime.fromtimestamp(at_s, UTC).astimezone()


def is_held(car: Car) -> bool:
    """Say whether Telegram asked to wait, and the plugin heard it."""
    assert car._gateway is not None
    assert car._gateway.plugins is not None
    host = car._gateway.plugins._plugins["telegram"].host
    return host is not None and bool(host.data._sender._not_before_ns)


def pauses(car: Car, delay_s: float) -> bool:
    """Say whether somebody waits for the clock to move by so much: the sender, before it tries again."""
    at_ns = car.clock.monotonic_ns() + round(delay_s * NS)
    return any(due_ns == at_ns for due_ns, _, _ in car.clock._due)

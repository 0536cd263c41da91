"""A broker of its own for each test, the gateway as a board sees it, and devices that end with their test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.bench import Gateway, LocalBroker, Running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalBroker]:
    one = LocalBroker(tmp_path)
    one.start()
    yield one
    one.stop()


@pytest.fixture
async def gateway(broker: LocalBroker) -> AsyncIterator[Gateway]:
    one = Gateway(broker.address)
    await one.start()
    yield one
    one.stop()


@pytest.fixture
async def start() -> AsyncIterator[Callable[[Callable[[asyncio.Event], Any]], Running]]:
    """Run devices beside the test, and end them with it."""
    running: list[Running] = []

    def begin(run: Callable[[asyncio.Event], Any]) -> Running:
        running.append(Running(run))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()

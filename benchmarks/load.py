"""What else goes on while something is measured: devices that publish, and pages that look."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.asyncio.client import connect

RATE, PAGES = 10_000, 20  # performance.md, W2L
DEVICES = 50


@contextmanager
def load(http_port: int, mqtt_port: int, token: str, seconds: float) -> Iterator[None]:
    """Have 50 devices publish 10 000 readings a second, and 20 pages look at all of them, while the block runs."""
    command = [sys.executable, "-m", "autocore", "simulate", "--host", "127.0.0.1", "--port", str(mqtt_port)]
    command += ["--devices", str(DEVICES), "--rate", str(RATE), "--seconds", str(round(seconds))]
    devices = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    pages = multiprocessing.Process(target=_look, args=(http_port, token), daemon=True)
    pages.start()
    try:
        yield
    finally:
        devices.terminate()
        devices.wait(timeout=10)
        pages.terminate()
        pages.join()


def _look(http_port: int, token: str) -> None:
    asyncio.run(_pages(http_port, token))


async def _pages(http_port: int, token: str) -> None:
    async def page() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(f"ws://127.0.0.1:{http_port}/api/v1/live", additional_headers=headers, max_size=None) as live:
            await live.send(json.dumps({"subscribe": {"patterns": ["sensor.*"]}}))
            async for _frame in live:
                pass

    await asyncio.gather(*(page() for _ in range(PAGES)))

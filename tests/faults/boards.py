"""Relay boards as a program of their own: `python -m tests.faults.boards --port P`, one `id password` a line on its input."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from autocore.simulator.connection import Broker
from autocore.simulator.link import Card, DeviceLink
from autocore.simulator.relay_board import RelayBoard
from autocore.simulator.rules import BoardRules

CHANNELS = 4


async def run(host: str, port: int, boards: list[tuple[str, str | None]]) -> None:
    """Keep boards on the air until SIGTERM; one without a password enters without a name."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as tasks:
        for name, password in boards:
            card = Card(name, "relay_board", name, ("relays", "telemetry"), channels=CHANNELS)
            link = DeviceLink(card, Broker(host, port, name if password else None, password))
            tasks.create_task(RelayBoard(link, BoardRules(count=CHANNELS)).run(stop))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    words = [line.split() for line in sys.stdin.read().splitlines()]
    boards = [(one[0], one[1] if len(one) > 1 else None) for one in words]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(options.host, options.port, boards))


if __name__ == "__main__":
    main()

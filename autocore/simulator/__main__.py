"""`python -m autocore.simulator`: the virtual vehicle as a program of its own, for whoever keeps it as a child."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys

from autocore.simulator.vehicle import run_vehicle


def main() -> int:
    """Run until SIGTERM or SIGINT; the devices say that they go offline, and the program is gone within a second."""
    parser = argparse.ArgumentParser(prog="python -m autocore.simulator", description="A virtual vehicle on MQTT.")
    parser.add_argument("--host", default="127.0.0.1", help="the broker's address")
    parser.add_argument("--port", type=int, default=1883, help="the broker's port")
    parser.add_argument("--root", default="autocore", help="the first level of every topic")
    parser.add_argument("--username")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from the first line")
    parser.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    options = parser.parse_args()
    logging.basicConfig(level=options.log_level, format="%(levelname)s %(message)s", stream=sys.stderr)
    password = sys.stdin.readline().rstrip("\r\n") if options.password_stdin else None
    asyncio.run(_run(options.host, options.port, options.username, password, options.root))
    return 0


async def _run(host: str, port: int, username: str | None, password: str | None, root: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_vehicle(host, port, username=username, password=password, stop=stop, root=root)


if __name__ == "__main__":
    sys.exit(main())

"""Relay boards as a program of their own: `python -m tests.faults.boards --port P`, one `id password` a line on its input.

With `--tell` it writes a line of JSON for every command that reached a board and for everything its relays did: see `Told`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from autocore.simulator.board import Report
from autocore.simulator.connection import Broker
from autocore.simulator.link import Card, DeviceLink
from autocore.simulator.relay_board import RelayBoard
from autocore.simulator.rules import BoardRules
from autocore.simulator.wire import Answer, RelayCommand
from tests.faults.record import ROOT

CHANNELS = 4


@dataclass(frozen=True, slots=True)
class Told:
    """What a board told the test; times are those of the machine's monotonic clock, which the gateway stamps with, too.

    Args:
        board: its id.
        at_ms: when.
        order: the command that came, None for a change of the relays.
        status: what the board answered to it; None when it said nothing.
        on: the channels that are energised after a change.
        cause: of the change.
        seq: of the command that caused the change.
    """

    board: str
    at_ms: int
    order: RelayCommand | None = None
    status: str | None = None
    on: tuple[int, ...] = ()
    cause: str = ""
    seq: int | None = None


class Boards:
    """That program, and what its boards told.

    Args:
        port: of the broker.
        passwords: by the ids of the boards; None enters without a name.
    """

    def __init__(self, port: int, passwords: Mapping[str, str | None]) -> None:
        self.told: list[Told] = []
        command = [sys.executable, "-m", "tests.faults.boards", "--tell", "--port", str(port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{name} {password or ''}\n" for name, password in passwords.items()))
        self._process.stdin.close()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def freeze(self) -> None:
        """Stop them as they are; what is sent to them waits."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Switch them off."""
        self._process.terminate()
        self._process.wait(timeout=15)
        self._reader.join(timeout=5)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word = json.loads(line)
            order = RelayCommand(**word["order"]) if word["order"] else None
            self.told.append(Told(**{**word, "order": order, "on": tuple(word["on"])}))


def let_it_tell(body: RelayBoard) -> None:
    """Write a line for every command that reaches a board, and for every report of its relays."""
    board, name = body.board, body.link.card.id
    judge, reports = board.command, board.take_reports

    def say(**facts: object) -> None:
        empty = {"order": None, "status": None, "on": (), "cause": "", "seq": None}
        print(json.dumps({"board": name, "at_ms": time.monotonic_ns() // 1_000_000, **empty, **facts}), flush=True)

    def command(order: RelayCommand, now_ms: int) -> Answer | None:
        answer = judge(order, now_ms)
        facts = {key: getattr(order, key) for key in order.__struct_fields__}
        say(order=facts, status=answer.status if answer is not None else None)
        return answer

    def take_reports() -> list[Report]:
        taken = reports()
        for one in taken:
            say(on=[number for number, is_on in one.channels.items() if is_on], cause=one.cause, seq=one.seq)
        return taken

    board.command, board.take_reports = command, take_reports  # type: ignore[method-assign]


async def run(host: str, port: int, boards: list[tuple[str, str | None]], *, tells: bool) -> None:
    """Keep boards on the air until SIGTERM; one without a password enters without a name."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with asyncio.TaskGroup() as tasks:
        for name, password in boards:
            card = Card(name, "relay_board", name, ("relays", "telemetry"), channels=CHANNELS)
            link = DeviceLink(card, Broker(host, port, name if password else None, password))
            body = RelayBoard(link, BoardRules(count=CHANNELS))
            if tells:
                let_it_tell(body)
            tasks.create_task(body.run(stop))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tell", action="store_true")
    options = parser.parse_args()
    words = [line.split() for line in sys.stdin.read().splitlines()]
    boards = [(one[0], one[1] if len(one) > 1 else None) for one in words]
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(options.host, options.port, boards, tells=options.tell))


if __name__ == "__main__":
    main()

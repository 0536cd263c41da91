"""Clients of the broker that do not read what they subscribed to: who they are, and how they are thrown off.

Mosquitto keeps up to 100 000 messages for each of them. Whoever asked for a session that is kept may leave it so; of the others
nothing would be kept once they are gone, so they go soon, and get what is retained when they come back.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from autocore.broker.accounts import GATEWAY
from autocore.broker.knock import knock
from autocore.core.errors import BrokerError
from autocore.core.mqtt.endpoint import Endpoint

LIMITS = ((65_536, 10.0), (1_048_576, 3.0))
"""So many bytes may lie unread for so many seconds. A stalled reader of 400 messages a second reaches the first in a second, and
what the kernel keeps is full after ten or later; only then Mosquitto's memory grows."""
LONGEST_ID = 65_535
ESTABLISHED = "01"

Place = tuple[str, int]
"""The address and the port from which somebody is connected."""

_CONNECTED = re.compile(r"\d+: New client connected from (\S+):(\d+) as (.*) \(p\d, c([01]), k\d+(?:, u'(.*)')?\)\.$")


class Crowd:
    """Who is connected to the broker without a session that is kept, as the broker's log tells; never the gateway itself."""

    def __init__(self) -> None:
        self._names: dict[Place, str] = {}
        self._since: dict[tuple[Place, int], float] = {}

    def hear(self, line: str) -> None:
        """Take a line of the log."""
        found = _CONNECTED.match(line)
        if found is None:
            return
        host, port, name, is_clean, user = found.groups()
        place = (host, int(port))
        self._names.pop(place, None)
        if is_clean == "1" and user != GATEWAY:
            self._names[place] = name

    def late(self, unread: Mapping[Place, int], now_s: float) -> list[str]:
        """Give the client ids of those that have left too much unread for too long.

        Args:
            unread: bytes for each that is connected; who is not among them is gone.
            now_s: monotonic time.
        """
        self._names = {place: name for place, name in self._names.items() if place in unread}
        self._since = {key: since for key, since in self._since.items() if unread.get(key[0], 0) > key[1]}
        found: list[str] = []
        for place, name in self._names.items():
            for limit, patience_s in LIMITS:
                since_s = self._since.setdefault((place, limit), now_s) if unread[place] > limit else now_s
                if now_s - since_s >= patience_s:
                    found.append(name)
                    break
        return found


def unread(ports: Collection[int], folder: Path = Path("/proc/net")) -> dict[Place, int]:
    """Give how many bytes the kernel keeps for each that is connected to one of these ports of this machine."""
    found: dict[Place, int] = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = (folder / name).read_text().splitlines()[1:]
        except OSError:
            continue  # a kernel without it
        found.update(_unread(lines, ports))
    return found


def _unread(lines: Iterable[str], ports: Collection[int]) -> Iterable[tuple[Place, int]]:
    for line in lines:
        _, here, there, state, queues, *_ = line.split()
        if state == ESTABLISHED and int(here.split(":")[1], 16) in ports:
            address, port = there.split(":")
            yield (_address(address), int(port, 16)), int(queues.split(":")[0], 16)


def _address(text: str) -> str:
    words = struct.pack(f"={len(text) // 8}I", *(int(text[at : at + 8], 16) for at in range(0, len(text), 8)))
    return socket.inet_ntop(socket.AF_INET if len(words) == 4 else socket.AF_INET6, words)  # noqa: PLR2004  # bytes of IPv4


async def throw_off(broker: Endpoint, client_id: str) -> None:
    """Have the broker end the connection of a client: it does so when another comes with the same id.

    Raises:
        BrokerError: the broker does not answer, or refuses.
    """
    answer = await asyncio.to_thread(knock, broker, client_id=client_id)
    if answer is None or not answer.is_in:
        raise BrokerError("the broker does not answer" if answer is None else "the broker refuses")

"""A CAN bus in memory, python-can's `virtual` interface: what a test sends, a bus of the configuration hears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import can

_channels = count(1)


class VirtualCan:
    """One bus, with the test as one of its nodes.

    In the configuration: `can: {buses: [{name: main, interface: virtual, channel: <channel>}]}`.

    Attributes:
        channel: its name, another for each bus of the process.
    """

    def __init__(self) -> None:
        self.channel = f"autocore-test-{next(_channels)}"
        self._node = can.Bus(interface="virtual", channel=self.channel, receive_own_messages=False)

    def send(self, identifier: int, data: bytes, *, is_extended: bool = False) -> None:
        """Put a frame on the bus; it has 0 to 8 bytes."""
        self._node.send(can.Message(arbitration_id=identifier, data=data, is_extended_id=is_extended))

    def heard(self) -> list[tuple[int, bytes]]:
        """Give the frames that others sent since the last call, as (identifier, data): none from a bus that only listens."""
        frames: list[tuple[int, bytes]] = []
        while (frame := self._node.recv(timeout=0)) is not None:
            frames.append((frame.arbitration_id, bytes(frame.data)))
        return frames

    def close(self) -> None:
        """Leave the bus."""
        self._node.shutdown()


@contextmanager
def virtual_can() -> Iterator[VirtualCan]:
    """Give a bus of its own and close it afterwards."""
    bus = VirtualCan()
    try:
        yield bus
    finally:
        bus.close()

"""The newest frame of every identifier on one bus, and the taps that want to see it. No CAN library, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .frames import bits_on_wire
from .signals import Tap, Taps

MOST_IDS = 300  # a vehicle's bus has about a hundred; what a stranger can make grow is bounded (security.md 13)
NEVER_NS = 1 << 62

Batch = Iterable[tuple[int, bytes]]
"""(frame key, payload) of each frame, in the order in which they came."""


class Row:
    """One identifier: its newest payload, how often it came, and who wants it."""

    __slots__ = ("at_ns", "count", "counted", "data", "due_ns", "every_ns", "key", "rate", "taps")

    def __init__(self, key: int) -> None:
        self.key = key
        self.data: bytes | None = None
        self.count = 0
        self.counted = 0
        self.rate = 0.0
        """Frames per second, as of the last count."""
        self.at_ns = 0
        self.taps: tuple[Tap, ...] = ()
        self.every_ns = NEVER_NS
        self.due_ns = NEVER_NS

    def want(self, taps: tuple[Tap, ...]) -> None:
        """Show the next payload to these taps, whatever it is."""
        self.taps = taps
        self.every_ns = min((tap.every_ns for tap in taps), default=NEVER_NS)
        self.due_ns = 0


class Traffic:
    """Counts frames by identifier and hands changed payloads to their taps.

    Attributes:
        frames: how many came.
        bits: how many bits they took on the wire at most.
        unlisted: how many came with an identifier beyond the first `MOST_IDS`, which nobody wants.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.bits = 0
        self.unlisted = 0
        self._rows: dict[int, Row] = {}
        self._taps: Taps = {}

    def __iter__(self) -> Iterator[Row]:
        """Give the rows by identifier."""
        return iter(sorted((row for row in self._rows.values() if row.count), key=lambda row: row.key))

    def want(self, taps: Taps) -> None:
        """Show payloads to these taps from now on, and to no others."""
        self._taps = taps
        for key, row in self._rows.items():
            row.want(taps.get(key, ()))

    def take(self, batch: Batch, now_ns: int) -> None:
        """Take frames; a payload that did not change costs next to nothing."""
        rows = self._rows
        for key, data in batch:
            self.frames += 1
            self.bits += bits_on_wire(key, len(data))
            row = rows.get(key)
            if row is None:
                row = self._new(key)
                if row is None:
                    self.unlisted += 1
                    continue
            row.count += 1
            row.at_ns = now_ns
            if data == row.data and now_ns < row.due_ns:
                continue
            row.data = data
            if row.taps:
                row.due_ns = now_ns + row.every_ns
                for tap in row.taps:
                    tap.take(data, now_ns, self)
            else:
                row.due_ns = NEVER_NS

    def measure(self, span_s: float) -> None:
        """Work out the rates of the `span_s` seconds since it was called last."""
        for row in self._rows.values():
            row.rate = (row.count - row.counted) / span_s
            row.counted = row.count

    def forget_payloads(self) -> None:
        """Treat the next payload of every identifier as new: the bus was away."""
        for row in self._rows.values():
            row.data = None

    def _new(self, key: int) -> Row | None:
        taps = self._taps.get(key, ())
        if len(self._rows) >= MOST_IDS and not taps:
            return None
        row = self._rows[key] = Row(key)
        row.want(taps)
        return row

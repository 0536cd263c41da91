"""How often each channel was turned on, and for how long altogether: what tells a worn relay from a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autocore.api import PluginHost

NS = 1_000_000_000
SAVE_EVERY_S = 60.0
STORED = "counts"


@dataclass(slots=True)
class Count:
    """Of one channel.

    Args:
        turns: how often it came on.
        on_ns: how long it was on, as far as that is over.
        since_ns: since when it is on, None while it is off or nobody knows.
    """

    turns: int = 0
    on_ns: int = 0
    since_ns: int | None = None

    def take(self, now_ns: int, *, is_on: bool | None) -> bool:
        """Take what it is now, None: nobody knows; say whether that changes anything."""
        if is_on:
            if self.since_ns is not None:
                return False
            self.since_ns = now_ns
            self.turns += 1
            return True
        if self.since_ns is None:
            return False
        self.on_ns += now_ns - self.since_ns
        self.since_ns = None
        return True

    def on_s(self, now_ns: int) -> float:
        """Give how long it was on."""
        return (self.on_ns + (0 if self.since_ns is None else now_ns - self.since_ns)) / NS


class Counts:
    """Of all channels, kept over restarts; a power cut takes a minute of it at most."""

    def __init__(self, host: PluginHost) -> None:
        self._host = host
        self._counts: dict[str, Count] = {}
        self._is_changed = False

    def of(self, channel: str) -> Count:
        """Give the count of a channel, by `<board>/<number>`."""
        return self._counts.setdefault(channel, Count())

    def take(self, channel: str, *, is_on: bool | None) -> None:
        """Take what a channel is now, None: nobody knows."""
        self._is_changed |= self.of(channel).take(self._host.clock.monotonic_ns(), is_on=is_on)

    def start(self) -> None:
        """Add what was counted before, and keep what is counted from now on."""
        self._host.spawn(self._read())
        self._host.schedule.every(SAVE_EVERY_S, self._save)

    async def _read(self) -> None:
        stored: Mapping[str, Any] = await self._host.store.get(STORED, {})
        for channel, (turns, on_s) in stored.items():
            count = self.of(channel)
            count.turns += turns
            count.on_ns += round(on_s * NS)

    def _save(self) -> None:
        is_on = any(one.since_ns is not None for one in self._counts.values())
        if self._is_changed or is_on:
            self._is_changed = False
            now_ns = self._host.clock.monotonic_ns()
            values = {name: [one.turns, round(one.on_s(now_ns))] for name, one in self._counts.items()}
            self._host.spawn(self._host.store.set(STORED, values))

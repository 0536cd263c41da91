"""A clock that a test moves."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from autocore.core.clock import EARLIEST_WALL_NS, NS
from autocore.core.model import Quality


class FakeTimer:
    """Something due on a `FakeClock`."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Call it off."""
        self._action = None

    def fire(self) -> None:
        """Do it, unless it was called off."""
        if self._action is not None:
            self._action()


class FakeClock:
    """A clock that stands still until `advance` moves it.

    Args:
        wall_ns: nanoseconds since 1970 at its start, None for a machine whose clock was never set.
        quality: how far that can be trusted.
    """

    def __init__(self, wall_ns: int | None = EARLIEST_WALL_NS, quality: Quality = Quality.NTP) -> None:
        self._now_ns = 1_000 * NS
        self._offset_ns = None if wall_ns is None else wall_ns - self._now_ns
        self._quality = quality if wall_ns is not None else Quality.UNSET
        self._due: list[tuple[int, int, FakeTimer]] = []
        self._numbers = count()

    def monotonic_ns(self) -> int:
        """Give the time that `advance` made."""
        return self._now_ns

    def wall_ns(self) -> tuple[int | None, Quality]:
        """Give wall time, which moves with the clock and jumps with `set_wall`."""
        return (None if self._offset_ns is None else self._now_ns + self._offset_ns), self._quality

    def set_wall(self, wall_ns: int | None, quality: Quality = Quality.NTP) -> None:
        """Make wall time jump; the monotonic clock does not notice."""
        self._offset_ns = None if wall_ns is None else wall_ns - self._now_ns
        self._quality = quality if wall_ns is not None else Quality.UNSET

    def call_later(self, delay_s: float, action: Callable[[], object]) -> FakeTimer:
        """Do `action` when the clock has been moved by `delay_s` seconds."""
        timer = FakeTimer(action)
        heapq.heappush(self._due, (self._now_ns + round(delay_s * NS), next(self._numbers), timer))
        return timer

    async def sleep(self, delay_s: float) -> None:
        """Return when the clock has been moved by `delay_s` seconds."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call_later(delay_s, lambda: None if done.done() else done.set_result(None))
        await done

    def advance(self, s: float) -> None:
        """Move the clock by `s` seconds and do everything that falls due on the way, in order."""
        until_ns = self._now_ns + round(s * NS)
        while self._due and self._due[0][0] <= until_ns:
            due_ns, _, timer = heapq.heappop(self._due)
            self._now_ns = max(self._now_ns, due_ns)
            timer.fire()
        self._now_ns = until_ns

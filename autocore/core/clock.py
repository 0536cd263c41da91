"""Time: the monotonic clock for the gateway, wall time for people, and the sequence that orders everything.

Refuses to let wall time decide anything: timers, time-outs and order use `monotonic_ns` and `Sequence` only.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from autocore.core.model import Quality

NS = 1_000_000_000
MS = 1_000_000
BLOCK = 1_000_000  # sequence numbers reserved at once: 16 s at 60 000 messages a second
EARLIEST_WALL_NS = 1_767_225_600 * NS  # 2026-01-01, before this program existed: an earlier clock was never set
LATEST_WALL_NS = 2_713_910_400 * NS  # 2056-01-01: a later clock is a fault, not the future
EARLY_S = 0.002  # uvloop counts in whole milliseconds: its timers fire up to 1.4 ms before their time (measured)
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class Timer(Protocol):
    """Something due later that can be called off; `asyncio.TimerHandle` is one."""

    def cancel(self) -> None:
        """Call it off; harmless when it ran already."""


class Clock(Protocol):
    """What the gateway asks of a clock; `autocore.testing.FakeClock` is the other one."""

    def monotonic_ns(self) -> int:
        """Give nanoseconds that only ever grow, from an arbitrary start."""

    def wall_ns(self) -> tuple[int | None, Quality]:
        """Give nanoseconds since 1970 UTC and how far they can be trusted; None when the clock was never set."""

    def call_later(self, delay_s: float, action: Callable[[], object]) -> Timer:
        """Call `action` on the loop after `delay_s` seconds."""

    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` seconds."""


class SystemClock:
    """The machine's clock."""

    def monotonic_ns(self) -> int:
        """Give `CLOCK_MONOTONIC`."""
        return time.monotonic_ns()

    def wall_ns(self) -> tuple[int | None, Quality]:
        """Give the system's wall time; a Pi without a clock battery has none until it is synchronised."""
        now = time.time_ns()
        if not EARLIEST_WALL_NS <= now < LATEST_WALL_NS:
            return None, Quality.UNSET
        if _is_synchronised():
            return now, Quality.NTP
        if _has_clock_battery():
            return now, Quality.RTC
        return None, Quality.UNSET

    def call_later(self, delay_s: float, action: Callable[[], object]) -> Timer:
        """Call `action` on the running loop after `delay_s` seconds, never before."""
        return asyncio.get_running_loop().call_later(delay_s + EARLY_S if delay_s > 0 else 0, action)

    async def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` seconds."""
        await asyncio.sleep(delay_s)


class _Timex(ctypes.Structure):
    _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 252))  # modes 0 asks only; 256 bytes hold struct timex


def _is_synchronised() -> bool:
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):  # no libc with it: then nothing vouches for the clock
        return False
    answer: int = adjtimex(ctypes.byref(_Timex()))
    return 0 <= answer < TIME_ERROR


def _has_clock_battery() -> bool:
    # Only boards described by a device tree come without one; PCs, virtual machines and containers keep time.
    return Path("/dev/rtc0").exists() or not Path("/proc/device-tree/model").exists()


class Timeline:
    """Turns (boot, monotonic) into wall time; learns a boot's offset once and so dates all rows of that boot.

    Offsets are whole milliseconds: a moment that is stored to the millisecond has the same date as the moment itself.
    """

    def __init__(self, offsets: dict[int, int] | None = None) -> None:
        self._offsets = {boot: offset_ns - offset_ns % MS for boot, offset_ns in (offsets or {}).items()}

    def learn(self, boot: int, offset_ns: int) -> None:
        """Remember that in `boot` wall time is monotonic time + `offset_ns`."""
        self._offsets[boot] = offset_ns - offset_ns % MS

    def wall_ns(self, boot: int, monotonic_ns: int) -> int | None:
        """Give nanoseconds since 1970 UTC, or None while the boot's clock was never trusted."""
        offset = self._offsets.get(boot)
        return None if offset is None else monotonic_ns + offset

    def offset_ns(self, boot: int) -> int | None:
        """Give what `learn` was told of `boot`, None when nothing."""
        return self._offsets.get(boot)


class Sequence:
    """Numbers that never repeat, also across `kill -9`: they are reserved in blocks before they are used.

    Args:
        start: the first number to give.
        reserve: asked, from the loop, to make a limit durable; it may finish later.
        block: how many are reserved at once.
    """

    def __init__(self, start: int, reserve: Callable[[int], None], block: int = BLOCK) -> None:
        self._last = start - 1
        self._reserve = reserve
        self._block = block
        self._ask_at = start
        self._extend(start)

    @property
    def last(self) -> int:
        """The number given last."""
        return self._last

    def next(self) -> int:
        """Give the next number."""
        number = self._last + 1
        self._last = number
        if number >= self._ask_at:
            self._extend(number)
        return number

    def _extend(self, number: int) -> None:
        self._ask_at = number + self._block // 2  # half a block early, so that the disk has time
        self._reserve(number + self._block)

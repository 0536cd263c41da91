"""Listening to a bus through python-can: a thread reads, the loop takes what it read in batches. Nothing here can send."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from autocore.api import N_, PluginHost

from .adapters import open_bus
from .bus import Bus
from .frames import key_of
from .section import BusSection
from .signals import NS

MOST_WAITING = 10_000  # frames; more than a second of a full bus at 1 Mbit/s
BATCH_EVERY_S = 0.01  # a batch gathers for so long; nobody sees 10 ms
READ_LIMIT_S = 0.25  # how soon a silent reader notices that it is to end
END_LIMIT_S = 2.0  # a driver that does not return by then is left behind
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
STEADY_S = 10.0  # a bus that held for so long is tried again at once when it dies
ERRORS_ONLY = N_("only error frames arrive: is the bit rate right?")


class Inbox:
    """Frames on their way from the reading thread to the loop: bounded, and one wake-up for many.

    Args:
        wake: called in the reading thread, once until the loop has taken what is there.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._frames: deque[tuple[int, bytes]] = deque()
        self._errors = 0
        self._dropped = 0
        self._end: str | None = None
        self._is_awake = False

    def put(self, key: int, data: bytes) -> None:
        """Add a frame, or count it as dropped when too many wait."""
        with self._lock:
            if len(self._frames) < MOST_WAITING:
                self._frames.append((key, data))
            else:
                self._dropped += 1
            self._call()

    def put_error(self) -> None:
        """Count an error frame."""
        with self._lock:
            self._errors += 1
            self._call()

    def end(self, reason: str) -> None:
        """Say that nothing more comes, and why."""
        with self._lock:
            self._end = reason
            self._call()

    def take(self) -> tuple[deque[tuple[int, bytes]], int, int, str | None]:
        """Give the frames, errors and drops since the last time, and why the reader ended if it did."""
        with self._lock:
            taken = self._frames, self._errors, self._dropped, self._end
            self._frames, self._errors, self._dropped = deque(), 0, 0
            self._is_awake = False
        return taken

    def _call(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            self._wake()


class Reader:
    """Reads an open bus in a thread of its own until it is told to stop or the driver fails."""

    def __init__(self, bus: Any, inbox: Inbox, name: str) -> None:
        self._bus = bus
        self._inbox = inbox
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, name=f"can {name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading and let go of the adapter; it blocks for a moment, so it runs in a thread."""
        self._is_stopped.set()
        self._thread.join(END_LIMIT_S)
        with contextlib.suppress(Exception):  # the adapter may be gone, which is why it is being closed
            self._bus.shutdown()

    def _read(self) -> None:
        receive, inbox = self._bus.recv, self._inbox
        try:
            while not self._is_stopped.is_set():
                message = receive(READ_LIMIT_S)
                if message is None:
                    continue
                if message.is_error_frame:
                    inbox.put_error()
                elif not message.is_remote_frame:  # a question without data
                    key = key_of(message.arbitration_id, is_extended=message.is_extended_id)
                    inbox.put(key, bytes(message.data))
        except Exception as error:  # noqa: BLE001  # a driver may raise anything; it ends this bus and no other
            inbox.end(sentence(error))


class Listener:
    """Keeps one configured bus open, for ever: what cannot be opened or dies is tried again, later and later."""

    def __init__(self, host: PluginHost, section: BusSection, bus: Bus) -> None:
        self._host = host
        self._section = section
        self._bus = bus

    async def run(self) -> None:
        """Listen until the plugin stops; then the adapter is let go of before this returns."""
        pause_s = FIRST_PAUSE_S
        while True:
            began_ns = self._host.clock.monotonic_ns()
            try:
                opened, note = await self._open()
            except Exception as error:  # noqa: BLE001  # a driver may raise anything; it is shown, and tried again
                reason = sentence(error)
            else:
                reason = await self._listen(opened, note)
            self._show_lost(reason)
            if self._host.clock.monotonic_ns() - began_ns > STEADY_S * NS:
                pause_s = FIRST_PAUSE_S
            await self._host.clock.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _open(self) -> tuple[Any, str]:
        opening = asyncio.get_running_loop().run_in_executor(None, open_bus, self._section)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)  # a driver cannot be interrupted
            raise

    async def _listen(self, opened: Any, note: str) -> str:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants to know
                loop.call_soon_threadsafe(ready.set)

        inbox = Inbox(wake)
        reader = Reader(opened, inbox, self._section.name)
        try:
            if self._bus.problem is not None:
                self._host.log.info("bus %s is there (%s)", self._section.name, self._bus.source)
            self._bus.went_online(note)
            while True:
                await ready.wait()
                ready.clear()
                frames, errors, dropped, end = inbox.take()
                self._bus.errors += errors
                self._bus.dropped += dropped
                self._bus.take(frames)
                if frames:
                    self._bus.problem = None
                elif errors and not self._bus.frames_per_second:
                    self._bus.problem = ERRORS_ONLY
                if end is not None:
                    self._bus.errors += 1
                    return end
                await asyncio.sleep(BATCH_EVERY_S)  # not the gateway's clock: it only gathers what is there already
        finally:
            await asyncio.to_thread(reader.close)

    def _show_lost(self, reason: str) -> None:
        is_news = reason != self._bus.problem
        self._bus.went_offline(reason)
        if is_news:
            self._host.log.warning("bus %s (%s): %s; it is tried again", self._section.name, self._bus.source, reason)


def _close_late(opening: asyncio.Future[tuple[Any, str]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].shutdown()


def sentence(error: Exception) -> str:
    """Give what a driver raised as one bounded line."""
    text = " ".join(str(error).split())
    return text[:200] or type(error).__name__

"""Takes copies of the small databases: soon after the start, and soon after what people would miss was changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from autocore.core.bus import ALL, Bus, Event
from autocore.core.clock import NS, Clock, Timer
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.rescue.snapshots import take_snapshot

FIRST_S = 5.0  # after the start: what the last one changed is in a copy soon
LOOK_S = 60.0
PAUSE_NS = 600 * NS  # between two copies: a few hundred kB each, so at most 2 MB an hour
MISSED = ("user.", "token.", "device.found", "device.changed", "entity.changed", "configuration.", "auth.user", "auth.token")
"""What the events begin with that tell of such changes."""

log = logging.getLogger("autocore.storage")


class SnapshotKeeper:
    """Takes the copies.

    Args:
        data: the data folder.
        bus: tells what was changed.
        clock: times the copies.
    """

    def __init__(self, data: Path, bus: Bus, clock: Clock) -> None:
        self._data = data
        self._bus = bus
        self._clock = clock
        self._is_due = True
        self._taken_ns: int | None = None
        self._undo: Callable[[], None] = lambda: None
        self._timer: Every | None = None
        self._first: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take copies from now on."""
        self._undo = self._bus.on(ALL, self._on_event)
        self._timer = Every(self._clock, LOOK_S, self._look)
        self._first = self._clock.call_later(FIRST_S, self._look)

    async def stop(self) -> None:
        """Finish the copy that is being made, and take one of what changed since."""
        self._undo()
        for timer in (self._timer, self._first):
            if timer is not None:
                timer.cancel()
        if self._task is not None:
            await self._task
        if self._is_due and self._taken_ns is not None:
            await self._take()

    def _on_event(self, event: Event) -> None:
        self._is_due = self._is_due or event.type.startswith(MISSED)

    def _look(self) -> None:
        now_ns = self._clock.monotonic_ns()
        is_early = self._taken_ns is not None and now_ns - self._taken_ns < PAUSE_NS
        if self._is_due and not is_early and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._take())

    async def _take(self) -> None:
        self._is_due = False
        self._taken_ns = self._clock.monotonic_ns()
        for file in (self._data / "state.db", *sorted((self._data / "plugins").glob("*.db"))):
            try:
                await asyncio.to_thread(take_snapshot, self._data, file)
            except StorageError as error:
                self._is_due = True
                log.error("no copy could be made, it is tried again: %s", error)  # noqa: TRY400  # a sentence

"""Notifications: what people should know, kept on disk until every channel took it.

A channel is a plugin with the hook `deliver`. What waits for a channel that is away is handed over in one notification when it
is back. The same thing said again within a minute counts up instead of coming again, and a source that floods is cut short.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autocore.builtin.outbox import Outbox, Told
from autocore.core.bus import Bus, Event
from autocore.core.clock import NS, Clock
from autocore.core.errors import AutocoreError, StorageError
from autocore.core.model import GATEWAY
from autocore.core.notices import Notification, Severity

SAME_NS = 60 * NS
MOST_PER_MINUTE = 30  # of one source; beyond it one notice says how many were left out
HANDED_AT_ONCE = 100
RETRY_S = (5.0, 15.0, 60.0, 300.0)
DISK_RETRY_S = 2.0
MOST_UNKEPT = 200  # notices that wait in memory for the disk
LONGEST_TEXT = 2_000
LONGEST_TITLE = 120
MOST_KEYS = 1_000

Deliver = Callable[[str, Notification], Awaitable[Any]]
"""Hands a notification to a channel by its name; true when the channel took it."""

log = logging.getLogger("autocore.notifications")


@dataclass(slots=True)
class _Recent:
    """What was said a moment ago, so that the same counts up."""

    notice: int | None
    at_ns: int
    count: int


@dataclass(slots=True)
class _Unkept:
    """A notice that the disk did not take yet, and the channels that have not got it either."""

    told: Told
    recent: _Recent
    channels: list[str]


class Notifications:
    """Takes notices, keeps them, and hands them to every channel.

    While the disk takes nothing they wait in memory, and are handed to the channels from there.

    Args:
        outbox: keeps them.
        bus: hears `notification.sent` with each.
        clock: times retries.
        minimum: what matters less is kept and shown, but not delivered.
    """

    def __init__(self, outbox: Outbox, bus: Bus, clock: Clock, minimum: Severity = Severity.INFO) -> None:
        self.left_out = 0
        """Notices that nobody was told of: their source floods, or the disk took none for too long."""
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        self._minimum = minimum
        self._recent: dict[tuple[str, str], _Recent] = {}
        self._minute: dict[str, tuple[int, int]] = {}  # source -> (minute, notices in it)
        self._channels: Callable[[], Sequence[str]] = tuple
        self._deliver: Deliver | None = None
        self._wake: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], None]] = []
        self._unkept: list[_Unkept] = []
        self._retry: asyncio.Task[None] | None = None

    @property
    def is_failing(self) -> bool:
        """Whether notices wait for the disk."""
        return bool(self._unkept)

    def start(self, channels: Callable[[], Sequence[str]], deliver: Deliver) -> None:
        """Hand out what waits and what comes.

        Args:
            channels: gives the names of the channels that the configuration names.
            deliver: hands a notification to one of them.
        """
        self._channels = channels
        self._deliver = deliver
        self._undo = [self._bus.on("plugin.running", self._on_plugin), self._bus.on("plugin.failed", self._on_plugin)]
        self._spawn(self._route())

    async def stop(self) -> None:
        """Keep what waits for the next start."""
        for undo in self._undo:
            undo()
        if self._retry is not None:
            self._retry.cancel()
            await asyncio.gather(self._retry, return_exceptions=True)
            await self._keep_waiting()
        writing = list(self._tasks)
        for name in self._wake:
            for task in writing:
                if task.get_name() == _task_name(name):
                    task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)

    def send(
        self, text: str, *, title: str = "", severity: Severity = Severity.INFO, source: str, key: str | None = None
    ) -> None:
        """Tell people something; it is on disk soon.

        Args:
            text: plain text; longer than 2 000 characters is cut.
            title: a few words.
            severity: how much it matters.
            source: who says it.
            key: what makes two of them the same; the text when None.
        """
        text, title = text[:LONGEST_TEXT], title[:LONGEST_TITLE]
        now = self._clock.monotonic_ns()
        known = self._recent.get((source, key or text))
        if known is not None and now - known.at_ns < SAME_NS:
            known.count += 1
            if known.notice is not None:
                self._spawn(self._count(known.notice, known.count))
            return
        if self._floods(source, now):
            self.left_out += 1
            return
        recent = _Recent(None, now, 1)
        if len(self._recent) >= MOST_KEYS:
            self._recent = {name: one for name, one in self._recent.items() if now - one.at_ns < SAME_NS}
        self._recent[source, key or text] = recent
        told = Told(source, key or text, severity, title, text, now)
        self._bus.emit("notification.sent", {"source": source, "severity": severity.value, "title": title, "text": text}, GATEWAY)
        self._spawn(self._keep(told, recent))

    async def newest(self, limit: int = 100) -> list[Any]:
        """Give the newest notices, newest first."""
        waiting = [self._outbox.unkept(one.told, one.recent.count) for one in reversed(self._unkept)]
        try:
            return [*waiting, *await self._outbox.newest(limit)][:limit]
        except StorageError:
            if not waiting:
                raise
            return waiting[:limit]

    async def waiting(self) -> dict[str, int]:
        """Give how many notices wait for each channel."""
        return await self._outbox.waiting()

    def _floods(self, source: str, now_ns: int) -> bool:
        minute = now_ns // SAME_NS
        of_minute, amount = self._minute.get(source, (minute, 0))
        amount = amount + 1 if of_minute == minute else 1
        self._minute[source] = (minute, amount)
        if amount == MOST_PER_MINUTE + 1:
            log.warning("%s tells more than %d things a minute; the rest of this minute is left out", source, MOST_PER_MINUTE)
        return amount > MOST_PER_MINUTE

    def _on_plugin(self, _event: Event) -> None:
        self._spawn(self._route())

    async def _keep(self, told: Told, recent: _Recent) -> None:
        channels = list(self._channels()) if told.severity.rank >= self._minimum.rank else []
        one = _Unkept(told, recent, channels)
        try:
            if not self._unkept:  # else behind those that wait
                await self._put(one)
                return
        except StorageError as error:
            log.error("a notice waits in memory (%s): %s", error, told.text)  # noqa: TRY400  # a sentence
        if len(self._unkept) >= MOST_UNKEPT:
            self._unkept.pop(0)
            self.left_out += 1
        self._unkept.append(one)
        if self._retry is None or self._retry.done():
            self._retry = asyncio.get_running_loop().create_task(self._keep_later())
        for name in list(channels):
            if await self._hand_directly(name, one):
                channels.remove(name)

    async def _put(self, one: _Unkept) -> None:
        one.recent.notice = await self._outbox.add(one.told, one.channels)
        if one.recent.count > 1:
            await self._outbox.count(one.recent.notice, one.recent.count)
        self._wake_up(one.channels)

    async def _hand_directly(self, channel: str, one: _Unkept) -> bool:
        """Hand a channel what cannot be kept for it; say whether it took it."""
        if self._deliver is None:
            return False
        try:
            notice = self._outbox.unkept(one.told, one.recent.count)
            return bool(await self._deliver(channel, Notification((notice,))))
        except AutocoreError:
            return False

    async def _keep_later(self) -> None:
        while self._unkept:
            await self._clock.sleep(DISK_RETRY_S)
            await self._keep_waiting()

    async def _keep_waiting(self) -> None:
        """Keep what waits in memory, in order, until the disk refuses."""
        while self._unkept:
            one = self._unkept[0]
            try:
                await self._put(one)
            except StorageError:
                return
            if self._unkept and self._unkept[0] is one:
                self._unkept.pop(0)

    async def _count(self, notice: int, count: int) -> None:
        try:
            await self._outbox.count(notice, count)
        except StorageError as error:
            log.error("a notice could not be counted up: %s", error)  # noqa: TRY400  # a sentence

    async def _route(self) -> None:
        """Give what was told while the gateway was down to the channels, and start a carrier for each."""
        channels = tuple(self._channels())
        try:
            await self._outbox.route(channels, self._minimum)
        except StorageError as error:
            log.error("notices that were told while the gateway was down have to wait: %s", error)  # noqa: TRY400
        for name in channels:
            if name not in self._wake:
                self._wake[name] = asyncio.Event()
                self._spawn(self._carry(name), name=_task_name(name))
        self._wake_up(channels)

    def _wake_up(self, channels: Sequence[str]) -> None:
        for name in channels:
            if name in self._wake:
                self._wake[name].set()

    async def _carry(self, channel: str) -> None:
        """Hand one channel what waits for it; when it does not take it, try again later."""
        wake, misses = self._wake[channel], 0
        while True:
            if misses:
                await self._clock.sleep(RETRY_S[min(misses, len(RETRY_S)) - 1])
            else:
                await wake.wait()
            wake.clear()
            try:
                is_done = await self._hand_over(channel)
            except AutocoreError as error:
                if not misses:
                    log.warning("%s does not take notifications; they wait for it: %s", channel, error)
                is_done = False
            misses = 0 if is_done else misses + 1

    async def _hand_over(self, channel: str) -> bool:
        while True:
            notices = await self._outbox.pending(channel, HANDED_AT_ONCE)
            if not notices:
                return True
            if self._deliver is None or not await self._deliver(channel, Notification(tuple(notices))):
                return False
            await self._outbox.delivered(channel, [one.id for one in notices])

    def _spawn(self, work: Any, name: str | None = None) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _task_name(channel: str) -> str:
    return f"notifications to {channel}"

"""Sends what waits: one task, in order, and a message is forgotten only when Telegram has acknowledged it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from autocore.api import AutocoreError, PluginHost, Severity

from .api import Api, Away, Blocked, Rejected, Wait
from .chats import Chats
from .letters import NS, Now, Sheet, compose
from .line import BackOff, Line
from .outbox import Letter, Outbox
from .section import Chat, TelegramSection
from .words import Words

LOOK_S = 60.0  # quiet hours are wall time, which can jump
SENDER = "sender"


class Sender:
    """Carries the outbox to Telegram.

    Args:
        host: whose outbox it is.
        section: gives the quiet hours.
        line: the way to Telegram.
        outbox: what waits.
        chats: who is sent to.
        run: a word for this run of the plugin.
    """

    def __init__(self, host: PluginHost, section: TelegramSection, line: Line, outbox: Outbox, chats: Chats, run: str) -> None:
        self._host = host
        self._section = section
        self._line = line
        self._outbox = outbox
        self._chats = chats
        self._run = run
        self._words = Words(section.language)
        self._wake = asyncio.Event()
        self._not_before_ns: dict[int, int] = {}  # chat -> when Telegram wants to hear of it again
        self.sent = 0
        """Messages that Telegram acknowledged in this run."""

    def wake(self) -> None:
        """Look into the outbox soon."""
        self._wake.set()

    def start(self) -> None:
        """Send from now on, when there is a token; what waits for the end of quiet hours is looked for every minute."""
        if self._section.token is None:
            return
        self._host.spawn(self._run_on())
        if self._section.quiet_hours is not None:
            self._host.schedule.every(LOOK_S, self.wake)

    def is_quiet(self) -> bool:
        """Say whether only what is critical is sent now; without a clock no hour is quiet."""
        hours, (wall_ns, _) = self._section.quiet_hours, self._host.clock.wall_ns()
        if hours is None or wall_ns is None:
            return False
        local = datetime.fromtimestamp(wall_ns / NS, UTC).astimezone()
        return local.hour * 60 + local.minute in hours

    async def _run_on(self) -> None:
        await self._chats.loaded()
        back_off = BackOff(self._host)
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._send_all(await self._line.api())
            except Away as fault:
                self._line.down(SENDER, fault)
            except AutocoreError as error:  # the disk: what waits there waits on
                self._host.log.error("the outbox cannot be used: %s", error)  # noqa: TRY400  # a sentence
            else:
                back_off.reset()
                continue
            await back_off.pause()
            self._wake.set()

    async def _send_all(self, api: Api) -> None:
        least = Severity.CRITICAL if self.is_quiet() else Severity.INFO
        for chat in self._chats.reached():
            if not self._is_held(chat.id):
                await self._send_to(api, chat, least)

    def _is_held(self, chat: int) -> bool:
        return self._host.clock.monotonic_ns() < self._not_before_ns.get(chat, 0)

    async def _send_to(self, api: Api, chat: Chat, least: Severity) -> None:
        # In this order: what is dropped between the two is told of in the next message, and never both lost and sent.
        lost = await self._outbox.lost(chat.id)
        letters = await self._outbox.letters(chat.id, least)
        if not letters:
            return
        sheets = compose(letters, lost, self._now(), self._words)
        while sheets:
            sheet = sheets.pop(0)
            try:
                await api.send(chat.id, sheet.html)
            except Wait as fault:
                self._hold(chat.id, fault.retry_after_s)
                return
            except Blocked as fault:
                await self._give_up(chat, str(fault))
                return
            except Rejected as fault:
                sheets = await self._without(sheet, chat, letters, fault) + sheets
            else:
                self._line.up(SENDER)
                self.sent += len(sheet.letters)
                # Shielded: a stop in this moment must not make the next start send it again.
                await asyncio.shield(self._outbox.done(chat.id, sheet.letters, sheet.told_lost))

    def _hold(self, chat: int, wait_s: float) -> None:
        self._not_before_ns[chat] = self._host.clock.monotonic_ns() + round(wait_s * NS)
        self._host.schedule.after(wait_s, self.wake)

    async def _give_up(self, chat: Chat, reason: str) -> None:
        await self._chats.block(chat.id)
        dropped = await self._outbox.forget(chat.id)
        self._host.log.warning(
            "the chat %s does not want to hear from the bot (%s); %d messages to it were dropped", chat.name, reason, dropped
        )

    async def _without(self, sheet: Sheet, chat: Chat, letters: Sequence[Letter], fault: Rejected) -> list[Sheet]:
        """Give what to send in the place of a refused message: its parts one by one, and nothing for a single one."""
        if len(sheet.letters) > 1:
            parts = [one for one in letters if one.id in sheet.letters]
            return compose(parts, sheet.told_lost, self._now(), self._words, is_split=True)
        self._host.log.error("Telegram refuses a message to the chat %s, which is dropped: %s", chat.name, fault)
        await self._outbox.done(chat.id, sheet.letters)
        return []

    def _now(self) -> Now:
        wall_ns, _ = self._host.clock.wall_ns()
        return Now(wall_ns, self._host.clock.monotonic_ns(), self._run)

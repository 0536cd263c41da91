"""Which chats are answered: those of the configuration, and those that were paired, which are kept. It refuses all others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from autocore.api import PluginHost, Refused, Severity, UnknownName

from .section import Chat, TelegramSection, chat_of

MOST_PAIRED = 50


class Chats:
    """All chats by number.

    Args:
        host: keeps the paired ones.
        section: names the others, and says from which severity on notices are sent.
    """

    def __init__(self, host: PluginHost, section: TelegramSection) -> None:
        self._host = host
        self._minimum = section.minimum
        self._chats = {chat.id: chat for chat in section.chats}
        self._blocked: set[int] = set()
        self._loaded = asyncio.Event()

    def __iter__(self) -> Iterator[Chat]:
        """Give the chats, those of the configuration first."""
        return iter(self._chats.values())

    def __len__(self) -> int:
        return len(self._chats)

    async def load(self) -> None:
        """Read those that were paired earlier."""
        for facts in await self._host.store.get("paired", []):
            self._chats.setdefault(facts["id"], chat_of(facts, is_written=False))
        self._blocked = set(await self._host.store.get("blocked", [])) & set(self._chats)
        self._loaded.set()

    async def loaded(self) -> None:
        """Return when the paired ones are known."""
        await self._loaded.wait()

    def find(self, chat: int) -> Chat | None:
        """Give a chat, None when it is a stranger's."""
        return self._chats.get(chat)

    def has_blocked(self, chat: int) -> bool:
        """Say whether a chat does not want to hear from the bot."""
        return chat in self._blocked

    def reached(self) -> list[Chat]:
        """Give the chats that are sent to."""
        return [chat for chat in self if chat.id not in self._blocked]

    def minimum(self, chat: Chat) -> Severity:
        """Give from which severity on a chat is sent notices."""
        return self._minimum if chat.minimum is None else chat.minimum

    async def add(self, chat: Chat) -> None:
        """Pair a chat; one that is paired gets the new role.

        Raises:
            Refused: it stands in the configuration, or there are too many.
        """
        known = self._chats.get(chat.id)
        if known is not None and known.is_written:
            raise Refused(f"the chat {chat.id} stands in the configuration; change it there", code="taken")
        if known is None and sum(not one.is_written for one in self) >= MOST_PAIRED:
            raise Refused(f"{MOST_PAIRED} chats are paired already; unpair one", code="full")
        self._chats[chat.id] = chat
        self._blocked.discard(chat.id)
        await self._save()

    async def remove(self, chat: int) -> Chat:
        """Unpair a chat.

        Raises:
            UnknownName: it is not paired.
            Refused: it stands in the configuration.
        """
        known = self._chats.get(chat)
        if known is None:
            raise UnknownName("paired chat", str(chat))
        if known.is_written:
            raise Refused(f"the chat {chat} stands in the configuration; take it out there", code="taken")
        del self._chats[chat]
        self._blocked.discard(chat)
        await self._save()
        return known

    async def block(self, chat: int) -> None:
        """Note that a chat does not want to hear from the bot."""
        self._blocked.add(chat)
        await self._save()

    async def unblock(self, chat: int) -> None:
        """Note that a chat spoke to the bot, so it wants to hear from it again."""
        if chat in self._blocked:
            self._blocked.discard(chat)
            await self._save()

    async def _save(self) -> None:
        paired = [
            {"id": one.id, "name": one.name, "role": one.role.name.lower(), "minimum": one.minimum}
            for one in self
            if not one.is_written
        ]
        await self._host.store.set("paired", paired)
        await self._host.store.set("blocked", sorted(self._blocked))

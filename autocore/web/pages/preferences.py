"""What each person chose for themselves: language, units, light or dark. Kept in state.db, read from memory."""

from __future__ import annotations

from typing import Literal

import msgspec

from autocore.core.storage.state import KeyValue

KEY = "preferences"
MOST_USERS = 1_000


class Preference(msgspec.Struct, frozen=True, omit_defaults=True):
    """One person's choices; an empty one leaves it to the browser or the configuration."""

    language: Literal["", "en", "pt-BR"] = ""
    units: Literal["", "metric", "imperial"] = ""
    colours: Literal["", "light", "dark"] = ""


class Preferences:
    """The choices of all users."""

    def __init__(self, store: KeyValue) -> None:
        self._store = store
        self._of: dict[str, Preference] = {}

    async def start(self) -> None:
        """Read what was chosen."""
        kept = await self._store.get(KEY, {})
        self._of = msgspec.convert(kept, dict[str, Preference])

    def of(self, user: str | None) -> Preference:
        """Give what a user chose."""
        return self._of.get(user or "", Preference())

    async def set(self, user: str, preference: Preference) -> None:
        """Keep what a user chose; the oldest of more than a thousand goes."""
        self._of.pop(user, None)
        self._of[user] = preference
        while len(self._of) > MOST_USERS:
            del self._of[next(iter(self._of))]
        await self._store.set(KEY, msgspec.to_builtins(self._of))

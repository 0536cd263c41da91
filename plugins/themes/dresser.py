"""What happens when a theme is chosen, made or deleted: it is kept, the admin wears it, the entity follows, displays are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from autocore.api import N_, Cause, Command, Entity, PluginHost, Select

from .announce import TOPIC, Announcer, ThemeUpdate
from .builtin import SYSTEM
from .contrast import failing
from .faults import Kept
from .section import ThemesSection
from .theme import Theme
from .wardrobe import Owner, Wardrobe


class Dresser:
    """Changes themes, one change at a time.

    Attributes:
        wardrobe: the themes.
        announcer: tells displays.
        entity: `select.theme`, once it was added.
    """

    def __init__(self, host: PluginHost, section: ThemesSection) -> None:
        self.wardrobe = Wardrobe(host, section)
        self.announcer = Announcer(host)
        self._host = host
        self._is_worn_by_web = section.web
        self._turn = asyncio.Lock()
        self._is_read = asyncio.Event()
        self._is_usable = False
        self.entity: Entity | None = None

    def start(self) -> None:
        """Claim the topic, add the entity, wear what the configuration says, and read meanwhile what people chose."""
        self._host.mqtt.claim(TOPIC, payload=ThemeUpdate, qos=1, retain=True)
        self.entity = self._host.entities.add(self._description(), self._on_command)
        self._wear(self.wardrobe.active)
        self._host.spawn(self._restore())

    async def apply(self, name: str, cause: Cause | None = None) -> Theme:
        """Wear a theme; raises `UnknownName`."""
        async with self._changing():
            theme = await self.wardrobe.choose(name)
            await self._show(cause)
        return theme

    async def save(self, theme: Theme, cause: Cause | None = None, *, is_forced: bool = False, is_new: bool = False) -> Theme:
        """Keep a theme that people made; the one of its name is replaced, and what wears it changes at once.

        Args:
            theme: to keep.
            cause: who wants it.
            is_forced: True keeps one whose text is hard to read, too.
            is_new: True refuses the name of another theme.

        Raises:
            Kept: `conflict`, `full`, `contrast` or `starting`.
        """
        async with self._changing():
            self.wardrobe.check_free(theme.name, is_new=is_new)
            if not is_forced:
                check_readable(theme)
            await self.wardrobe.keep(theme)
            await self._show(cause)
        return theme

    async def delete(self, name: str, cause: Cause | None = None) -> None:
        """Delete a theme that people made; raises `UnknownName` or `Kept`."""
        async with self._changing():
            await self.wardrobe.drop(name)
            await self._show(cause)

    def facts(self) -> Mapping[str, Any]:
        """Give what helps to find a fault."""
        held = list(self.wardrobe)
        return {
            "active": self.wardrobe.active.name,
            "version": self.announcer.version,
            "read": self._is_usable,
            "web": self._is_worn_by_web,
            "made": [one.theme.name for one in held if one.owner is Owner.PEOPLE],
            "configured": {one.theme.name: one.place for one in held if one.owner is Owner.CONFIGURATION},
            "hard_to_read": [one.theme.name for one in held if one.failing],
            "problems": [str(one) for one in self.wardrobe.problems],
        }

    @asynccontextmanager
    async def _changing(self) -> AsyncIterator[None]:
        await self._is_read.wait()
        if not self._is_usable:  # what is kept could not be read, so writing would delete it
            raise Kept(N_("the themes that are kept could not be read; the log says why"), code="starting")
        async with self._turn:
            yield

    async def _restore(self) -> None:
        try:
            await self.wardrobe.restore()
            await self.announcer.restore()
            self._is_usable = True
        finally:
            self._is_read.set()
        async with self._turn:
            for held in self.wardrobe:
                if held.owner is Owner.CONFIGURATION and held.failing:
                    pairs = ", ".join(f"{one.front} on {one.back}" for one in held.failing)
                    self._host.log.warning("the theme %s (%s) is hard to read: %s", held.theme.name, held.place, pairs)
            await self._show(None)

    async def _show(self, cause: Cause | None) -> None:
        """Let everything that shows a theme show the present one."""
        theme = self.wardrobe.active
        if self.entity is not None:
            self._offer(self.entity)
            if self.entity.state.value != theme.name or not self.entity.state.available:
                self.entity.set(theme.name, cause)
        self._wear(theme)
        if await self.announcer.tell(theme):
            self._host.events.emit("changed", {"theme": theme.name, "version": self.announcer.version}, cause)

    def _offer(self, entity: Entity) -> None:
        # Not removed and added again: people may have renamed it, and its last value stands in its history.
        self._host.entities.describe(entity, self._description())

    def _description(self) -> Select:
        return Select("theme", name=N_("Theme"), icon="palette", options=self.wardrobe.names)

    def _wear(self, theme: Theme) -> None:
        if self._is_worn_by_web:
            self._host.panels.wear(None if theme.name == SYSTEM else theme.look())

    async def _on_command(self, command: Command) -> Mapping[str, Any]:
        theme = await self.apply(command.data["option"], command.caller.cause)
        return {"option": theme.name}


def check_readable(theme: Theme) -> None:
    """Refuse a theme whose pairs cannot be told apart well enough; raises `Kept` (`contrast`)."""
    found = failing(theme.colours)
    if found:
        first = found[0]
        text = N_(
            "%(front)s on %(back)s has a contrast of %(ratio)s and needs %(needed)s; take %(suggestion)s, or save it all the same"
        )
        raise Kept(
            text,
            code="contrast",
            front=first.front,
            back=first.back,
            ratio=first.shown,
            needed=first.needed,
            suggestion=first.suggestion,
        )

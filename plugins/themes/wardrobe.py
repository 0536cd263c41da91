"""All themes by name, whose each one is, and which is worn. Those made here are kept in the plugin's store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from autocore.api import N_, InvalidData, PluginHost, UnknownName

from .builtin import BUILT_IN
from .contrast import Finding, check, failing
from .faults import Kept
from .section import ThemesSection, key_of
from .theme import Theme, theme_of

STORED_THEMES = "themes"
STORED_ACTIVE = "active"
MOST_MADE = 50  # more cannot be looked through, and each is an option of an entity


class Owner(StrEnum):
    """Whose a theme is."""

    PROGRAM = "program"
    CONFIGURATION = "configuration"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Held:
    """A theme, whose it is, and where it stands in the configuration."""

    theme: Theme
    owner: Owner
    place: str | None = None

    @property
    def findings(self) -> Sequence[Finding]:
        """Give what the contrast check says of it."""
        return check(self.theme.colours)

    @property
    def failing(self) -> Sequence[Finding]:
        """Give the pairs that cannot be told apart well enough."""
        return failing(self.theme.colours)


class Wardrobe:
    """The themes of the program, of the configuration and of people, each with one owner.

    Attributes:
        problems: what was kept and is not used.
    """

    def __init__(self, host: PluginHost, section: ThemesSection) -> None:
        self.problems: list[Kept] = []
        self._host = host
        self._made: dict[str, Theme] = {}
        self._unused: list[Any] = []  # kept as it was found: an older program must not delete what a newer one made
        self._active = section.active
        self._first = section.active
        self._fixed = {name: Held(theme, Owner.PROGRAM) for name, theme in BUILT_IN.items()} | {
            name: Held(theme, Owner.CONFIGURATION, host.place("themes", name)) for name, theme in section.themes.items()
        }

    def __iter__(self) -> Iterator[Held]:
        """Give the program's themes, the configuration's, and people's by name."""
        made = sorted(self._made.values(), key=lambda theme: key_of(theme.name))
        return iter([*self._fixed.values(), *(Held(theme, Owner.PEOPLE) for theme in made)])

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names of all themes."""
        return tuple(held.theme.name for held in self)

    @property
    def active(self) -> Theme:
        """Give the theme that is worn."""
        return self.get(self._active).theme

    async def restore(self) -> None:
        """Take up what people made and chose before; what cannot be used any more is said, kept and left alone."""
        stored = await self._host.store.get(STORED_THEMES, [])
        for item in stored if isinstance(stored, list) else [stored]:
            try:
                theme = theme_of(item["name"], {key: value for key, value in item.items() if key != "name"})
            except (InvalidData, KeyError, TypeError, AttributeError) as error:
                self._leave(item, N_("a theme that was kept is not used: %(reason)s"), reason=str(error))
                continue
            if (other := self.find(theme.name)) is not None:
                text = N_("%(name)s made here is not used: there is another of that name (%(place)s)")
                self._leave(item, text, name=theme.name, place=other.place or other.owner.value)
            else:
                self._made[theme.name] = theme
        chosen = await self._host.store.get(STORED_ACTIVE)
        if chosen in self.names:
            self._active = chosen
        elif chosen is not None:
            self._leave(None, N_("the chosen theme %(name)s is gone; %(first)s is worn instead"), name=chosen, first=self._first)

    def find(self, name: str) -> Held | None:
        """Give the theme of a name, without regard to capitals; None when there is none."""
        return next((held for held in self if key_of(held.theme.name) == key_of(name)), None)

    def get(self, name: str) -> Held:
        """Give the theme of a name; raises `UnknownName` with the nearest."""
        found = self.find(name)
        if found is None:
            raise UnknownName("theme", name, next(iter(get_close_matches(name, self.names, 1)), None))
        return found

    async def choose(self, name: str) -> Theme:
        """Wear a theme from now on; raises `UnknownName`."""
        theme = self.get(name).theme
        await self._host.store.set(STORED_ACTIVE, theme.name)
        self._active = theme.name
        return theme

    def check_free(self, name: str, *, is_new: bool = False) -> None:
        """Refuse a name under which nothing may be kept here.

        Args:
            name: of the theme.
            is_new: True refuses the name of a theme that people made, too.

        Raises:
            Kept: `conflict` with the place in the configuration, or `full`.
        """
        held = self.find(name)
        if held is None:
            if len(self._made) >= MOST_MADE:
                text = N_("there are %(most)s themes made here already; delete one first")
                raise Kept(text, code="full", most=MOST_MADE)
        elif held.owner is not Owner.PEOPLE:
            raise _owned(held)
        elif is_new:
            raise Kept(N_("there is a theme %(name)s already; give this one another name"), code="conflict", name=held.theme.name)

    async def keep(self, theme: Theme) -> None:
        """Keep a theme that people made, in place of the one of its name; raises `Kept`."""
        self.check_free(theme.name)
        old = self.find(theme.name)
        made = {name: one for name, one in self._made.items() if old is None or name != old.theme.name}
        await self._write(made | {theme.name: theme})
        if old is not None and self._active == old.theme.name != theme.name:
            await self.choose(theme.name)

    async def drop(self, name: str) -> None:
        """Delete a theme that people made.

        Raises:
            UnknownName: there is none of that name.
            Kept: `conflict`: it is not theirs; `active`: it is worn.
        """
        held = self.get(name)
        if held.owner is not Owner.PEOPLE:
            raise _owned(held)
        if held.theme.name == self._active:
            text = N_("%(name)s is worn now; apply another theme first, then delete it")
            raise Kept(text, code="active", name=held.theme.name)
        await self._write({one: theme for one, theme in self._made.items() if one != held.theme.name})

    async def _write(self, made: Mapping[str, Theme]) -> None:
        rows = [{"name": theme.name, **theme.fields()} for theme in made.values()]
        await self._host.store.set(STORED_THEMES, [*rows, *self._unused])
        self._made = dict(made)

    def _leave(self, item: Any, text: str, **values: Any) -> None:
        if item is not None:
            self._unused.append(item)
        problem = Kept(text, code="unused", **values)
        self.problems.append(problem)
        self._host.log.warning("%s", problem)


def _owned(held: Held) -> Kept:
    name = held.theme.name
    if held.owner is Owner.PROGRAM:
        return Kept(N_("%(name)s comes with AutoCore and stays as it is; save it under another name"), code="conflict", name=name)
    text = N_("%(name)s stands in %(place)s; change it there")
    return Kept(text, code="conflict", name=name, place=held.place or "config.yaml")

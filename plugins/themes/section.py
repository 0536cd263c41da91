"""The section `themes` of the configuration, and what it says, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from autocore.api import N_, InvalidData

from .builtin import BUILT_IN, SYSTEM
from .theme import Theme, name_of, theme_of


@dataclass(frozen=True, slots=True)
class ThemesSection:
    """The whole section.

    Args:
        active: what is worn until somebody chooses another.
        web: whether the admin wears it too.
        themes: those of the configuration, by name.
    """

    active: str
    web: bool
    themes: Mapping[str, Theme]


def key_of(name: str) -> str:
    """Give what makes two names the same: people do not tell `Night red` and `night Red` apart."""
    return name.casefold()


def _written(section: Any) -> Any:
    """Take a section without content for its defaults."""
    return {} if section is None else section


def _themes(themes: Any) -> dict[str, Theme]:
    if not isinstance(themes, Mapping):
        raise vol.Invalid("expected themes by name; write e.g. Forest: {primary: '#2e7d32', …}")
    made: dict[str, Theme] = {}
    taken = {key_of(name) for name in BUILT_IN}
    for name, fields in themes.items():
        if not isinstance(fields, Mapping):
            raise vol.Invalid("expected the fields of a theme; write e.g. {primary: '#2e7d32', …}", path=[name])
        try:
            if name_of(name) != name:
                raise vol.Invalid("a name begins and ends without a space", path=[name])
            theme = made[name] = theme_of(name, fields)
        except InvalidData as error:
            raise vol.Invalid(error.message, path=[name, error.field] if error.field in fields else [name]) from error
        if key_of(theme.name) in taken:
            raise vol.Invalid(f"there is a theme {name} already; give this one another name", path=[name])
        taken.add(key_of(theme.name))
    return made


def _known(section: Mapping[str, Any]) -> Mapping[str, Any]:
    names = (*BUILT_IN, *section["themes"])
    if section["active"] not in names:
        raise vol.Invalid(f"there is no such theme here; use one of {', '.join(names)}", path=["active"])
    return section


SCHEMA = vol.Schema(
    vol.All(
        _written,
        {
            vol.Optional("active", default=SYSTEM, description=N_("worn until somebody chooses another")): str,
            vol.Optional("web", default=True, description=N_("whether the admin wears it too")): bool,
            vol.Optional(
                "themes", default=dict, description=N_("yours by name: ten colours, border_radius, shadow_style, font_family")
            ): _themes,
        },
        _known,
    )
)


def section_of(section: Mapping[str, Any]) -> ThemesSection:
    """Give what a validated section says."""
    return ThemesSection(section["active"], section["web"], section["themes"])

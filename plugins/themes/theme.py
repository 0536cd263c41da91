"""What a theme is: ten colours, a radius, a shadow, a font. Pure values: no store, no web. It refuses what is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autocore.api import N_, Look

from .contrast import is_dark
from .faults import BadTheme

COLOURS, SHADOWS, FONTS = Look.COLOURS, Look.SHADOWS, Look.FONTS
ROUNDEST_PX = Look.ROUNDEST_PX
RADIUS_PX = 12  # of a theme that says none; boards of protocol 2.x have the same
LONGEST_NAME = 40
FIELDS = (*COLOURS, "border_radius", "shadow_style", "font_family")
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Theme:
    """One theme. Colours are `#rrggbb` in lower case, the radius is in px; `theme_of` makes one of what people wrote."""

    name: str
    primary: str
    secondary: str
    background: str
    surface: str
    success: str
    warning: str
    error: str
    info: str
    text_primary: str
    text_secondary: str
    border_radius_px: int = RADIUS_PX
    shadow_style: str = "none"
    font_family: str = "system"

    @property
    def is_dark(self) -> bool:
        """Say whether white is easier to read on the background than black."""
        return is_dark(self.background)

    @property
    def colours(self) -> dict[str, str]:
        """Give the ten colours by name."""
        return {name: getattr(self, name) for name in COLOURS}

    def fields(self) -> dict[str, Any]:
        """Give what makes the theme, without its name, under the names that people write; `theme_of` reads it back."""
        return {
            **self.colours,
            "border_radius": self.border_radius_px,
            "shadow_style": self.shadow_style,
            "font_family": self.font_family,
        }

    def look(self) -> Look:
        """Give the theme as the admin wears it."""
        return Look(
            name=self.name,
            is_dark=self.is_dark,
            **self.colours,
            border_radius_px=self.border_radius_px,
            shadow=self.shadow_style,
            font=self.font_family,
        )


def theme_of(name: Any, fields: Mapping[str, Any]) -> Theme:
    """Give the theme that `fields` describe: all ten colours, and `border_radius`, `shadow_style`, `font_family` if they like.

    Raises:
        BadTheme: with the field; fields that no theme has are named, all of them.
    """
    foreign = sorted(str(key) for key in fields if key not in FIELDS)
    if foreign:
        text = N_("a theme has no %(foreign)s; it has %(known)s")
        raise BadTheme(text, field=foreign[0], foreign=", ".join(foreign)[:200], known=", ".join(FIELDS))
    return Theme(
        name_of(name),
        **{one: colour_of(fields.get(one), one) for one in COLOURS},
        border_radius_px=_radius_of(fields.get("border_radius", RADIUS_PX)),
        shadow_style=_word_of(fields.get("shadow_style", SHADOWS[0]), SHADOWS, "shadow_style"),
        font_family=_word_of(fields.get("font_family", FONTS[0]), FONTS, "font_family"),
    )


def name_of(name: Any) -> str:
    """Give a theme's name: 1 to 40 printable characters, no space at either end; raises `BadTheme`."""
    if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME or not name.isprintable():
        raise BadTheme(N_("a name has 1 to %(longest)s printable characters"), field="name", longest=LONGEST_NAME)
    return name.strip()


def colour_of(value: Any, field: str) -> str:
    """Give `#rrggbb` in lower case for a colour of three or six hexadecimal digits.

    Raises:
        BadTheme: it is none; in YAML a colour without quotes is a comment, so None is told of that.
    """
    if value is None:
        raise BadTheme(N_("a colour is missing; write e.g. '#1766c2', in quotes"), field=field)
    if not isinstance(value, str) or value[:1] != "#" or len(value) not in (4, 7) or not _HEX.issuperset(value[1:]):
        raise BadTheme(N_("%(value)s is no colour; write e.g. '#1766c2'"), field=field, value=repr(value)[:60])
    digits = value[1:] if len(value) == len("#rrggbb") else "".join(one * 2 for one in value[1:])
    return f"#{digits.lower()}"


def _radius_of(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= ROUNDEST_PX:
        raise BadTheme(N_("a radius is a whole number from 0 to %(most)s px"), field="border_radius", most=ROUNDEST_PX)
    return value


def _word_of(value: Any, known: tuple[str, ...], field: str) -> str:
    if value not in known:
        raise BadTheme(N_("write one of %(known)s"), field=field, known=", ".join(known))
    return str(value)

"""The themes that come with AutoCore. Every one passes the contrast check; a test holds it."""

from __future__ import annotations

from collections.abc import Mapping

from .theme import COLOURS, Theme

SYSTEM = "AutoCore"
"""The theme that leaves the admin its own light and dark, as each person set it; displays wear the light one's colours."""


def _theme(name: str, colours: str, radius_px: int, shadow: str) -> Theme:
    return Theme(name, **dict(zip(COLOURS, colours.split(), strict=True)), border_radius_px=radius_px, shadow_style=shadow)


# primary secondary background surface success warning error info text_primary text_secondary
_LIGHT = "#1766c2 #5a6675 #f4f6f9 #ffffff #1d7a35 #8a5a00 #b3261e #8034a8 #182433 #5a6675"
_DARK = "#4f9bea #a3b0c2 #11181f #182433 #7fd486 #ffc25c #ff9a92 #d29bf0 #e6ebf2 #a3b0c2"
# Red light spares the eye that has got used to the dark: no green or blue beyond what the contrast needs.
_NIGHT = "#e0402f #a83226 #000000 #120303 #d9663a #f07a1a #ff3b30 #d0505f #ff4d42 #ec3a30"
_HIGH = "#ffff00 #00ffff #000000 #000000 #00ff00 #ffd000 #ff8080 #00ffff #ffffff #ffffff"

BUILT_IN: Mapping[str, Theme] = {
    theme.name: theme
    for theme in (
        _theme(SYSTEM, _LIGHT, 10, "none"),
        _theme("AutoCore Light", _LIGHT, 10, "soft"),
        _theme("AutoCore Dark", _DARK, 10, "none"),
        _theme("Night Red", _NIGHT, 10, "none"),
        _theme("High Contrast", _HIGH, 4, "none"),
    )
}

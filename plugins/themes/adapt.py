"""What becomes of a theme on each type of device. The types are a table; a new one is a row in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from autocore.api import N_

from .contrast import channels, hex_of
from .theme import ROUNDEST_PX, Theme

RED, GREEN, BLUE = 31, 63, 31  # the greatest values of five, six and five bits
BYTE = 255


@dataclass(frozen=True, slots=True)
class DeviceType:
    """One type of device, of those that have screens.

    Args:
        name: as it is written on the wire.
        title: as people call it.
        width_px: of a typical one; the preview has this shape.
        height_px: see `width_px`.
        columns: of the grid on it.
        font_size_px: of plain text.
        roundest_px: a larger radius is cut to this.
        has_shadows: whether it can draw them.
        is_rgb565: whether its panel takes 16 bits a pixel; the colours are then sent as such numbers too.
    """

    name: str
    title: str
    width_px: int
    height_px: int
    columns: int
    font_size_px: int
    roundest_px: int = ROUNDEST_PX
    has_shadows: bool = True
    is_rgb565: bool = False


# Names, the font sizes of mobile (14) and display_small (12) and the columns are the specification's. Screens are those of the
# devices in use: a phone of 375 x 667, an ESP32 with an ILI9341 of 320 x 240, a car display of 800 x 480. The rest is ours: 16 px
# is what browsers call medium, text on a display at arm's length is no smaller, and a board without a graphics processor
# draws neither blurred shadows nor large smooth corners in time.
DEVICE_TYPES: Mapping[str, DeviceType] = {
    one.name: one
    for one in (
        DeviceType("mobile", N_("Phone"), 375, 667, 2, 14),
        DeviceType("display_small", N_("Small display"), 320, 240, 2, 12, 8, has_shadows=False, is_rgb565=True),
        DeviceType("display_large", N_("Large display"), 800, 480, 4, 16, 16),
        DeviceType("web", N_("Browser"), 1280, 720, 4, 16),
    )
}


class Style(msgspec.Struct, frozen=True):
    """What is not colour: radius and font size in px, the words for shadow and font."""

    border_radius: int
    shadow_style: str
    font_family: str
    font_size_base: int


class DeviceTheme(msgspec.Struct, frozen=True):
    """A theme as one type of device wears it; `colors_rgb565` are the same colours as numbers of 16 bits, where it wants them."""

    colors: dict[str, str]
    style: Style
    colors_rgb565: dict[str, int] | None = None


def adapt(theme: Theme, device: DeviceType) -> DeviceTheme:
    """Give the theme as `device` wears it."""
    style = Style(
        min(theme.border_radius_px, device.roundest_px),
        theme.shadow_style if device.has_shadows else "none",
        theme.font_family,
        device.font_size_px,
    )
    numbers = {name: rgb565(colour) for name, colour in theme.colours.items()} if device.is_rgb565 else None
    return DeviceTheme(theme.colours, style, numbers)


def rgb565(colour: str) -> int:
    """Give `#rrggbb` in five, six and five bits, each rounded to the nearest."""
    red, green, blue = channels(colour)
    return round(red * RED / BYTE) << 11 | round(green * GREEN / BYTE) << 5 | round(blue * BLUE / BYTE)


def hex_of_rgb565(number: int) -> str:
    """Give the colour that a panel of 16 bits a pixel shows for a number; at most 4 of 255 away from what was meant."""
    red, green, blue = number >> 11 & RED, number >> 5 & GREEN, number & BLUE
    return hex_of(round(red * BYTE / RED), round(green * BYTE / GREEN), round(blue * BYTE / BLUE))


def shown_on(worn: DeviceTheme) -> dict[str, str]:
    """Give the colours that people see: on a panel of 16 bits those that it can show."""
    if worn.colors_rgb565 is None:
        return worn.colors
    return {name: hex_of_rgb565(number) for name, number in worn.colors_rgb565.items()}

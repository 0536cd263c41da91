"""A small dashboard as each type of device would show it in a theme: shapes in px, for the preview to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autocore.api import N_

from .adapt import DEVICE_TYPES, DeviceType, adapt, shown_on
from .contrast import BLACK, WHITE, is_dark
from .theme import Theme

WIDEST_PX = 480  # a larger screen is drawn smaller with its text as large as it is, so that the text can be read
GAP_PX = 10
FONTS: Mapping[str, str] = {
    "system": "system-ui, sans-serif",
    "serif": "Georgia, serif",
    "monospace": "ui-monospace, monospace",
    "rounded": "ui-rounded, system-ui, sans-serif",
}
# How far a shadow lies below and beside its card in px, its colour and how much of it is seen.
SHADOWS: Mapping[str, Sequence[tuple[int, str, float]]] = {
    "none": (),
    "soft": ((2, BLACK, 0.18),),
    "neumorphic": ((-2, WHITE, 0.3), (3, BLACK, 0.28)),
    "strong": ((5, BLACK, 0.4),),
}
READINGS: Sequence[tuple[str, float, int, str, str]] = (
    (N_("Speed"), 84, 0, "km/h", "primary"),
    (N_("Battery"), 12.6, 1, "V", "success"),
    (N_("Coolant"), 104, 0, "°C", "warning"),
    (N_("Oil"), 0.4, 1, "bar", "error"),
)


@dataclass(frozen=True, slots=True)
class Card:
    """One card of the dashboard; `reading` is a row of `READINGS`, None for the card with the chart."""

    x: float
    y: float
    width: float
    height: float
    reading: tuple[str, float, int, str, str] | None


@dataclass(frozen=True, slots=True)
class Mock:
    """One drawing: sizes in px, colours as people would see them on that device."""

    device: DeviceType
    width: int
    height: int
    bar: int
    font_size: int
    radius: int
    font: str
    colours: Mapping[str, str]
    on_primary: str
    shadows: Sequence[tuple[int, str, float]]
    cards: Sequence[Card]

    @property
    def is_tall(self) -> bool:
        """Say whether it is higher than wide."""
        return self.height > self.width


def mocks_of(theme: Theme) -> list[Mock]:
    """Give a drawing for each type of device."""
    return [_mock(theme, device) for device in DEVICE_TYPES.values()]


def _mock(theme: Theme, device: DeviceType) -> Mock:
    worn = adapt(theme, device)
    scale = min(1.0, WIDEST_PX / device.width_px)
    width, height = round(device.width_px * scale), round(device.height_px * scale)
    bar = round(worn.style.font_size_base * 2.4)
    colours = shown_on(worn)
    return Mock(
        device,
        width,
        height,
        bar,
        worn.style.font_size_base,
        worn.style.border_radius,
        FONTS[worn.style.font_family],
        colours,
        WHITE if is_dark(colours["primary"]) else BLACK,
        SHADOWS[worn.style.shadow_style],
        _cards(width, height - bar, bar, device.columns),
    )


def _cards(width: int, height: int, top: int, columns: int) -> list[Card]:
    rows = -(-len(READINGS) // columns)
    card_width = (width - GAP_PX * (columns + 1)) / columns
    card_height = (height - GAP_PX * (rows + 2)) / (rows + 1)

    def place(index: int) -> dict[str, Any]:
        row, column = divmod(index, columns)
        return {"x": GAP_PX + column * (card_width + GAP_PX), "y": top + GAP_PX + row * (card_height + GAP_PX)}

    cards = [Card(**place(index), width=card_width, height=card_height, reading=one) for index, one in enumerate(READINGS)]
    chart = place(rows * columns)
    return [*cards, Card(**chart, width=width - 2 * GAP_PX, height=card_height, reading=None)]

"""How well colours can be told apart: relative luminance and contrast ratio of WCAG 2.2. Pure functions of `#rrggbb`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

TEXT_NEEDS = 4.5  # WCAG 2.2, 1.4.3 Contrast (Minimum)
SIGN_NEEDS = 3.0  # WCAG 2.2, 1.4.11 Non-text Contrast
DARK_BELOW = 0.179  # the luminance on which black and white have the same contrast: sqrt(1.05 * 0.05) - 0.05
FLARE = 0.05  # WCAG 2.2, contrast ratio: what a screen reflects of the light around it
BLACK, WHITE = "#000000", "#ffffff"
STEPS = 256  # of a mixture with black or white: no byte is left out
PAIRS: Sequence[tuple[str, str, float]] = (
    *((text, ground, TEXT_NEEDS) for text in ("text_primary", "text_secondary") for ground in ("background", "surface")),
    *((sign, "surface", SIGN_NEEDS) for sign in ("primary", "success", "warning", "error", "info")),
)
"""What is looked at on what, and the ratio it needs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the check says of one pair.

    Args:
        front: the field of the colour in front, e.g. `text_primary`.
        back: the field of the colour behind it.
        ratio: 1 to 21.
        needed: the least ratio that passes.
        suggestion: a colour near the one in front that passes, on every ground it stands on if there is one; None when
            nothing has to change.
    """

    front: str
    back: str
    ratio: float
    needed: float
    suggestion: str | None

    @property
    def passes(self) -> bool:
        """Say whether the pair can be told apart."""
        return self.ratio >= self.needed

    @property
    def shown(self) -> float:
        """Give the ratio cut, not rounded, to two digits: 4.499 must not read as 4.5."""
        return int(self.ratio * 100) / 100


def luminance(colour: str) -> float:
    """Give the relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    red, green, blue = channels(colour)
    return 0.2126 * _LINEAR[red] + 0.7152 * _LINEAR[green] + 0.0722 * _LINEAR[blue]


def ratio(one: str, other: str) -> float:
    """Give the contrast ratio of two colours, 1 to 21, whichever stands in front."""
    return _ratio(luminance(one), luminance(other))


def is_dark(colour: str) -> bool:
    """Say whether white is easier to read on `colour` than black."""
    return luminance(colour) < DARK_BELOW


def check(colours: Mapping[str, str]) -> list[Finding]:
    """Give what the check says of every pair of `PAIRS`, for a theme's colours by field."""
    return [_finding(colours, front, back, needed) for front, back, needed in PAIRS]


def failing(colours: Mapping[str, str]) -> list[Finding]:
    """Give the findings that do not pass."""
    return [one for one in check(colours) if not one.passes]


def suggest(front: str, backs: Sequence[str], needed: float) -> str | None:
    """Give the nearest mixture of `front` with black or white that has `needed` on all of `backs`; None when none has.

    On one ground there always is one while `needed` is at most 4.5.
    """
    grounds = [luminance(back) for back in backs]

    def passes(colour: str) -> bool:
        return all(_ratio(luminance(colour), ground) >= needed for ground in grounds)

    if passes(front):
        return front
    found = [_mixture(front, WHITE, needed * (ground + FLARE) - FLARE, passes) for ground in grounds]
    found += [_mixture(front, BLACK, (ground + FLARE) / needed - FLARE, passes) for ground in grounds]
    return min((one for one in found if one is not None), key=lambda one: _distance(front, one), default=None)


def channels(colour: str) -> tuple[int, int, int]:
    """Give red, green and blue, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def hex_of(red: int, green: int, blue: int) -> str:
    """Give `#rrggbb` of red, green and blue, 0 to 255."""
    return f"#{red:02x}{green:02x}{blue:02x}"


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # the standard's


_LINEAR = tuple(_linear(byte / 255) for byte in range(256))


def _ratio(one: float, other: float) -> float:
    return (max(one, other) + FLARE) / (min(one, other) + FLARE)


def _finding(colours: Mapping[str, str], front: str, back: str, needed: float) -> Finding:
    found = ratio(colours[front], colours[back])
    if found >= needed:
        return Finding(front, back, found, needed, None)
    grounds = [colours[ground] for sign, ground, _ in PAIRS if sign == front]
    suggestion = suggest(colours[front], grounds, needed) or suggest(colours[front], [colours[back]], needed)
    return Finding(front, back, found, needed, suggestion)


def _mixture(front: str, target: str, bound: float, passes: Callable[[str], bool]) -> str | None:
    """Give the first mixture on the way from `front` to black or white whose luminance has reached `bound`, if it passes."""
    sign = 1 if target == WHITE else -1
    step = bisect_left(range(STEPS), sign * bound, key=lambda step: sign * luminance(_mixed(front, target, step)))
    # The bound is rounded: the step that reaches it may still lack a billionth of the ratio, and the next does not.
    return next((mixed for one in (step, step + 1) if one < STEPS and passes(mixed := _mixed(front, target, one))), None)


def _mixed(front: str, target: str, step: int) -> str:
    return hex_of(
        *(round(one + (other - one) * step / (STEPS - 1)) for one, other in zip(channels(front), channels(target), strict=True))
    )


def _distance(one: str, other: str) -> int:
    return sum((a - b) ** 2 for a, b in zip(channels(one), channels(other), strict=True))

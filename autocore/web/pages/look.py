"""The look that a plugin put on the admin, as a style sheet of CSS variables made from typed values only."""

from __future__ import annotations

import hashlib
from typing import Any

from litestar import Response, get

from autocore.core.panels import Look
from autocore.web.access import OPEN
from autocore.web.parts import Parts

_FONTS = {
    "system": "system-ui, -apple-system, 'Segoe UI', sans-serif",
    "serif": "Georgia, 'Times New Roman', serif",
    "monospace": "ui-monospace, Menlo, Consolas, monospace",
    "rounded": "ui-rounded, 'Nunito', 'Quicksand', system-ui, sans-serif",
}
_SHADOWS = {
    "none": "none",
    "soft": "0 2px 8px rgb(0 0 0 / .18)",
    "neumorphic": "4px 4px 10px rgb(0 0 0 / .28), -2px -2px 6px rgb(255 255 255 / .06)",
    "strong": "0 6px 20px rgb(0 0 0 / .4)",
}


def stylesheet(look: Look) -> str:
    """Give the CSS of a look; every value in it was checked when the look was made."""
    on_primary = "#ffffff" if luminance(look.primary) < 0.179 else "#000000"  # noqa: PLR2004  # where black and white contrast alike (WCAG)
    variables = {
        "--tblr-body-bg": look.background,
        "--tblr-bg-surface": look.surface,
        "--tblr-card-bg": look.surface,
        "--tblr-bg-forms": look.surface,
        "--tblr-body-color": look.text_primary,
        "--tblr-heading-color": look.text_primary,
        "--tblr-secondary": look.text_secondary,
        "--tblr-primary": look.primary,
        "--tblr-link-color": look.primary,
        "--tblr-border-color": f"color-mix(in srgb, {look.text_secondary} 40%, {look.surface})",
        "--ac-on": look.primary,
        "--ac-on-text": on_primary,
        "--ac-good": look.success,
        "--ac-warn": look.warning,
        "--ac-bad": look.error,
        "--ac-quiet": look.text_secondary,
        "--ac-axis": look.text_primary,
        "--ac-grid": f"color-mix(in srgb, {look.text_secondary} 25%, {look.surface})",
        "--ac-line-1": look.primary,
        "--ac-line-2": look.warning,
        "--ac-line-3": look.success,
        "--ac-line-4": look.info,
        "--ac-radius": f"{look.border_radius_px}px",
        "--ac-shadow": _SHADOWS[look.shadow],
        "--tblr-font-sans-serif": _FONTS[look.font],
    }
    body = "\n".join(f"  {name}: {value};" for name, value in variables.items())
    return f":root[data-look] {{\n  color-scheme: {'dark' if look.is_dark else 'light'};\n{body}\n}}\n"


def luminance(colour: str) -> float:
    """Give the relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2, relative luminance)."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # the standard's

    red, green, blue = (linear(int(colour[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mark_of(look: Look) -> str:
    """Give what changes with the look's style sheet, for its address."""
    return hashlib.sha256(stylesheet(look).encode()).hexdigest()[:12]


@get("/look.css", opt=OPEN, include_in_schema=False)
async def get_look(parts: Parts) -> Response[Any]:
    """Give the style sheet of what the admin wears; empty when it wears its own."""
    look = parts.panels.look
    return Response(stylesheet(look) if look else "", media_type="text/css", headers={"Cache-Control": "no-cache"})


ROUTES = [get_look]

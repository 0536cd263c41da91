"""What the page shows: the list of themes, and the editor with what a person typed, as it was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autocore.api import N_, AutocoreError, InvalidData, UnknownName

from .contrast import BLACK, check
from .dresser import Dresser
from .faults import BadTheme, Kept
from .mock import mocks_of
from .theme import COLOURS, FIELDS, FONTS, LONGEST_NAME, RADIUS_PX, ROUNDEST_PX, SHADOWS, Theme, theme_of
from .wardrobe import Owner

TITLES: Mapping[str, str] = {
    "primary": N_("Primary"),
    "secondary": N_("Secondary"),
    "background": N_("Background"),
    "surface": N_("Surface"),
    "success": N_("Success"),
    "warning": N_("Warning"),
    "error": N_("Error"),
    "info": N_("Information"),
    "text_primary": N_("Text"),
    "text_secondary": N_("Quiet text"),
}
SHADOW_TITLES: Mapping[str, str] = dict(zip(SHADOWS, (N_("No shadow"), N_("Soft"), N_("Neumorphic"), N_("Strong")), strict=True))
FONT_TITLES: Mapping[str, str] = dict(zip(FONTS, (N_("System font"), N_("Serif"), N_("Monospace"), N_("Rounded")), strict=True))
_FIELD_OF_CODE = {"conflict": "name", "contrast": "force"}

Typed = dict[str, str]
"""The fields of the editor as texts: a theme's name and fields, `was` (the theme that is edited) and `force`."""
BLANK: Typed = {"name": "", "was": "", "force": "", **dict.fromkeys(COLOURS, BLACK)}
BLANK |= {"border_radius": str(RADIUS_PX), "shadow_style": SHADOWS[0], "font_family": FONTS[0]}


@dataclass(frozen=True, slots=True)
class Said:
    """An error as the templates say it.

    Args:
        field: where it belongs, empty for the whole.
        text: the sentence as the catalogues know it, empty when it is not one of ours.
        values: what stands in it.
        plain: the sentence in English.
        front: the title of the colour that is hard to tell from `back`, where it is about two colours.
        back: see `front`.
    """

    field: str
    text: str
    values: Mapping[str, Any]
    plain: str
    front: str = ""
    back: str = ""


def context(dresser: Dresser, problem: AutocoreError | None = None) -> Mapping[str, Any]:
    """Give what the list shows."""
    active = dresser.wardrobe.active.name
    themes = [
        {
            "name": held.theme.name,
            "theme": held.theme,
            "colours": [(TITLES[name], colour) for name, colour in held.theme.colours.items()],
            "is_active": held.theme.name == active,
            "is_editable": held.owner is Owner.PEOPLE,
            "is_built_in": held.owner is Owner.PROGRAM,
            "place": held.place,
            "failing": len(held.failing),
        }
        for held in dresser.wardrobe
    ]
    facts = {
        "themes": themes,
        "active": active,
        "entity": dresser.entity,
        "problems": [said(one) for one in dresser.wardrobe.problems],
    }
    return {**importing(), **facts, "problem": said(problem)}


def importing(typed: Mapping[str, str] | None = None, problem: AutocoreError | None = None, news: str = "") -> Mapping[str, Any]:
    """Give what the form for imports shows."""
    shown = {"document": "", "name": "", **(typed or {})}
    return {"typed": shown, "problem": said(problem), "news": news, "longest_name": LONGEST_NAME}


def typed_of(theme: Theme, name: str, was: str = "") -> Typed:
    """Give the editor's fields for a theme."""
    return {"name": name, "was": was, **{key: str(value) for key, value in theme.fields().items()}}


def theme_typed(typed: Mapping[str, str], name: str | None = None) -> Theme:
    """Give the theme that was typed; `name` stands for the typed one. Raises `BadTheme`."""
    fields: dict[str, Any] = {key: typed[key] for key in FIELDS if key in typed}
    radius = fields.get("border_radius", "").strip()
    fields["border_radius"] = int(radius) if radius.isascii() and radius.isdigit() else radius
    return theme_of(typed.get("name") if name is None else name, fields)


def editor(typed: Mapping[str, str], problem: AutocoreError | None = None, news: str = "") -> Mapping[str, Any]:
    """Give what the editor shows."""
    return {
        **preview(typed),
        "titles": TITLES,
        "colour_names": COLOURS,
        "shadow_titles": SHADOW_TITLES,
        "font_titles": FONT_TITLES,
        "longest_name": LONGEST_NAME,
        "roundest_px": ROUNDEST_PX,
        "problem": said(problem),
        "news": news,
    }


def preview(typed: Mapping[str, str]) -> Mapping[str, Any]:
    """Give what the preview shows: drawings and findings, or what is wrong."""
    facts: dict[str, Any] = {
        "typed": {**BLANK, **typed},
        "titles": TITLES,
        "findings": [],
        "mocks": [],
        "wrong": None,
        "is_readable": True,
    }
    try:
        theme = theme_typed(typed, name="preview")
    except BadTheme as error:
        return {**facts, "wrong": said(error)}
    findings = check(theme.colours)
    return {**facts, "findings": findings, "mocks": mocks_of(theme), "is_readable": all(one.passes for one in findings)}


def adopted(typed: Mapping[str, str]) -> Typed:
    """Give the fields with every suggestion of the contrast check taken; those that name no theme stay as they are."""
    try:
        theme = theme_typed(typed, name="preview")
    except BadTheme:
        return dict(typed)
    return {**typed, **{one.front: one.suggestion for one in check(theme.colours) if one.suggestion}}


def said(error: AutocoreError | None) -> Said | None:
    """Give an error as the templates say it: at a field, in the reader's language where the sentence is ours."""
    if error is None:
        return None
    field = error.field if isinstance(error, InvalidData) else _FIELD_OF_CODE.get(error.code, "")
    if isinstance(error, (BadTheme, Kept)):
        front, back = (TITLES.get(str(error.values.get(side)), "") for side in ("front", "back"))
        return Said(field, error.text, error.values, str(error), front, back)
    if isinstance(error, UnknownName):
        return Said(field, N_("there is no theme %(name)s any more"), {"name": error.name}, str(error))
    return Said(field, "", {}, str(error))

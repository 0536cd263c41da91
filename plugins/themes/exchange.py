"""Themes as documents that people pass on: JSON with a version. It refuses what is none, and names what it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from autocore.api import N_

from .faults import BadTheme
from .theme import Theme, theme_of

TYPE = "autocore_theme"
VERSION = 1
LARGEST_BYTES = 65_536  # a theme has less than 1 KiB
_KEYS = ("type", "version", "theme")


def document_of(theme: Theme) -> dict[str, Any]:
    """Give the document of a theme; `theme_in` reads it back."""
    return {"type": TYPE, "version": VERSION, "theme": {"name": theme.name, **theme.fields()}}


def theme_in(document: Any, name: str | None = None) -> Theme:
    """Give the theme in a document: JSON as text or bytes, or what it says.

    Args:
        document: of a theme.
        name: what the theme is called instead of the name in the document.

    Raises:
        BadTheme: it is no document of a theme, or of a version that this program does not know; with the field.
    """
    said = _decoded(document) if isinstance(document, (str, bytes)) else document
    if not isinstance(said, Mapping) or said.get("type") != TYPE:
        raise BadTheme(N_("this is no theme of AutoCore; export one to see how it looks"), field="document")
    if type(said.get("version")) is not int or not 1 <= said["version"] <= VERSION:
        raise BadTheme(
            N_("this theme has a version that is not known here; the newest is %(newest)s"), field="version", newest=VERSION
        )
    foreign = sorted(str(key) for key in said if key not in _KEYS)
    if foreign:
        raise BadTheme(
            N_("the document has fields that are not known: %(foreign)s"), field=foreign[0], foreign=", ".join(foreign)[:200]
        )
    fields = said.get("theme")
    if not isinstance(fields, Mapping):
        raise BadTheme(N_("the document says no theme"), field="theme")
    own = {key: value for key, value in fields.items() if key != "name"}
    return theme_of(name or fields.get("name"), own)


def _decoded(document: str | bytes) -> Any:
    if len(document) > LARGEST_BYTES:
        raise BadTheme(N_("a theme is at most %(most)s bytes"), field="document", most=LARGEST_BYTES)
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadTheme(N_("this is no JSON: %(reason)s"), field="document", reason=str(error)) from error

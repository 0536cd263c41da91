"""Pieces of the page that are drawn anew by themselves: the raw traffic, and the form in which signals are chosen."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

FOLDER = Path(__file__).parent
_FOLDERS = {"pt-BR": "pt_BR"}


def draw(template: str, language: str, context: Mapping[str, Any]) -> str:
    """Give the HTML of one of the plugin's templates; a language without a catalogue is English."""
    return _environment(language if language in _FOLDERS else "en").get_template(template).render(context)


@lru_cache(maxsize=len(_FOLDERS) + 1)
def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = gettext.translation("messages", FOLDER / "locales", [_FOLDERS.get(language, "en")], fallback=True)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]  # the extension's
    environment.globals["language"] = language
    return environment

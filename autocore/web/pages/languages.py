"""Languages: which one a page is in, and the words of the core and of each plugin in it."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

CODES = {"en": "en", "pt-BR": "pt_BR"}
LOCALES = Path(__file__).parent.parent / "locales"


def choose(accepted: str, configured: str) -> str:
    """Give `en` or `pt-BR`: what the browser's Accept-Language likes best, else what the configuration says."""
    wishes: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            wishes.append((float(quality) if quality else 1.0, tag.lower()))
        except ValueError:
            continue
    for _, tag in sorted(wishes, key=lambda wish: -wish[0]):
        if tag.startswith("pt"):
            return "pt-BR"
        if tag.startswith("en"):
            return "en"
    return configured


@lru_cache(maxsize=100)
def words_in(folder: Path, language: str) -> gettext.NullTranslations:
    """Give the catalogue of a folder, falling back on the core's; English is what stands in the code."""
    core = gettext.translation("messages", LOCALES, [CODES[language]], fallback=True)
    if folder == LOCALES:
        return core
    own = gettext.translation("messages", folder, [CODES[language]], fallback=True)
    own.add_fallback(core)
    return own


def title_of(text: str, folder: Path, language: str) -> str:
    """Give a panel's title in a language."""
    return words_in(folder / "locales", language).gettext(text)


SCRIPT_WORDS: Mapping[str, str] = {
    "on": "On",
    "off": "Off",
    "unavailable": "Unavailable",
    "unknown": "No value yet",
    "asked": "Asked…",
    "no_answer": "No answer from the board",
    "lost": "Connection lost. What you see may be old.",
    "lost_since": "Connection lost {age} ago. What you see may be old.",
    "offline": "Not connected: nothing was sent.",
    "no_data": "No readings yet",
    "online_of": "{online} of {all}",
}
"""What scripts say, by the name under which they ask for it; translated by the server."""

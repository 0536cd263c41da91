"""What the bot says, in the language of the section: the plugin's own catalogue, read when the first word is needed."""

from __future__ import annotations

import gettext
from functools import cached_property
from pathlib import Path

from autocore.api import N_, Presence, Severity

LOCALES = Path(__file__).parent / "locales"
CODES = {"en": "en", "pt-BR": "pt_BR"}
SIGNS = {
    Severity.INFO: ("\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16}", N_("Info")),
    Severity.WARNING: ("⚠️", N_("Warning")),
    Severity.ERROR: ("❗", N_("Error")),
    Severity.CRITICAL: ("🚨", N_("Critical")),
}
PRESENCES = {
    Presence.ONLINE: ("🟢", N_("Online")),
    Presence.OFFLINE: ("⚫", N_("Offline")),
    Presence.ERROR: ("🔴", N_("Error")),
    Presence.UNKNOWN: ("⚪", N_("Unknown")),
}


class Words:
    """The words of one language.

    Args:
        language: `en` or `pt-BR`.
    """

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, text: str, **facts: object) -> str:
        """Give `text` in the language, with `facts` put in where it has `%(name)s`."""
        said = self._catalogue.gettext(text)
        return said % facts if facts else said

    def ngettext(self, one: str, many: str, number: int) -> str:
        """Give the form of a sentence for a number, which it has as `%(num)s`."""
        return self._catalogue.ngettext(one, many, number) % {"num": number}

    def number(self, value: float, precision: int | None = None) -> str:
        """Give a number as people of the language write it."""
        text = f"{value:g}" if precision is None else f"{value:.{precision}f}"
        return text.replace(".", ",") if self.language == "pt-BR" else text

    def age(self, age_s: float) -> str:
        """Give a length of time, rounded down: `40 s`, `5 min`, `2 h 5 min`, `3 d 4 h`."""
        minutes, hours, days = int(age_s // 60), int(age_s // 3600), int(age_s // 86_400)
        if days:
            return f"{days} d {hours % 24} h"
        if hours:
            return f"{hours} h {minutes % 60} min"
        return f"{minutes} min" if minutes else f"{int(age_s)} s"

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        return gettext.translation("messages", LOCALES, [CODES[self.language]], fallback=True)

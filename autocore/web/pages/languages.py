"""Languages: which one a page is in, and the words of the core and of each plugin in it."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from autocore.core.names import N_

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
    core = _catalogue(LOCALES, language)
    if folder == LOCALES:
        return core
    own = _catalogue(folder, language)
    own.add_fallback(core)
    return own


def _catalogue(folder: Path, language: str) -> gettext.NullTranslations:
    """Give the words of a folder as its file has them now: `gettext.translation` would keep those of before a reload."""
    file = gettext.find("messages", folder, [CODES[language]])
    if file is None:
        return gettext.NullTranslations()
    with Path(file).open("rb") as source:
        return gettext.GNUTranslations(source)


def title_of(text: str, folder: Path, language: str) -> str:
    """Give a panel's title in a language."""
    return words_in(folder / "locales", language).gettext(text)


SCRIPT_WORDS: Mapping[str, str] = {
    "on": N_("On"),
    "off": N_("Off"),
    "unavailable": N_("Unavailable"),
    "unknown": N_("No value yet"),
    "asked": N_("Asked…"),
    "lost_since": N_("Connection lost {age} ago. What you see may be old."),
    "time": N_("Time"),
    "no_data": N_("No readings yet"),
    "online_of": N_("{online} of {all}"),
    "code_closed": N_("Not connected: nothing was sent."),
    "armed": N_("Now hold it."),
    "code_confirm_required": N_("It asks first; nothing was sent."),
    "code_pin_required": N_("It asks for your PIN; nothing was sent."),
    "code_stale": N_("The press came too late. Press again."),
    "code_stopped": N_("Everything is stopped. Reset that first."),
    "let_go": N_("It let go. Press again."),
    "code_no_answer": N_("No answer from the board."),
    "code_offline": N_("The board is not online; nothing was sent."),
    "code_superseded": N_("A newer command took its place."),
    "code_forbidden": N_("You may not switch this."),
    "code_busy": N_("Too many commands at once."),
}
"""What scripts say, by the name under which they ask for it; translated by the server."""

CORE_SENTENCES = (
    N_("use at least 10 characters; three random words are easy to remember"),
    N_("use at most 256 characters"),
    N_("this password is one of the first that anybody tries; choose another"),
    N_("the time for the set-up is over; restart the gateway for a new code"),
    N_("this is not the code; it is printed at the gateway's start and stands in autocore-setup.txt"),
    N_("a name has 1 to 64 characters, none of them a control character"),
    N_("it holds a character that cannot be seen or turns words round; type it anew"),
    N_("this is the last administrator; make another one first"),
    N_("a PIN has 4 to 8 digits and nothing else"),
    N_("this PIN is one of the first that anybody tries; choose another"),
    N_("expected a whole number of days, or nothing"),
    N_("a limited token cannot make one that may more"),
    N_("Turn one or several on."),
    N_("Turn one or several off."),
    N_("Everything stopped"),
    N_("Put every channel into its safe state, at once, and keep everything there until a person resets it."),
    N_("Let things be turned on again after everything was stopped; it turns nothing on."),
    N_("Hold one: it is on while beats come, every 100 ms, and off half a second after the last."),
    N_("Turn on what is off, and off what is on."),
    N_("Press one or several."),
    N_("Set one or several to a value."),
    N_("Choose an option."),
    N_("Open one or several."),
    N_("Close one or several."),
    N_("Stop one or several where they are."),
    N_("Move one or several to a position in percent."),
    N_("Tell whoever owns the vehicle, on every channel."),
    N_("Give what the gateway counted since its start: messages, and what each plugin cost."),
    N_("Bring everything to the disk and tell the boards that the power goes."),
    N_("Go on after all: the power stays."),
    N_("Stop the gateway, as Ctrl-C would."),
)
"""What the core says at a form's field; it speaks English, so the words stand here for translation."""

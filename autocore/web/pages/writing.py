"""Values as people write them: decimal comma, 24 hours, their units. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from autocore.core.clock import NS
from autocore.core.entities import Entity
from autocore.core.kinds import Description
from autocore.core.model import Value
from autocore.web.pages.languages import LOCALES, SCRIPT_WORDS, words_in
from autocore.web.pages.units import converted

DASH = "–"  # noqa: RUF001  # a dash, as people write "nothing"


@dataclass(frozen=True, slots=True)
class View:
    """How one person reads."""

    language: str
    units: str


def shown(one: Entity, view: View) -> str:
    """Give an entity's value as people read it, without its unit; what is not known is a dash."""
    return written(one.state.value, one.description, view)


def written(value: Value, about: Description, view: View) -> str:
    """Give a value of an entity that is described so."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        word = SCRIPT_WORDS["on" if value else "off"]
        return words_in(LOCALES, view.language).gettext(word)
    if isinstance(value, (int, float)):
        number, unit = converted(value, getattr(about, "unit", None), view.units)
        precision = getattr(about, "precision", None)
        is_converted = unit != getattr(about, "unit", None)
        return localised(round(number, 1) if is_converted and precision is None else number, precision, view.language)
    return str(value)


def localised(value: float, precision: int | None, language: str) -> str:
    """Give a number as people write it: with a decimal comma in Portuguese."""
    text = f"{value:,.{precision}f}" if precision is not None else f"{value:,}"
    return text.translate(str.maketrans(",.", ".,")) if language == "pt-BR" else text


def moment(at: int | str | None, language: str) -> str:
    """Give a wall time, nanoseconds or ISO 8601, in the machine's time zone, to the second; a dash where there is none."""
    if at is None:
        return DASH
    when = (datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at / NS, UTC)).astimezone()
    return when.strftime("%d/%m/%Y %H:%M:%S" if language == "pt-BR" else "%Y-%m-%d %H:%M:%S")

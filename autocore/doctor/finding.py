"""One thing that was looked at: how it is, in a sentence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Args:
        part: what was looked at, e.g. `state.db`.
        level: how bad it is.
        text: how it is, one sentence.
        todo: what to do; empty when there is nothing to do.
    """

    part: str
    level: Level
    text: str
    todo: str = ""


def ok(part: str, text: str) -> Finding:
    """Say that a part is as it should be."""
    return Finding(part, Level.OK, text)


def warning(part: str, text: str, todo: str) -> Finding:
    """Say that a part wants attention, but works."""
    return Finding(part, Level.WARNING, text, todo)


def problem(part: str, text: str, todo: str) -> Finding:
    """Say that something is wrong."""
    return Finding(part, Level.PROBLEM, text, todo)


def size(amount: int) -> str:
    """Give a number of bytes as people read it, e.g. `4.2 MB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if amount >= factor:
            return f"{amount / factor:.1f} {unit}"
    return f"{amount} bytes"


def age(seconds: float) -> str:
    """Give a span of time as people say it, e.g. `3 days`."""
    for word, factor in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        amount = int(seconds // factor)
        if amount >= 1:
            return f"{amount} {word}{'s' if amount > 1 else ''}"
    return "less than a minute"

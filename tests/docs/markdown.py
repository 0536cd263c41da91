"""Reads a page of the documentation as what it is: prose and blocks, in order, each block with what it is for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(
    r"(?:^<!-- (?P<purpose>\w+)(?:: (?P<about>[^\n]+))? -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Prose:
    """What stands between two blocks."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `purpose` and `about` are those of the comment above it: `<!-- file: plugins/a.py -->`."""

    purpose: str
    about: str
    language: str
    text: str
    line: int


def parts(page: str) -> Iterator[Prose | Block]:
    """Give the page's parts in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    at = 0
    for found in _BLOCK.finditer(text):
        yield Prose(text[at : found.start()], text.count("\n", 0, at) + 1)
        line = text.count("\n", 0, found.start()) + 1
        yield Block(found["purpose"] or "", found["about"] or "", found["language"], found["text"], line)
        at = found.end()
    yield Prose(text[at:], text.count("\n", 0, at) + 1)


def blocks(page: str) -> list[Block]:
    """Give the page's blocks in order."""
    return [part for part in parts(page) if isinstance(part, Block)]


def fences(page: str) -> int:
    """Give how many blocks the page has, counted another way."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return sum(line.startswith("```") for line in lines) // 2


# ---- what reference tables say


def prose_of(page: str) -> str:
    """Give a page without its blocks."""
    return "".join(part.text for part in parts(page) if isinstance(part, Prose))


def told_below(prose: str, heading: str) -> str:
    """Give what stands below a heading, up to the next one."""
    return re.split(r"^#{2,3} ", prose.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows_below(prose: str, heading: str) -> list[list[str]]:
    """Give the cells of the tables below a heading, their heads left out."""
    lines = [line for line in told_below(prose, heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = {at + step for at, row in enumerate(cells) if set(row[0]) == {"-"} for step in (-1, 0)}
    return [row for at, row in enumerate(cells) if at not in heads]


def words(cell: str) -> list[str]:
    """Give what a cell names in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def public(kind: type) -> list[str]:
    """Give the names of a class that anybody may use."""
    return [name for name in vars(kind) if not name.startswith("_")]


def spelled(name: str, method: Any) -> str:
    """Give a method as these pages write it: `await get(name, default=None)`."""
    written, is_starred = [], False
    for one in list(inspect.signature(method).parameters.values())[1:]:
        if one.kind is one.KEYWORD_ONLY and not is_starred:
            written.append("*")
        is_starred = is_starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        star = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        written.append(f"{star}{one.name}" if one.default is one.empty else f"{one.name}={value_of(one.default)}")
    return f"{'await ' if inspect.iscoroutinefunction(method) else ''}{name}({', '.join(written)})"


def value_of(default: Any) -> str:
    return f"{type(default).__name__}.{default.name}" if isinstance(default, Enum) else repr(default)

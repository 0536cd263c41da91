"""YAML as plain values that remember where they stand. It composes and constructs; it knows no section and no schema.

Safe loading only: no tag makes a Python object, aliases and depth have limits, a key given twice is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from autocore.core.errors import Mark

MAX_DEPTH = 40
MAX_NODES = 200_000  # what aliases can blow a small file up to


class MarkedDict(dict[Any, Any]):
    """A mapping that knows where it and each of its keys stand."""

    __slots__ = ("at", "marks")

    def __init__(self, at: Mark | None = None) -> None:  # voluptuous makes empty ones for what it gives back
        super().__init__()
        self.at = at
        self.marks: dict[Any, Mark] = {}


class MarkedList(list[Any]):
    """A list that knows where it and each of its items stand."""

    __slots__ = ("at", "marks")

    def __init__(self, items: Iterable[Any] = (), at: Mark | None = None) -> None:
        super().__init__(items)
        self.at = at
        self.marks: list[Mark] = []


class Secret(str):
    """A text that came from `!secret` or `!env`: no message may quote it."""

    __slots__ = ()


def mark_at(tree: Any, path: tuple[Any, ...], *, exactly: bool = False) -> Mark | None:
    """Give where `path` stands in `tree`, or the nearest part of it that stands somewhere (`exactly`: None then)."""
    found: Mark | None = getattr(tree, "at", None)
    for step in path:
        if (isinstance(tree, MarkedDict) and step in tree.marks) or (
            isinstance(tree, MarkedList) and isinstance(step, int) and step < len(tree)
        ):
            found, tree = tree.marks[step], tree[step]
        else:
            return None if exactly else found
    return found


def mark_of(node: yaml.Node, file: str) -> Mark:
    """Give the place of a YAML node."""
    return Mark(file, node.start_mark.line + 1, node.start_mark.column + 1)

"""MQTT topic rules. Pure functions and a trie: no sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from autocore.core.errors import InvalidData

MAX_BYTES = 65_535  # MQTT 5, 1.5.4: a UTF-8 string has a length of two bytes
CACHED_TOPICS = 20_000  # about 4 MB; beyond it the cache is emptied, which costs one walk for each topic

T = TypeVar("T")


def check_topic(topic: str) -> str:
    """Give `topic` when a message can be published on it.

    Raises:
        InvalidData: it is empty, too long, or holds a wildcard or NUL.
    """
    if any(char in topic for char in "+#"):
        raise InvalidData(f"{topic!r} holds a wildcard; a message goes to one topic", field="topic")
    return _text(topic)


def check_filter(text: str) -> str:
    """Give `text` when it can be subscribed to.

    Raises:
        InvalidData: a wildcard is not alone in its level, `#` is not the last level, or the text is no topic at all.
    """
    levels = _text(text).split("/")
    for place, level in enumerate(levels):
        if ("+" in level or "#" in level) and len(level) > 1:
            raise InvalidData(f"in {text!r} the wildcard of level {level!r} must stand alone", field="topic")
        if level == "#" and place != len(levels) - 1:
            raise InvalidData(f"in {text!r} nothing may follow #", field="topic")
    return text


def matches(filter_: str, topic: str) -> bool:
    """Say whether a message on `topic` reaches a subscription of `filter_` (MQTT 5, 4.7)."""
    if topic.startswith("$") and filter_[:1] in ("+", "#"):
        return False
    wanted, levels = filter_.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)


def _text(text: str) -> str:
    if not text or "\0" in text:
        raise InvalidData(f"{text!r} is no topic: it is empty or holds NUL", field="topic")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidData(f"{text!r} is no UTF-8", field="topic") from None
    if size > MAX_BYTES:
        raise InvalidData(f"a topic has at most {MAX_BYTES} bytes, this one has {size}", field="topic")
    return text


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.values: list[T] = []


class TopicTrie(Generic[T]):
    """Finds everything whose filter matches a topic; a topic met before costs one look into a dictionary."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._cache: dict[str, tuple[T, ...]] = {}

    def add(self, filter_: str, value: T) -> Callable[[], None]:
        """Put `value` under a filter; the answer takes it out again.

        Raises:
            InvalidData: see `check_filter`.
        """
        path = check_filter(filter_).split("/")
        node = self._root
        for level in path:
            node = node.children.setdefault(level, _Node())
        node.values.append(value)
        self._cache.clear()
        is_in = True

        def remove() -> None:
            nonlocal is_in
            if is_in:
                is_in = False
                node.values.remove(value)
                self._prune(path)
                self._cache.clear()

        return remove

    def route(self, topic: str) -> tuple[T, ...]:
        """Give the values whose filter matches `topic`."""
        found = self._cache.get(topic)
        if found is None:
            if len(self._cache) >= CACHED_TOPICS:
                self._cache.clear()
            found = self._cache[topic] = tuple(self._walk(topic))
        return found

    def _walk(self, topic: str) -> Iterator[T]:
        levels = topic.split("/")
        stack = [(self._root, 0)]
        while stack:
            node, depth = stack.pop()
            may_be_wild = depth > 0 or not topic.startswith("$")
            rest = node.children.get("#") if may_be_wild else None
            if rest is not None:
                yield from rest.values
            if depth == len(levels):
                yield from node.values
                continue
            exact = node.children.get(levels[depth])
            any_one = node.children.get("+") if may_be_wild else None
            stack += [(child, depth + 1) for child in (any_one, exact) if child is not None]

    def _prune(self, path: list[str]) -> None:
        nodes = [self._root]
        for level in path:
            child = nodes[-1].children.get(level)
            if child is None:
                return
            nodes.append(child)
        for level, parent, child in zip(reversed(path), reversed(nodes[:-1]), reversed(nodes[1:]), strict=True):
            if child.values or child.children:
                return
            del parent.children[level]

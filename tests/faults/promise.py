"""What was promised: everything that was acknowledged has to be there; what was asked without an answer may be, or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

GONE = None
"""The value of something that was removed, or never was."""


class Promises:
    """Things by name, each with the value that was acknowledged last and the one that was asked since."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self._known: dict[str, Any] = {}
        self._asked: dict[str, list[Any]] = {}

    def ask(self, name: str, value: Any) -> None:
        """Note that `name` is being made `value`."""
        self._asked.setdefault(name, []).append(value)

    def keep(self, name: str, value: Any) -> None:
        """Note the answer: `name` is `value`, for good."""
        self.acknowledged += 1
        self._known[name] = value
        self._asked.pop(name, None)

    def refuse(self, name: str) -> None:
        """Note the answer that it was not done."""
        self._asked.pop(name, None)

    def known(self, prefix: str) -> dict[str, Any]:
        """Give what is acknowledged and not gone, of the names that begin with `prefix`."""
        return {name: value for name, value in self._known.items() if name.startswith(prefix) and value is not GONE}

    def broken(self, found: Mapping[str, Any]) -> Iterator[str]:
        """Give a sentence for each promise that `found` does not keep."""
        for name, value in self._known.items():
            allowed = [value, *self._asked.get(name, ())]
            if found.get(name, GONE) not in allowed:
                yield f"{name} is {found.get(name, GONE)!r} instead of {' or '.join(map(repr, allowed))}"

    def settle(self, found: Mapping[str, Any]) -> None:
        """Take what was asked without an answer as it was found."""
        for name in self._asked:
            self._known[name] = found.get(name, GONE)
        self._asked.clear()

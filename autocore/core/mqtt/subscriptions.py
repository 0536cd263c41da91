"""Which filters the broker is asked for: no two of them match one topic, so that every message comes once.

Mosquitto sends a message once for each subscription that matches (MQTT 5, 3.3.4 lets it); a reading would be counted twice.
"""

from __future__ import annotations

from itertools import zip_longest


def overlaps(one: str, other: str) -> bool:
    """Say whether some topic matches both filters."""
    left, right = one.split("/"), other.split("/")
    if left[0] != right[0] and "$" in (left[0][:1], right[0][:1]):
        return False  # a wildcard at the first level does not match `$SYS`
    for a, b in zip_longest(left, right):
        if "#" in (a, b):
            return True
        if a is None or b is None or (a != b and "+" not in (a, b)):
            return False
    return True


def join(one: str, other: str) -> str:
    """Give the narrowest filter that matches all that two overlapping filters match."""
    levels: list[str] = []
    for a, b in zip_longest(one.split("/"), other.split("/")):
        if "#" in (a, b):
            return "/".join([*levels, "#"])
        levels.append(a if a == b else "+")
    return "/".join(levels)


class Subscriptions:
    """The filters of one connection: those that somebody wants, and those that the broker is asked for instead."""

    def __init__(self) -> None:
        self._wanted: dict[str, list[int]] = {}  # filter -> the QoS of each subscriber
        self._asked: dict[str, set[str]] = {}  # filter at the broker -> the wanted ones within it

    def asked(self) -> dict[str, int]:
        """Give what the broker is asked for, with the QoS."""
        return {name: self._qos(name) for name in self._asked}

    def add(self, name: str, qos: int) -> tuple[dict[str, int], list[str]]:
        """Want a filter; gives what to subscribe to, and what to unsubscribe from then.

        It is subscribed to also when the broker knows it: then it sends the retained messages again.
        """
        self._wanted.setdefault(name, []).append(qos)
        asked, merged = self._place(name)
        return {asked: self._qos(asked)}, [one for one in merged if one != asked]

    def remove(self, name: str, qos: int) -> tuple[dict[str, int], list[str]]:
        """Want a filter no more; gives what to subscribe to instead, and what to unsubscribe from then."""
        levels = self._wanted[name]
        levels.remove(qos)
        if levels:
            return {}, []
        del self._wanted[name]
        was = next(asked for asked, members in self._asked.items() if name in members)
        rest = {self._place(one)[0] for one in sorted(self._asked.pop(was) - {name})}
        fresh = [one for one in rest if one in self._asked and one != was]
        return {one: self._qos(one) for one in fresh}, [] if was in self._asked else [was]

    def _place(self, name: str) -> tuple[str, list[str]]:
        """Put a wanted filter among those that are asked for; gives where it is, and what was merged into that."""
        members, merged = {name}, []
        while hits := [one for one in self._asked if overlaps(one, name)]:
            for hit in hits:
                name = join(name, hit)
                members |= self._asked.pop(hit)
                merged.append(hit)
        self._asked[name] = members
        return name, merged

    def _qos(self, asked: str) -> int:
        return max(max(self._wanted[one]) for one in self._asked[asked])

"""The event bus: somebody says what happened, whoever asked for that type hears it, at once and in order.

Values do not travel here (entities have their own listeners). Listeners are plain functions that do not raise: the host
wraps those of plugins, so one that fails never keeps an event from the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from autocore.core.clock import Clock, Sequence
from autocore.core.model import GATEWAY, Cause

ALL = "*"
"""The event type under which a listener hears everything."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened.

    Args:
        type: e.g. `device.online`, `plugin.failed`.
        data: facts about it, JSON types only.
        cause: who and why.
        seq: its place in the order of everything.
        at_ns: monotonic time.
    """

    type: str
    data: Mapping[str, Any]
    cause: Cause
    seq: int
    at_ns: int


Listener = Callable[[Event], object]


class Bus:
    """Delivers events to listeners by type."""

    def __init__(self, clock: Clock, sequence: Sequence) -> None:
        self._monotonic_ns = clock.monotonic_ns
        self._next = sequence.next
        self._listeners: dict[str, tuple[Listener, ...]] = {}

    def on(self, event_type: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event of `event_type` (`ALL` for every type); the answer takes it off again."""
        self._listeners[event_type] = (*self._listeners.get(event_type, ()), listener)

        def remove() -> None:
            kept = list(self._listeners.get(event_type, ()))
            if listener in kept:
                kept.remove(listener)
            self._listeners[event_type] = tuple(kept)

        return remove

    def emit(self, event_type: str, data: Mapping[str, Any] | None = None, cause: Cause = GATEWAY) -> Event:
        """Tell everybody who listens for `event_type`, before this returns."""
        event = Event(event_type, data or {}, cause, self._next(), self._monotonic_ns())
        for listener in self._listeners.get(event_type, ()):
            listener(event)
        for listener in self._listeners.get(ALL, ()):
            listener(event)
        return event

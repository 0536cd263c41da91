"""Every event as a line of the log: one sentence, by the logger `autocore.events.<part>`. A flood is counted, not written."""

from __future__ import annotations

import logging
from collections import Counter

from autocore.builtin.eventtypes import TYPES, EventClass, sentence_of
from autocore.core.bus import Event
from autocore.core.clock import NS, Clock

LINES = 20  # of one type in one window; what comes beyond it is told as a number
WINDOW_NS = 60 * NS
PARTS = 500  # types that are counted at once: a plugin that makes up types must not grow the memory
SILENT_CAUSES = ("gateway", "device")
LEVELS = {
    EventClass.INFO: logging.INFO,
    EventClass.WARNING: logging.WARNING,
    EventClass.ERROR: logging.ERROR,
    EventClass.SECURITY: logging.INFO,
}
ALARMS = frozenset({"auth.failed", "auth.slowed", "service.denied"})  # of security: what somebody tried and may not


class EventLines:
    """Writes the lines of one gateway."""

    def __init__(self, clock: Clock) -> None:
        self.left_out = 0
        self._clock = clock
        self._said: Counter[str] = Counter()
        self._since_ns = clock.monotonic_ns()

    def say(self, event: Event, kind: EventClass) -> None:
        """Write one line, unless the place where it happened does, or there were too many of that type."""
        known = TYPES.get(event.type)
        if known is not None and known.is_said:
            return
        self.turn()
        name = event.type if event.type in self._said or len(self._said) < PARTS else "other"
        self._said[name] += 1
        if self._said[name] > LINES:
            self.left_out += 1
            return
        level = logging.WARNING if event.type in ALARMS else LEVELS[kind]
        cause = event.cause
        by = f" (by {cause.who}, {cause.via})" if cause.via not in SILENT_CAUSES else ""
        _log(event.type).log(level, "%s%s", sentence_of(event.type, event.data), by)

    def turn(self) -> None:
        """Tell, once a window is over, how many were only counted in it."""
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._since_ns < WINDOW_NS:
            return
        for name, amount in self._said.items():
            if amount > LINES:
                _log(name).warning("%s came %d times in a minute; %d of them were not written here", name, amount, amount - LINES)
        self._said.clear()
        self._since_ns = now_ns


def _log(event_type: str) -> logging.Logger:
    return logging.getLogger(f"autocore.events.{event_type.partition('.')[0]}")

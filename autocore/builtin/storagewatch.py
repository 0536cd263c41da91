"""Watches whether the disk takes what the gateway writes, and tells people when it does not, and when it does again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from autocore.core.clock import Clock
from autocore.core.host import Notify
from autocore.core.notices import Severity
from autocore.core.scheduler import Every

LOOK_S = 1.0
ALARM = "The disk takes no writes"
RECOVERY = "The disk takes writes again"


class Writer(Protocol):
    """Something that keeps in memory what the disk refuses; it may count in `dropped` what became too much."""

    @property
    def is_failing(self) -> bool:
        """Say whether the disk refused what was written last."""


class StorageWatch:
    """Asks everything that writes, once a second.

    Args:
        writers: by what people call them.
        clock: times the looks.
        notify: tells people.
    """

    def __init__(self, writers: Mapping[str, Writer], clock: Clock, notify: Notify) -> None:
        self._writers = writers
        self._clock = clock
        self._notify = notify
        self._dropped_before: int | None = None

    def start(self) -> Callable[[], None]:
        """Look from now on; the answer ends that."""
        return Every(self._clock, LOOK_S, self._look).cancel

    def _look(self) -> None:
        failing = [name for name, writer in self._writers.items() if writer.is_failing]
        if failing and self._dropped_before is None:
            self._dropped_before = self._dropped()
            words = f"{', '.join(failing)} wait in memory until it does; make room on it, or look whether it is dying"
            self._notify(words, title=ALARM, severity=Severity.CRITICAL, source="storage", key=ALARM)
        elif not failing and self._dropped_before is not None:
            lost = self._dropped() - self._dropped_before
            self._dropped_before = None
            words = f"what waited is written; {lost} rows were dropped" if lost else "what waited is written; nothing was lost"
            severity = Severity.WARNING if lost else Severity.INFO
            self._notify(words, title=RECOVERY, severity=severity, source="storage", key=RECOVERY)

    def _dropped(self) -> int:
        return sum(getattr(writer, "dropped", 0) for writer in self._writers.values())

"""People hear once that the disk takes nothing, and once that it does again."""

from __future__ import annotations

from autocore.builtin.storagewatch import StorageWatch
from autocore.core.notices import Severity
from autocore.testing import FakeClock


class Writer:
    is_failing = False
    dropped = 3


def test_an_outage_is_told_of_once_and_so_is_its_end() -> None:
    clock, history, audit = FakeClock(), Writer(), Writer()
    told: list[tuple[str, Severity, str]] = []

    def notify(text: str, *, title: str, severity: Severity, source: str, key: str | None) -> None:
        told.append((title, severity, text))

    stop = StorageWatch({"history": history, "audit": audit}, clock, notify).start()
    clock.advance(s=5)
    assert told == []
    history.is_failing = audit.is_failing = True
    clock.advance(s=5)
    history.is_failing = False
    clock.advance(s=5)
    assert [(title, severity) for title, severity, _ in told] == [("The disk takes no writes", Severity.CRITICAL)]
    assert told[0][2].startswith("history, audit wait in memory")
    history.dropped, audit.is_failing = 10, False
    clock.advance(s=5)
    assert told[1:] == [("The disk takes writes again", Severity.WARNING, "what waited is written; 7 rows were dropped")]
    stop()
    audit.is_failing = True
    clock.advance(s=5)
    assert len(told) == 2

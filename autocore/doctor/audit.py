"""The chain of the audit: whether somebody touched it, and what is missing from it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autocore.audit.files import is_copied, look
from autocore.audit.verdict import Verdict, sentence
from autocore.audit.verify import verify
from autocore.backup.applying import untold
from autocore.core.storage.damage import UNREADABLE
from autocore.doctor.databases import TooLarge, opened
from autocore.doctor.finding import Finding, ok, problem, warning

TODO = "autocore audit verify names every row; a card that fails shows in state.db too, else ask who had the data folder"


def look_at_audit(data: Path, *, is_running: bool) -> Iterator[Finding]:
    """Say whether the audit is as the gateway wrote it; nothing where there is none."""
    file = data / "state.db"
    if not file.is_file() or file.stat().st_size == 0:
        return
    if untold(data) is not None or is_copied(data):
        yield warning("audit", "a backup or a copy has taken the place of state.db; the next start notes it", "start the gateway")
        return
    try:
        found = look(data)  # before the table: so it is never ahead of it
        with opened(file, is_running=is_running) as connection:
            connection.text_factory = bytes
            verdict = verify(connection, found)
    except (*UNREADABLE, OSError, TooLarge) as error:
        said = str(error) or "its log is not folded in"
        yield warning("audit", f"it was not checked: {said}", "start the gateway, and ask again")
        return
    yield from _told(verdict)


def _told(verdict: Verdict) -> Iterator[Finding]:
    if not verdict.is_intact:
        more = f", and {verdict.faults_amount - 1} more" if verdict.faults_amount > 1 else ""
        yield problem("audit", f"it is not as it was written: {sentence(verdict.faults[0])}{more}", TODO)
    elif verdict.gaps:
        text = f"{verdict.checked} rows, intact; but {sentence(verdict.gaps[-1])}"
        yield warning("audit", text, "autocore audit verify shows where; it was no forgery")
    else:
        yield ok("audit", f"{verdict.rows} rows, as they were written")

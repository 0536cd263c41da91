"""Which rows of the audit are looked for, and reading them; no word of a question stands in the SQL itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autocore.audit.chain import COLUMNS, NUMBER
from autocore.audit.export import Exported
from autocore.audit.table import READ, WORDS, mac_removed, words
from autocore.rows import facts_of


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows.

    Args:
        who: the user, exactly; empty for all.
        via: the way it came, e.g. `rest` or `mqtt`, exactly; empty for all.
        service: what the service begins with; empty for all.
        outcome: the result, exactly; empty for all.
        text: what stands somewhere in the service, the data, the detail, the user or the address; empty for all.
        from_ns: only those of this time (nanoseconds since 1970 UTC) or later; those whose time is not known are left out.
        to_ns: only those of this time or earlier.
        before: only those with a smaller sequence number: the cursor to older ones.
        after: only those with a larger one; the oldest of them are given.
    """

    who: str = ""
    via: str = ""
    service: str = ""
    outcome: str = ""
    text: str = ""
    from_ns: int | None = None
    to_ns: int | None = None
    before: int | None = None
    after: int | None = None

    @property
    def asked(self) -> str:
        """What was asked for, for the seal of an export; empty for everything."""
        names = ("who", "via", "service", "outcome", "text", "from_ns", "to_ns")
        return ", ".join(f"{name} {value}" for name in names if (value := getattr(self, name)) not in ("", None))


def _select(question: Question, limit: int) -> tuple[str, dict[str, Any]]:
    """Give the SQL that finds the rows, the newest first, and what is put into it.

    The columns are those of `COLUMNS`, the MAC, the MAC of the row before, and the wall time in nanoseconds or null.
    """
    claims = {
        "audit.seq < :before": question.before,
        "audit.seq > :after": question.after,
        "who = :who": question.who or None,
        "via = :via": question.via or None,
        "outcome = :outcome": question.outcome or None,
        "substr(service, 1, length(:service)) = :service": question.service or None,
        "instr(lower(service || ' ' || data || ' ' || detail || ' ' || who || ' ' || address), lower(:text))": question.text
        or None,
        "at_ns + offset_ns >= :from_ns": question.from_ns,
        "at_ns + offset_ns <= :to_ns": question.to_ns,
    }
    wanted = [claim for claim, value in claims.items() if value is not None]
    columns = READ.replace("number", "audit.number")
    order = "DESC" if question.after is None else "ASC"
    sql = (
        f"SELECT {columns}, mac,"  # noqa: S608  # ours
        " (SELECT older.mac FROM audit AS older WHERE older.seq < audit.seq ORDER BY older.seq DESC LIMIT 1),"
        " at_ns + offset_ns FROM audit LEFT JOIN boot ON boot.number = audit.boot"
        f" WHERE {' AND '.join(wanted) or 'true'} ORDER BY audit.seq {order} LIMIT :limit"
    )
    names = ("who", "via", "service", "outcome", "text", "from_ns", "to_ns", "before", "after")
    return sql, {name: getattr(question, name) for name in names} | {"limit": limit}


def exported(connection: sqlite3.Connection, question: Question, limit: int) -> list[Exported]:
    """Give at most `limit` rows with their MACs, the newest first, or behind `after` the oldest first; raises sqlite3.Error."""
    sql, facts = _select(question, limit)
    return [
        Exported(
            row[: len(COLUMNS)], row[-3], row[-2] if isinstance(row[-2], bytes) else mac_removed(connection, row[NUMBER]), row[-1]
        )
        for row in connection.execute(sql, facts).fetchall()
    ]


def row_of(fields: Sequence[Any]) -> dict[str, Any]:
    """Give a row as people and programs read it."""
    found = dict(zip(COLUMNS, fields, strict=True))
    texts = {name: words(found[name]) for name in WORDS if name != "data"}
    return found | texts | {"data": facts_of(found["data"])}

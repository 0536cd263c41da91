"""What a look at the whole chain found, as people and programs read it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autocore.audit.chain import EXPLAINED, Kind, Reason
from autocore.core.names import N_

MOST_TOLD = 50
"""Findings and checkpoints that are told one by one; of the rest only the number."""


class What(StrEnum):
    """What is wrong with the chain."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    ORDER = "order"
    UNSIGNED = "unsigned"
    CUT_OFF = "cut_off"
    REPLACED = "replaced"
    HEAD_MISSING = "head_missing"
    HEAD_DAMAGED = "head_damaged"
    KEY_MISSING = "key_missing"
    KEY_DAMAGED = "key_damaged"
    OTHER_KEY = "other_key"
    SEAL = "seal"
    UNREADABLE = "unreadable"


SENTENCES: Mapping[str, str] = {
    What.CHANGED: N_("row %(seq)s is not as it was written"),
    What.MISSING: N_("before row %(seq)s rows are missing: %(lost)s"),
    What.INSERTED: N_("row %(seq)s was put in: the gateway did not write it there"),
    What.ORDER: N_("row %(seq)s does not stand where it was written"),
    What.UNSIGNED: N_("row %(seq)s has no signature: the gateway did not write it"),
    What.CUT_OFF: N_("after row %(seq)s the newest rows are missing: %(lost)s"),
    What.REPLACED: N_("row %(seq)s is another than the one that audit.head knows"),
    What.HEAD_MISSING: N_("audit.head is missing: whether the newest rows were cut off nobody can say"),
    What.HEAD_DAMAGED: N_("audit.head cannot be believed: whether the newest rows were cut off nobody can say"),
    What.KEY_MISSING: N_("audit.key is missing: no row can be checked"),
    What.KEY_DAMAGED: N_("audit.key is damaged: no row can be checked"),
    What.OTHER_KEY: N_("the rows were signed with another key than this audit.key"),
    What.SEAL: N_("the file is not what was exported: rows are missing, were added or exchanged, or the last line is gone"),
    What.UNREADABLE: N_("row %(seq)s cannot be read"),
}
GAPS: Mapping[str, str] = {
    Reason.NEW: N_("the chain began"),
    Reason.UPGRADED: N_("the chain began; %(accepted)s older rows were taken in as they were found"),
    Reason.RESTORED: N_("a backup was restored: what was written after it was made is not here"),
    Reason.COPY: N_("state.db was damaged and its copy took its place: what was written after that copy was made is not here"),
    Reason.CUT_OFF: N_("at a start the newest rows were missing (%(lost)s): damage of the card, or somebody cut them off"),
    Reason.HEAD_MISSING: N_("at a start audit.head was missing: rows may have been cut off before it"),
    Reason.HEAD_DAMAGED: N_("at a start audit.head could not be believed: rows may have been cut off before it"),
    Reason.KEY_MISSING: N_("at a start audit.key was missing: the rows before it cannot be checked any more"),
    Reason.KEY_DAMAGED: N_("at a start audit.key was damaged: the rows before it cannot be checked any more"),
    Reason.OTHER_KEY: N_("at a start audit.key was another one: the rows before it cannot be checked with this one"),
    "removed": N_("retention removed %(rows)s rows up to row %(last_seq)s"),
}


@dataclass(slots=True)
class Fault:
    """One thing that is wrong.

    Args:
        what: what it is.
        seq: of the row where it was seen; None where it belongs to none.
        lost: how many rows are missing, None when that is not known or none is.
        boot: the start of the gateway that wrote the row.
        at_ns: when, in nanoseconds of that start.
    """

    what: str
    seq: int | None = None
    lost: int | None = None
    boot: int | None = None
    at_ns: int | None = None

    def words(self) -> tuple[str, Mapping[str, Any]]:
        """Give the sentence, to be translated, and the words in it."""
        table = SENTENCES if self.what in SENTENCES else GAPS
        return table[self.what], {"seq": self.seq, "lost": "?" if self.lost is None else self.lost}


@dataclass(frozen=True, slots=True)
class Mark:
    """One checkpoint."""

    kind: Kind
    seq: int
    boot: int
    at_ns: int
    data: Mapping[str, Any]

    @property
    def reason(self) -> str:
        """What it is for: one of `GAPS`."""
        said = str(self.data.get("reason", "removed" if self.kind is Kind.REMOVED else ""))
        return said if said in GAPS else Reason.OTHER_KEY.value

    @property
    def is_suspicious(self) -> bool:
        """Whether it tells of a loss that the gateway cannot explain."""
        return self.kind is not Kind.REMOVED and self.reason not in EXPLAINED

    def words(self) -> tuple[str, Mapping[str, Any]]:
        """Give the sentence, to be translated, and the words in it."""
        known = ("lost", "accepted", "rows", "last_seq")
        return GAPS[self.reason], {name: "?" if self.data.get(name) is None else self.data[name] for name in known}


@dataclass(slots=True)
class Verdict:
    """How the chain is.

    Args:
        rows: how many rows there are.
        checked: how many of them are as they were signed.
        older: how many were signed with a key that is gone, and so cannot be checked.
        first: the sequence number of the first row.
        newest: of the newest one.
        faults: what is wrong, by sequence number; at most `MOST_TOLD`.
        faults_amount: how many there are in all.
        marks: the checkpoints, newest last; at most `MOST_TOLD` of the newest.
    """

    rows: int
    checked: int
    older: int
    first: int | None
    newest: int | None
    faults: list[Fault]
    faults_amount: int
    marks: list[Mark]

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults_amount

    @property
    def gaps(self) -> list[Mark]:
        """The checkpoints that tell of rows which are not here, for a reason that the gateway knows."""
        return [one for one in self.marks if one.reason in (Reason.RESTORED, Reason.COPY)]


def sentence(one: Fault | Mark) -> str:
    """Give what it says, in English."""
    text, words = one.words()
    return text % words


def view(verdict: Verdict) -> dict[str, Any]:
    """Give a verdict for programs."""
    return {
        "intact": verdict.is_intact,
        "rows": verdict.rows,
        "checked": verdict.checked,
        "not_checkable": verdict.older,
        "first_seq": verdict.first,
        "newest_seq": verdict.newest,
        "findings": [{"what": str(one.what), "seq": one.seq, "lost": one.lost, "text": sentence(one)} for one in verdict.faults],
        "findings_in_all": verdict.faults_amount,
        "checkpoints": [
            {"kind": one.kind.value, "seq": one.seq, "reason": one.reason, "data": dict(one.data), "text": sentence(one)}
            for one in verdict.marks
        ],
    }


def lines(verdict: Verdict) -> Iterable[str]:
    """Give a verdict for people at a terminal, in English."""
    if verdict.rows == 0 and verdict.is_intact:
        yield "there is no row yet"
    elif verdict.is_intact:
        yield f"intact: {verdict.checked} rows, from {verdict.first} to {verdict.newest}"
    else:
        yield f"NOT intact: {sentence(verdict.faults[0])}"
        yield from (f"  {sentence(one)}" for one in verdict.faults[1:])
        if verdict.faults_amount > len(verdict.faults):
            yield f"  and {verdict.faults_amount - len(verdict.faults)} more"
        yield f"{verdict.checked} of {verdict.rows} rows are as they were written"
    if verdict.older:
        yield f"{verdict.older} rows were signed with a key that is gone; they cannot be checked"
    yield from (f"  checkpoint at {one.seq}: {sentence(one)}" for one in verdict.marks)

"""Walking along the chain, row by row, and naming what is wrong. Pure: rows in, findings out.

Who has no key can write no row that fits, so the first misfit is sure. What it was (changed, taken out, put in, moved) is told
from the numbers and from whether the next row fits upon it or upon the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autocore.audit.chain import (
    AT_NS,
    BOOT,
    DATA,
    GENESIS,
    KIND,
    LARGEST_NUMBER,
    MAC_BYTES,
    NUMBER,
    SEQ,
    Head,
    Kind,
    Link,
    is_signed,
)
from autocore.audit.verdict import MOST_TOLD, Fault, Mark, Verdict, What
from autocore.rows import facts_of

FEW = 3
"""Misfits behind which the next row may fit all the same, beside the newest."""
KINDS = {one.value.encode(): one for one in Kind}


class Walk:
    """One walk.

    Args:
        key: the audit's.
        start: the link before the first row that is handed in; None when the chain begins there.
    """

    def __init__(self, key: bytes, start: Link | None) -> None:
        self._key = key
        self._befores: tuple[bytes, ...] = (start.mac,) if start is not None else (GENESIS,)
        self._origin = self._number = start.number if start is not None else 0
        self._pending: list[Fault] = []  # misfits since the last row that fitted
        self._pending_at = 0
        self._holes: dict[tuple[int, int], Fault] = {}
        self._faults: list[Fault] = []
        self._amount = 0
        self._marks: list[Mark] = []
        self._head_row: Any = None
        self.checked = 0
        self.newest = Link()

    def take(self, fields: Sequence[Any], mac: Any, head: Head | None = None) -> None:
        """Look at the next row."""
        self.meet(fields, mac, head)
        fits = next((one for one in self._befores if is_signed(self._key, one, fields, mac)), None)
        if fits is None:
            self._misfit(fields, mac)
        else:
            self._fit(fields, mac, is_upon_base=fits == self._befores[0])

    def meet(self, fields: Sequence[Any], mac: Any, head: Head | None) -> None:
        """Note a row that the head may know, also one that is not checked."""
        if head is not None and (fields[NUMBER], fields[SEQ]) == (head.link.number, head.link.seq):
            self._head_row = mac

    def _fit(self, fields: Sequence[Any], mac: bytes, *, is_upon_base: bool) -> None:
        number = fields[NUMBER]
        if self._pending:
            self._rename(number, is_upon_base=is_upon_base)
        self._pending.clear()
        self._befores, self._number = (mac,), number
        self.checked += 1
        self.newest = Link(number, mac, fields[SEQ])
        kind = KINDS.get(fields[KIND], Kind.ACT)
        if kind is not Kind.ACT:
            mark = Mark(kind, fields[SEQ], fields[BOOT], fields[AT_NS], facts_of(fields[DATA]))
            self._marks = [*self._marks[1 - MOST_TOLD :], mark]
            if mark.is_suspicious:
                lost = mark.data.get("lost")
                self._add(Fault(mark.reason, mark.seq, lost if isinstance(lost, int) else None, mark.boot, mark.at_ns))

    def _misfit(self, fields: Sequence[Any], mac: Any) -> None:
        number = fields[NUMBER] if isinstance(fields[NUMBER], int) and 0 < fields[NUMBER] < LARGEST_NUMBER else None
        fault = Fault(What.CHANGED, fields[SEQ], None, _whole(fields[BOOT]), _whole(fields[AT_NS]))
        self._pending_at = self._number + 1
        if number is None:
            fault.what = What.UNSIGNED if fields[NUMBER] == 0 and not mac else What.CHANGED
        elif number <= self._number:
            hole = next((one for one in self._holes if one[0] <= number <= one[1]), None)
            fault.what = What.INSERTED if hole is None else What.ORDER
            if hole is not None:
                moved = self._holes.pop(hole)
                moved.what, moved.lost = What.ORDER, None
        elif number > self._number + 1:
            fault.what, fault.lost = What.MISSING, number - self._number - 1
            self._holes[self._number + 1, number - 1] = fault
        if number is not None:
            self._number = max(self._number, number)
        self._pending.append(fault)
        if isinstance(mac, bytes) and len(mac) == MAC_BYTES:
            self._befores = (self._befores[0], *self._befores[1:][-FEW:], mac)
        self._add(fault)

    def _rename(self, number: int, *, is_upon_base: bool) -> None:
        """Name the misfits anew, now that the row after them is known."""
        renamed = []
        if is_upon_base:
            renamed = [one for one in self._pending if one.what is not What.UNSIGNED]
            what = What.INSERTED
        elif number == self._pending_at + 1 and self._pending[-1].what is What.MISSING:
            renamed, what = self._pending[-1:], What.CHANGED
        for fault in renamed:
            fault.what, fault.lost = what, None
        self._holes = {hole: one for hole, one in self._holes.items() if not any(one is fault for fault in renamed)}

    def _add(self, fault: Fault) -> None:
        self._amount += 1
        if len(self._faults) < MOST_TOLD:
            self._faults.append(fault)

    def end(self, head: Head | None, head_fault: str | None) -> None:
        """Hold the newest row against the head."""
        if head_fault is not None or head is None:
            self._add(Fault(head_fault or What.HEAD_MISSING))
        elif self._number < head.link.number:
            self._add(Fault(What.CUT_OFF, self.newest.seq, head.link.number - self._number))
        elif head.link.number > self._origin and self._head_row != head.link.mac and not self._amount:
            self._add(Fault(What.REPLACED, head.link.seq))

    def cannot(self, seq: int | None) -> None:
        """Note that the table could not be read behind the row `seq`."""
        self._add(Fault(What.UNREADABLE, seq))

    def verdict(self, rows: int, older: int, first: int | None, newest: int | None) -> Verdict:
        """Give what was found."""
        return Verdict(rows, self.checked, older, first, newest, self._faults, self._amount, self._marks)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None

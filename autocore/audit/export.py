"""The audit as a file that can be checked elsewhere, with the key: JSON Lines or CSV, each row with its MAC, a seal at the end.

The seal signs all that is in the file and what was asked for, so a part of the audit can be checked too: what was left out by the
question is told from what somebody took out later.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autocore.audit.chain import AT_NS, BOOT, COLUMNS, DATA, KIND, NUMBER, SEQ, Kind, Seal, is_signed
from autocore.audit.table import WORDS, words
from autocore.audit.verdict import MOST_TOLD, Fault, Mark, Verdict, What
from autocore.core.errors import InvalidData
from autocore.moments import iso
from autocore.rows import facts_of

CELLS = ("seq", "at", *COLUMNS[1:], "mac", "before")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet takes for the beginning of a formula, and the sign that is put before it: so that can be undone."""
SEAL = "seal"
WHOLE = ("seq", "boot", "at_ns", "number")


@dataclass(frozen=True, slots=True)
class Exported:
    """One row: the values of `COLUMNS`, its MAC, that of the row before, and its wall time where it is known."""

    fields: Sequence[Any]
    mac: Any
    before: bytes
    wall_ns: int | None

    @property
    def seq(self) -> int:
        """Its sequence number."""
        return int(self.fields[SEQ])


async def export(pages: AsyncIterator[list[Exported]], key: bytes, asked: str, *, as_csv: bool) -> AsyncIterator[bytes]:
    """Give a file, piece by piece: the rows, the oldest first, and the seal."""
    seal = Seal(key)
    if as_csv:
        yield _csv_lines([CELLS])
    async for page in pages:
        lines = []
        for one in page:
            seal.add(one.fields, one.before, one.mac)
            lines.append(_told(one))
        yield _lines(lines, as_csv=as_csv)
    yield _lines([{"kind": SEAL, "number": seal.rows, "data": {"asked": asked}, "mac": seal.mac(asked).hex()}], as_csv=as_csv)


def verify_file(file: Path, key: bytes) -> Verdict:
    """Check an export.

    Raises:
        InvalidData: it cannot be read, or is no export of the audit.
    """
    check = _Check(key)
    try:
        with file.open(encoding="utf-8", newline="") as source:
            for told in _read(source):
                check.take(told)
    except OSError as error:
        raise InvalidData(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InvalidData(f"{file} is no export of the audit, or its line {check.rows + 1} is damaged: {error}") from error
    return check.verdict()


class _Check:
    """Looks at the rows of an export one by one."""

    def __init__(self, key: bytes) -> None:
        self.rows = self._checked = self._older = self._amount = 0
        self._key = key
        self._seal = Seal(key)
        self._sealed = ""
        self._ends: list[int] = []
        self._faults: list[Fault] = []
        self._marks: list[Mark] = []

    def take(self, told: Mapping[str, Any]) -> None:
        """Look at the next line."""
        if self._sealed:
            raise ValueError("something stands behind the seal")
        mac = bytes.fromhex(told["mac"])
        if told["kind"] == SEAL:
            self._close(told, mac)
            return
        fields = tuple(_typed(name, told[name]) for name in COLUMNS)
        before = bytes.fromhex(told["before"])
        self.rows += 1
        self._seal.add(fields, before, mac)
        self._ends = [min([*self._ends, fields[SEQ]]), max([*self._ends, fields[SEQ]])]
        if is_signed(self._key, before, fields, mac):
            self._fit(fields)
        else:
            self._amount += 1
            what = What.CHANGED if fields[NUMBER] else What.UNSIGNED
            if len(self._faults) < MOST_TOLD:
                self._faults.append(Fault(what, fields[SEQ], None, fields[BOOT], fields[AT_NS]))

    def _fit(self, fields: Sequence[Any]) -> None:
        self._checked += 1
        if fields[KIND] == Kind.ACT:
            return
        mark = Mark(Kind(fields[KIND]), fields[SEQ], fields[BOOT], fields[AT_NS], facts_of(fields[DATA].encode()))
        if mark.kind is Kind.BEGUN and mark.data.get("from") == fields[NUMBER]:  # another key signed what is before
            self._older, self._amount = self._older + self._amount, 0
            self._faults.clear()
        self._marks = [*self._marks[1 - MOST_TOLD :], mark]
        if mark.is_suspicious:
            self._amount += 1
            self._faults.append(Fault(mark.reason, mark.seq, None, mark.boot, mark.at_ns))

    def _close(self, told: Mapping[str, Any], mac: bytes) -> None:
        data = told["data"] if isinstance(told["data"], dict) else json.loads(told["data"])
        is_good = self._seal.mac(str(data["asked"])) == mac and self.rows == int(told["number"])
        self._sealed = "good" if is_good else "bad"

    def verdict(self) -> Verdict:
        """Give what was found."""
        faults, amount = self._faults, self._amount
        if self.rows and not self._checked:
            faults, amount = [Fault(What.OTHER_KEY)], 1
        elif self._sealed != "good":
            faults, amount = [*faults[: MOST_TOLD - 1], Fault(What.SEAL)], amount + 1
        first, newest = self._ends or (None, None)
        return Verdict(self.rows, self._checked, self._older, first, newest, faults, amount, self._marks)


def _told(one: Exported) -> dict[str, Any]:
    found: dict[str, Any] = dict(zip(COLUMNS, one.fields, strict=True))
    told = {name: words(found[name]) if name in WORDS else found[name] for name in COLUMNS}
    told["data"] = _facts(told["data"])
    mac = one.mac if isinstance(one.mac, bytes) else b""
    return {**told, "at": iso(one.wall_ns), "mac": mac.hex(), "before": one.before.hex()}


def _facts(text: str) -> Any:
    """Give what a text of JSON says, where the same text can be made of it again; else the text."""
    try:
        facts = json.loads(text)
    except ValueError:
        return text
    return facts if isinstance(facts, dict) and json.dumps(facts) == text else text


def _typed(name: str, value: Any) -> Any:
    if name in WHOLE:
        return int(value)
    if name == "latency_s":
        return float(value)
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _lines(told: Iterable[Mapping[str, Any]], *, as_csv: bool) -> bytes:
    if not as_csv:
        return "".join(json.dumps(one, default=str) + "\n" for one in told).encode()
    rows = []
    for one in told:
        cells = dict(one)
        if isinstance(cells.get("data"), dict):
            cells["data"] = json.dumps(cells["data"])
        rows.append([_guarded(cells.get(name)) for name in CELLS])
    return _csv_lines(rows)


def _csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _guarded(cell: Any) -> Any:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return repr(cell)
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _read(source: Any) -> Iterator[Mapping[str, Any]]:
    start = source.read(1)
    source.seek(0)
    if start == "{":
        yield from (json.loads(line) for line in source if line.strip())
        return
    for row in csv.DictReader(source):
        yield {name: cell[1:] if isinstance(cell, str) and cell.startswith("'") else cell for name, cell in row.items()}

"""How a start goes on with the chain: where the next row hangs, and which checkpoint has to say what is missing. Pure.

A crash or a power cut between a commit and the head leaves a head that is behind the table, and that is right. A head that is
ahead of the table tells of rows that are gone: the table was cut off, or is an older one. That is never a reason not to start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autocore.audit.chain import EXPLAINED, GENESIS, LARGEST_NUMBER, Kind, Link, Reason, key_id
from autocore.audit.files import Found


@dataclass(frozen=True, slots=True)
class Standing:
    """What the table holds.

    Args:
        newest: the newest row that has a number, None when none has.
        unsigned: how many rows have none.
        key: the id of the key under which the newest rows were signed, None when no checkpoint says it any more.
    """

    newest: Link | None
    unsigned: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A row that the gateway has to write before the others.

    Args:
        kind: what it is.
        reason: why it is written.
        data: what it says beside that.
    """

    kind: Kind
    reason: Reason
    data: Mapping[str, Any]

    @property
    def is_explained(self) -> bool:
        """Whether nobody has to be suspected."""
        return self.reason in EXPLAINED

    @property
    def is_loss(self) -> bool:
        """Whether people should hear of it."""
        return self.reason not in (Reason.NEW, Reason.UPGRADED)


@dataclass(frozen=True, slots=True)
class Opening:
    """How to go on.

    Args:
        before: what the next row hangs on; its number is one less than that row's.
        checkpoint: what is written first, None when the chain just goes on.
        takes_unsigned: whether rows without a number are signed as they are found, before the checkpoint.
    """

    before: Link
    checkpoint: Checkpoint | None = None
    takes_unsigned: bool = False


def decide(key: bytes, found: Found, standing: Standing, explained: Reason | None = None) -> Opening:
    """Say how to go on with the chain.

    Args:
        key: the key from now on; another than the one of before when `found` has none.
        found: what lay beside the database.
        standing: what is in the table.
        explained: what the gateway did to the database before this start: it put back a backup or a copy.
    """
    newest, head = standing.newest, found.head
    known = head.link.number if head is not None else 0
    if newest is None:
        is_first = found.is_nothing or (head is not None and head.is_good and known == 0)
        if is_first:
            return _begin(key, standing, explained)
        reason = explained or found.key_fault or found.head_fault or Reason.CUT_OFF
        return _after(Link(known, GENESIS), _gap(key, found, reason, lost=known or None), takes_unsigned=explained is not None)
    here = newest.number if newest.number < LARGEST_NUMBER else known
    lost = max(0, known - here)
    before = Link(max(here, known), newest.mac, newest.seq)
    if found.key is None or standing.key not in (None, key_id(key)):
        reason = explained or found.key_fault or Reason.OTHER_KEY
        return _after(before, _gap(key, found, reason, lost=lost or None, begins=before.number + 1))
    if found.head_fault is not None or lost:
        reason = explained or found.head_fault or Reason.CUT_OFF
        return _after(before, _gap(key, found, reason, lost=lost if found.head_fault is None else None))
    return Opening(Link(here, newest.mac, newest.seq))


def _begin(key: bytes, standing: Standing, explained: Reason | None) -> Opening:
    reason = explained or (Reason.UPGRADED if standing.unsigned else Reason.NEW)
    data = {"reason": reason, "key": key_id(key), "from": 1, "accepted": standing.unsigned}
    return Opening(Link(), Checkpoint(Kind.BEGUN, reason, data), takes_unsigned=True)


def _gap(key: bytes, found: Found, reason: Reason, *, lost: int | None, begins: int | None = None) -> Checkpoint:
    """Give the checkpoint of a loss; `lost` is None when nobody can know how many rows are missing."""
    data: dict[str, Any] = {"reason": reason, "key": key_id(key), "lost": lost}
    if found.head is not None:
        data["head"] = {"number": found.head.link.number, "seq": found.head.link.seq, "row": found.head.link.mac.hex()}
    if begins is not None:
        data["from"] = begins
    elif found.key is None:
        data["from"] = 1
    return Checkpoint(Kind.BEGUN if "from" in data else Kind.GAP, reason, data)


def _after(before: Link, checkpoint: Checkpoint, *, takes_unsigned: bool = False) -> Opening:
    return Opening(before, checkpoint, takes_unsigned)

"""The chain of the audit: what a row is signed over, and how. Pure: values in, bytes out.

Each row has a number, one more than the row before, and a MAC: HMAC-SHA256 over the MAC of the row before and every field of its
own, each with its type and its length, so that no two rows are written the same way. Beside the rows of what people did stand
checkpoints, which the gateway makes itself: where the chain begins, what retention took away, and what is missing.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

COLUMNS = (
    "seq",
    "boot",
    "at_ns",
    "who",
    "via",
    "address",
    "service",
    "data",
    "outcome",
    "detail",
    "latency_s",
    "kind",
    "number",
)
"""The fields that are signed, in this order."""
NUMBER, KIND, DATA, SEQ, BOOT, AT_NS = (COLUMNS.index(name) for name in ("number", "kind", "data", "seq", "boot", "at_ns"))
GENESIS = b""
"""What stands for the MAC before the first row."""
KEY_BYTES = 32  # as long as what SHA-256 gives (RFC 2104, 3)
MAC_BYTES = 32
LARGEST_NUMBER = 1 << 53
"""No vehicle writes so many rows: a larger number is no number of ours."""

_ROW, _HEAD, _SEAL, _KEY = (
    b"autocore audit %s 1\0" % one for one in (b"row", b"head", b"seal", b"key")
)  # no MAC is good as another's


class Kind(StrEnum):
    """What a row is."""

    ACT = "act"
    """Somebody did something."""
    BEGUN = "begun"
    """The chain begins, or begins anew under another key."""
    GAP = "gap"
    """Rows are missing before it, and the gateway has seen that."""
    REMOVED = "removed"
    """Retention took the oldest rows away."""


class Reason(StrEnum):
    """Why the chain begins, or has a gap."""

    NEW = "new"
    UPGRADED = "upgraded"
    RESTORED = "restored"
    COPY = "copy"
    CUT_OFF = "cut_off"
    HEAD_MISSING = "head_missing"
    HEAD_DAMAGED = "head_damaged"
    KEY_MISSING = "key_missing"
    KEY_DAMAGED = "key_damaged"
    OTHER_KEY = "other_key"


EXPLAINED = frozenset({Reason.NEW, Reason.UPGRADED, Reason.RESTORED, Reason.COPY})
"""What the gateway did itself, and so no reason to suspect anybody."""


@dataclass(frozen=True, slots=True)
class Link:
    """The newest row: what the next one hangs on."""

    number: int = 0
    mac: bytes = GENESIS
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """What `audit.head` says of the newest row; `is_good` when it was signed with the key at hand."""

    link: Link
    is_good: bool


def encoded(fields: Iterable[Any]) -> bytes:
    """Give fields as bytes that no other fields give: a letter for the type, the length, the value."""
    parts = []
    for value in fields:
        letter, content = _encoded(value)
        parts.append(b"%b%d:%b" % (letter, len(content), content))
    return b"".join(parts)


def _encoded(value: Any) -> tuple[bytes, bytes]:
    if isinstance(value, str):
        return b"t", value.encode()
    if isinstance(value, bytes):  # a text that was read without being understood
        return b"t", value
    if isinstance(value, float):
        return b"f", value.hex().encode()
    return (b"n", b"") if value is None else (b"i", b"%d" % value)


def sign(key: bytes, before: bytes, fields: Sequence[Any]) -> bytes:
    """Give the MAC of a row.

    Args:
        key: the audit's.
        before: the MAC of the row before, `GENESIS` for the first.
        fields: the values of `COLUMNS`; texts as text or as bytes.
    """
    return hmac.digest(key, _ROW + encoded((before, *fields)), "sha256")


def is_signed(key: bytes, before: bytes, fields: Sequence[Any], mac: Any) -> bool:
    """Say whether a row is as it was signed, behind a row with the MAC `before`."""
    return isinstance(mac, bytes) and hmac.compare_digest(sign(key, before, fields), mac)


def key_id(key: bytes) -> str:
    """Give what names a key without telling it."""
    return hmac.digest(key, _KEY, "sha256")[:8].hex()


def head_bytes(key: bytes, link: Link) -> bytes:
    """Give the content of `audit.head`."""
    told = {"seq": link.seq, "number": link.number, "row": link.mac.hex()}
    return json.dumps(told | {"mac": _head_mac(key, link).hex()}).encode() + b"\n"


def read_head(key: bytes, content: bytes) -> Head | None:
    """Read what `head_bytes` gave; None when it is no such thing."""
    try:
        told = json.loads(content)
        link = Link(told["number"], bytes.fromhex(told["row"]), told["seq"])
        mac = bytes.fromhex(told["mac"])
    except (ValueError, TypeError, KeyError):
        return None
    if type(link.number) is not int or type(link.seq) is not int or not 0 <= link.number < LARGEST_NUMBER:
        return None
    return Head(link, hmac.compare_digest(_head_mac(key, link), mac))


def _head_mac(key: bytes, link: Link) -> bytes:
    return hmac.digest(key, _HEAD + encoded((link.seq, link.number, link.mac)), "sha256")


class Seal:
    """Signs an export as a whole: which rows are in it, in which order, and what was asked for."""

    def __init__(self, key: bytes) -> None:
        self.rows = 0
        self._running = hmac.new(key, _SEAL, "sha256")

    def add(self, fields: Sequence[Any], before: bytes, mac: Any) -> None:
        """Take the next row, its MAC and that of the row before it."""
        self.rows += 1
        self._running.update(encoded((*fields, before, mac)))

    def mac(self, asked: str) -> bytes:
        """Give the MAC of what was added until now, as the answer to what was asked for."""
        running = self._running.copy()
        running.update(encoded((self.rows, asked)))
        return running.digest()

"""What the audit keeps outside the database: its key, and the head, which knows the newest row.

`audit.key` is a secret like the others: it leaves in an encrypted backup only. So who reads another backup cannot sign a row,
and a vehicle that is restored from an encrypted one goes on with its chain. `audit.head` never leaves: it says what *this*
folder's database has to hold, and a restore moves it aside with that database.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from autocore.audit.chain import KEY_BYTES, Head, Link, Reason, head_bytes, read_head
from autocore.core.disk import delete_file, write_file
from autocore.damage import Damages

KEY = "audit.key"
HEAD = "audit.head"
COPIED = "audit.copied"
"""There while a copy of state.db has taken its place and the chain does not say so yet: a crash between the two is no forgery."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lies beside the database.

    Args:
        key: the key, None when there is none that could be one.
        head: what the head says, None when there is none that can be read.
        key_fault: why there is no key.
        head_fault: why there is no head that can be believed.
    """

    key: bytes | None
    head: Head | None
    key_fault: Reason | None = None
    head_fault: Reason | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether there never was a chain here, as far as these files know: neither key nor rows that a head knew."""
        return self.key_fault is Reason.KEY_MISSING and (self.head is None or self.head.link.number == 0)


def look(folder: Path) -> Found:
    """Read both files; nothing is changed.

    Raises:
        OSError: one of them cannot be read.
    """
    content = _content(folder / KEY)
    key = content if content is not None and len(content) == KEY_BYTES and any(content) else None
    key_fault = None if key else Reason.KEY_MISSING if content is None else Reason.KEY_DAMAGED
    told = _content(folder / HEAD)
    head = None if told is None else read_head(key or b"", told)
    if told is None:
        return Found(key, None, key_fault, Reason.HEAD_MISSING)
    return Found(key, head, key_fault, None if head is not None and head.is_good else Reason.HEAD_DAMAGED)


def make_key(folder: Path, found: Found, damages: Damages) -> bytes:
    """Make a key where there is none; what was there and is none is kept under another name.

    Where there never was a chain the head is written first: whoever finds a key without a head knows that the head was taken.

    Raises:
        OSError: the disk does not take it.
    """
    if found.key_fault is Reason.KEY_DAMAGED:
        damages.set_aside(folder / KEY, "another is made, and the rows of the audit before now cannot be checked any more")
    key = secrets.token_bytes(KEY_BYTES)
    if found.is_nothing:
        write_head(folder, key, Link())
    write_file(folder / KEY, key)
    return key


def set_head_aside(folder: Path, found: Found, damages: Damages) -> None:
    """Keep a head that cannot be believed under another name; raises OSError."""
    if found.key is not None and found.head_fault is Reason.HEAD_DAMAGED:
        damages.set_aside(folder / HEAD, "whether the newest rows of the audit were cut off before now nobody can say")


def write_head(folder: Path, key: bytes, link: Link) -> None:
    """Note which row is the newest; it is on disk already, so the head is never ahead. Raises OSError."""
    write_file(folder / HEAD, head_bytes(key, link))


def mark_copy(folder: Path) -> None:
    """Note, before a copy takes the place of state.db, that its newest rows will be missing. Raises OSError."""
    write_file(folder / COPIED, b"state.db is not what audit.head knows: a copy takes its place\n")


def is_copied(folder: Path) -> bool:
    """Say whether a copy has taken the place of state.db since the chain was last gone on with."""
    return (folder / COPIED).exists()


def forget_copy(folder: Path) -> None:
    """Note that the chain says so now. Raises OSError."""
    delete_file(folder / COPIED)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None

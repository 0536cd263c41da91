"""The shim between a process and its disk (shim.c): builds it, steers it, and reads what it wrote down."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path

SOURCE = Path(__file__).parent / "shim.c"
_CONTROL = struct.Struct("=iIIiqQQ")
_ENTRY = struct.Struct("=c3xIQq")


class Kinds(IntFlag):
    """Which calls fail."""

    WRITES = 1
    SYNCS = 2
    READS = 4
    OPENS_TO_WRITE = 8
    NAMES = 16
    OPENS = 32


@dataclass(frozen=True, slots=True)
class Op:
    """One thing that was done to the files: kind (a letter of shim.c), inode, offset or length, data or names."""

    kind: str
    inode: int
    offset: int
    data: bytes

    @property
    def names(self) -> tuple[str, str]:
        one, _, two = self.data.partition(b"\0")
        return os.fsdecode(one), os.fsdecode(two)

    @property
    def is_sync(self) -> bool:
        return self.kind in "SD"


def build(folder: Path) -> Path:
    """Compile the shim into `folder` and give its path."""
    made = folder / "shim.so"
    if not made.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", made, SOURCE, "-ldl"], check=True)
    return made


def environment(shim: Path, root: Path, *, log: Path | None = None, control: Path | None = None) -> dict[str, str]:
    """Give the environment of a process that runs behind the shim."""
    root.mkdir(parents=True, exist_ok=True)
    words = {**os.environ, "LD_PRELOAD": str(shim), "AUTOCORE_SHIM_ROOT": str(root.resolve())}
    if log is not None:
        words["AUTOCORE_SHIM_LOG"] = str(log)
    if control is not None:
        words["AUTOCORE_SHIM_CONTROL"] = str(control)
    return words


class Control:
    """Makes the disk of a process behind the shim fail, and well again, while it runs."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(_CONTROL.size))
        self.file = file
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), _CONTROL.size)

    def fill(self, room: int) -> None:
        """Leave `room` bytes on the disk: beyond them nothing can grow (ENOSPC)."""
        self._put(16, "=q", room)
        self._put(12, "=i", 1)

    def fail(self, error: int, kinds: Kinds, chance: int = 1000) -> None:
        """Make calls of these kinds fail with the errno `error`, `chance` times in a thousand."""
        self._put(4, "=I", int(kinds))
        self._put(8, "=I", chance)
        self._put(0, "=i", error)

    def heal(self) -> None:
        """Let everything succeed again."""
        self._put(0, "=i", 0)
        self._put(12, "=i", 0)

    @property
    def failed(self) -> int:
        """How many calls were made to fail."""
        return int(struct.unpack_from("=Q", self._map, 24)[0])

    @property
    def written(self) -> int:
        """How many bytes reached the files."""
        return int(struct.unpack_from("=Q", self._map, 32)[0])

    def _put(self, place: int, form: str, value: int) -> None:
        struct.pack_into(form, self._map, place, value)


def read_log(file: Path) -> Iterator[Op]:
    """Give what was done, in order; a torn last entry is left out."""
    content = file.read_bytes()
    place = 0
    while place + _ENTRY.size <= len(content):
        kind, length, inode, offset = _ENTRY.unpack_from(content, place)
        place += _ENTRY.size
        if place + length > len(content):
            return
        yield Op(kind.decode(), inode, offset, content[place : place + length])
        place += length

"""The disk as a power cut leaves it: made from what the shim wrote down.

The model is that of a journalling file system that promises no more than it must:

- what was fsynced is there; of what was written to a file since, every sector has any of its versions, old or new;
- its length is that after any of these writes; what it has not got yet reads as zeros;
- a name that was made, moved or deleted since its folder was fsynced is there or not; in one folder in the order in which it
  happened, because a journal keeps its order. A folder that holds something durable is durable itself.

`-shm` files are left out: they are memory, and SQLite makes them anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.faults.shim import Op

Change = tuple[int, bytes | None]
"""(offset, data), or (length, None) for a file that was cut."""


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    now: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)

    def change(self, change: Change) -> None:
        _apply(self.now, change)
        self.pending.append(change)

    def sync(self) -> None:
        for change in self.pending:
            _apply(self.durable, change)
        self.pending.clear()


@dataclass(frozen=True)
class _Naming:
    """One change of names: `path` becomes `file` (a folder when -1, nothing when None), `old` loses its name."""

    path: str
    file: int | None
    old: str | None = None

    @property
    def folder(self) -> str:
        return str(PurePosixPath(self.path).parent)


FOLDER = -1


class Disk:
    """Takes what was done in order, and gives the disk as a cut at this moment would leave it."""

    def __init__(self, root: Path) -> None:
        self._root = str(root.resolve())
        self._files: list[_File] = []
        self._by_inode: dict[int, int] = {}
        self._now: dict[str, int] = {}
        self._durable: dict[str, int] = {}
        self._pending: list[_Naming] = []

    def apply(self, op: Op) -> None:
        """Take one operation."""
        if op.kind in "WTS":
            number = self._by_inode.get(op.inode)
            if number is None:  # a file that was made before the record began, or without a name
                number = self._by_inode[op.inode] = self._add()
            file = self._files[number]
            if op.kind == "S":
                file.sync()
            else:
                file.change((op.offset, op.data if op.kind == "W" else None))
        elif op.kind == "D":
            self._sync_folder(op.names[0])
        elif op.kind != "A":
            self._name(op)

    def cut(self, dice: random.Random, luck: str) -> dict[str, bytes | None]:
        """Give the files (None: a folder) that are there after a cut now, by path under the root.

        Args:
            dice: decides what of the unsynced is there.
            luck: `none` or `all` of it, or `some`.
        """
        names = dict(self._durable)
        for naming in self._chosen(dice, luck):
            _rename(names, naming)
        sector = dice.choice((512, 4096))
        found: dict[str, bytes | None] = {}
        for path, number in sorted(names.items()):
            if path.endswith("-shm") or not path.startswith(self._root + "/"):
                continue
            short = path[len(self._root) + 1 :]
            found[short] = None if number == FOLDER else _content(self._files[number], dice, luck, sector)
        return found

    def _chosen(self, dice: random.Random, luck: str) -> Iterable[_Naming]:
        if luck == "none":
            return []
        if luck == "all":
            return self._pending
        amounts = {one.folder: 0 for one in self._pending}
        for one in self._pending:
            amounts[one.folder] += 1
        left = {folder: dice.randint(0, amount) for folder, amount in amounts.items()}
        chosen = []
        for one in self._pending:
            if left[one.folder] > 0:
                left[one.folder] -= 1
                chosen.append(one)
        return chosen

    def _add(self) -> int:
        self._files.append(_File())
        return len(self._files) - 1

    def _name(self, op: Op) -> None:
        one, two = op.names
        if op.kind == "C":
            number = self._by_inode[op.inode] = self._add()
            naming = _Naming(one, number)
        elif op.kind == "M":
            naming = _Naming(one, FOLDER)
        elif op.kind == "U":
            naming = _Naming(one, None)
        elif one not in self._now:  # a socket, say
            return
        else:
            naming = _Naming(two, self._now[one], one if op.kind == "R" else None)
        _rename(self._now, naming)
        self._pending.append(naming)

    def _sync_folder(self, folder: str) -> None:
        later = []
        for one in self._pending:
            if one.folder == folder or (one.file == FOLDER and (folder + "/").startswith(one.path + "/")):
                _rename(self._durable, one)
            else:
                later.append(one)
        self._pending = later


def lay_out(files: dict[str, bytes | None], folder: Path) -> Path:
    """Write files as `Disk.cut` gives them under `folder`, and give it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        place = folder / name
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return folder


def _content(file: _File, dice: random.Random, luck: str, sector: int) -> bytes:
    if luck == "all" or not file.pending:
        return bytes(file.now)
    if luck == "none":
        return bytes(file.durable)
    lengths = [len(file.durable)]
    versions: dict[int, list[Change]] = {}
    for offset, data in file.pending:
        if data is None:
            for number in range(offset // sector, -(-lengths[-1] // sector)):
                versions.setdefault(number, []).append((offset, None))
            lengths.append(offset)
            continue
        for number in range(offset // sector, -(-(offset + len(data)) // sector)):
            first, last = max(offset, number * sector), min(offset + len(data), (number + 1) * sector)
            versions.setdefault(number, []).append((first, data[first - offset : last - offset]))
        lengths.append(max(lengths[-1], offset + len(data)))
    content = bytearray(file.durable).ljust(max(lengths), b"\0")
    for number, changes in versions.items():
        for place, data in changes[: dice.randint(0, len(changes))]:
            if data is None:
                first, last = max(place, number * sector), min(len(content), (number + 1) * sector)
                content[first:last] = bytes(max(0, last - first))
            else:
                content[place : place + len(data)] = data
    return bytes(content[: dice.choice(lengths)])


def _apply(content: bytearray, change: Change) -> None:
    place, data = change
    if data is None:
        del content[place:]
        content.extend(bytes(place - len(content)))
        return
    if len(content) < place:
        content.extend(bytes(place - len(content)))
    content[place : place + len(data)] = data


def _rename(names: dict[str, int], naming: _Naming) -> None:
    if naming.old is not None:
        if naming.file == FOLDER:
            inside = [path for path in names if path.startswith(naming.old + "/")]
            for path in inside:
                names[naming.path + path[len(naming.old) :]] = names.pop(path)
        names.pop(naming.old, None)
    if naming.file is None:
        names.pop(naming.path, None)
    else:
        names[naming.path] = naming.file

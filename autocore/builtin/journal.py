"""The journal of last states: what changed in the last second is appended to a file, so that a crash costs at most that.

Two files take turns: while one is folded into state.db the other is written. A frame is its length, a checksum, and packed
columns; reading ends at the first frame that is not whole. Nothing is synced: that is the fold's work, every 30 seconds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec

from autocore.core.errors import StorageError
from autocore.core.model import Position, State
from autocore.damage import Damages

FILES = ("states.0", "states.1")
_HEAD = struct.Struct("<II")
_Plain = float | int | str | bool | dict[str, float | None] | None


class _Frame(msgspec.Struct, array_like=True):
    """Columns of states; numbers are differences from the one before, entities are numbered within their file."""

    names: list[str]
    """Of entities that this file had not named yet."""
    entities: list[int]
    values: list[_Plain]
    available: list[bool]
    updated: list[int]
    changed: list[int]
    boots: list[int]
    seqs: list[int]


class StateJournal:
    """Writes the journal.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = [folder / name for name in FILES]
        self._turn = 0
        self._out: BinaryIO | None = None
        self._numbers: dict[str, int] = {}
        self.bytes_written = 0

    def append(self, states: Sequence[tuple[str, State]]) -> None:
        """Append states.

        Raises:
            StorageError: the disk does not take them; the next call begins the file anew, so it should bring all since the fold.
        """
        if not states:
            return
        try:
            if self._out is None:
                self._out = self._paths[self._turn].open("wb", buffering=0)
                self._numbers = {}
            data = _packed(states, self._numbers)
            taken = self._out.write(data)
        except OSError as error:
            self._close()
            raise StorageError(f"{self._paths[self._turn]} cannot be written: {error.strerror}") from error
        if taken != len(data):
            self._close()
            raise StorageError(f"{self._paths[self._turn]} cannot be written: the disk took a part only")
        self.bytes_written += len(data)

    def turn(self) -> None:
        """Write to the other file from now on; what is in this one is being folded."""
        self._close()
        self._turn = 1 - self._turn

    def folded(self) -> None:
        """What the other file holds is in state.db: it is not needed any more."""
        try:
            self._paths[1 - self._turn].unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{self._paths[1 - self._turn]} cannot be deleted: {error.strerror}") from error

    def close(self) -> None:
        """Everything is in state.db: both files go."""
        self._close()
        self.folded()
        self.turn()
        self.folded()

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None


def read_journal(folder: Path, damages: Damages) -> dict[str, State]:
    """Give the newest state of each entity that the journal holds; a file whose end makes no sense is set aside.

    Args:
        folder: the data folder.
        damages: told of such a file.

    Raises:
        StorageError: a file cannot be read.
    """
    found: dict[str, State] = {}
    for name in FILES:
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageError(f"{folder / name} cannot be read: {error.strerror}") from error
        states, end = _states(data)
        for entity, state in states:
            known = found.get(entity)
            if known is None or known.seq < state.seq:
                found[entity] = state
        if any(data[end:]):  # zeros are what a power cut leaves of a file that was growing
            _set_aside(folder / name, damages)
    return found


def _set_aside(file: Path, damages: Damages) -> None:
    try:
        damages.set_aside(file, "the last states of the end of it are those of up to 30 s before")
    except OSError as error:
        raise StorageError(f"{file} is damaged and cannot be moved away: {error.strerror}") from error


def _packed(states: Sequence[tuple[str, State]], numbers: dict[str, int]) -> bytes:
    names = [entity for entity, _ in states if entity not in numbers]
    for name in names:
        numbers[name] = len(numbers)
    frame = _Frame(
        names,
        [numbers[entity] for entity, _ in states],
        [_plain(state.value) for _, state in states],
        [state.available for _, state in states],
        _steps([state.updated_ns for _, state in states]),
        [state.updated_ns - state.changed_ns for _, state in states],
        [state.boot for _, state in states],
        _steps([state.seq for _, state in states]),
    )
    body = zlib.compress(msgspec.msgpack.encode(frame), 1)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _states(data: bytes) -> tuple[list[tuple[str, State]], int]:
    """Give the states in the whole frames of a file, and where the last of these ends."""
    place = 0
    names: list[str] = []
    found: list[tuple[str, State]] = []
    while place + _HEAD.size <= len(data):
        length, check = _HEAD.unpack_from(data, place)
        body = data[place + _HEAD.size : place + _HEAD.size + length]
        if not length or len(body) < length or zlib.crc32(body) != check:
            break
        try:
            frame = msgspec.msgpack.decode(zlib.decompress(body), type=_Frame)
        except (zlib.error, msgspec.MsgspecError):
            break
        names += frame.names
        updated = list(accumulate(frame.updated))
        seqs = list(accumulate(frame.seqs))
        for row, number in enumerate(frame.entities):
            state = State(
                _value(frame.values[row]),
                available=frame.available[row],
                changed_ns=updated[row] - frame.changed[row],
                updated_ns=updated[row],
                boot=frame.boots[row],
                seq=seqs[row],
            )
            found.append((names[number], state))
        place += _HEAD.size + length
    return found, place


def _steps(numbers: Sequence[int]) -> list[int]:
    return [numbers[0], *(after - before for before, after in pairwise(numbers))]


def _plain(value: object) -> _Plain:
    if isinstance(value, Position):
        return msgspec.structs.asdict(value)
    if type(value) is int and not -(1 << 62) < value < 1 << 62:
        return float(value)  # msgpack has no whole number beyond 64 bits
    return value  # type: ignore[return-value]  # a reading is one of these


def _value(plain: _Plain) -> float | int | str | bool | Position | None:
    return msgspec.convert(plain, Position) if isinstance(plain, dict) else plain

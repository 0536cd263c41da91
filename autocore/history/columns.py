"""Readings as bytes: a batch of all series, and a run of one. Pure functions: no file, no clock.

A batch is what one flush writes, in the order of arrival. A run is one series of a finished span: its columns hold
differences, numbers of few decimals as whole numbers, the lowest bytes first, so that zlib finds what repeats. zlib's own
checksum finds a flipped bit.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import msgspec

from autocore.core.errors import StorageError

Kept = float | int | str | bool | None
"""What a reading can be; None is a gap: the entity was not available from then on."""


LEVEL = 6  # zlib: 9 gains a percent and costs three times as much
DECIMALS = 4  # sensors say 21.3 or 13.85; beyond four a number is kept as it is
EXACT = 1 << 53  # whole numbers that a double holds exactly
LARGEST = 1 << 62
_WIDTHS = {"b": 1, "h": 2, "i": 4, "q": 8}
_BOOLEAN, _WHOLE, _EXACTLY, _TEXT = b"BIFT"
_TRIED = (0, 1, 2, 4)
_ROUGHLY = 1e9  # a larger number gains nothing by being scaled
_HEAD = struct.Struct("<II")
_COLUMN = struct.Struct("<cqI")
_RUN = struct.Struct("<II")
_POWERS = tuple(10**power for power in range(DECIMALS + 1))


class Batch(NamedTuple):
    """Readings of all series in the order of arrival, as columns."""

    series: list[int]
    seqs: list[int]
    times_ms: list[int]
    values: list[Kept]


class Run(NamedTuple):
    """Readings of one series in order, as columns; `times_ms` is monotonic time within the boot."""

    seqs: list[int]
    times_ms: list[int]
    values: list[Kept]


def pack_batch(batch: Batch) -> bytes:
    """Give a batch as bytes."""
    return pack([batch.series, batch.seqs, batch.times_ms], [batch.values])


def unpack_batch(data: bytes) -> Batch:
    """Give the batch that `pack_batch` made; raises StorageError when the bytes are damaged."""
    (series, seqs, times_ms), (values,) = unpack(data, 3, 1)
    return Batch(series, seqs, times_ms, values)


def pack_run(run: Run) -> bytes:
    """Give a run as bytes."""
    return pack([run.seqs, run.times_ms], [run.values])


def unpack_run(data: bytes) -> Run:
    """Give the run that `pack_run` made; raises StorageError when the bytes are damaged."""
    (seqs, times_ms), (values,) = unpack(data, 2, 1)
    return Run(seqs, times_ms, values)


def pack(whole: Sequence[Sequence[int]], values: Sequence[Sequence[Kept]]) -> bytes:
    """Give columns of one length as bytes: first those of whole numbers, then those of anything that a reading can be."""
    columns = [*map(_pack_whole, whole), *map(_pack_values, values)]
    head = _HEAD.pack(len(whole[0]), len(columns))
    return zlib.compress(b"".join([head, *(struct.pack("<I", len(one)) + one for one in columns)]), LEVEL)


def unpack(data: bytes, whole: int, values: int) -> tuple[list[list[int]], list[list[Kept]]]:
    """Give the columns that `pack` took: `whole` of whole numbers, and `values` others.

    Raises:
        StorageError: the bytes are damaged, or hold other columns.
    """
    try:
        body = zlib.decompress(data)
        amount, _ = _HEAD.unpack_from(body)
        columns = list(_parts(body, _HEAD.size))
    except (zlib.error, struct.error) as error:
        raise StorageError(f"readings are damaged: {error}") from error
    if len(columns) != whole + values:
        raise StorageError(f"readings are damaged: {len(columns)} columns instead of {whole + values}")
    numbers = [_unpack_whole(one, amount) for one in columns[:whole]]
    return numbers, [_unpack_values(one) for one in columns[whole:]]


def by_series(batches: Sequence[Batch]) -> dict[int, Run]:
    """Give the readings of batches that stand in order, sorted apart by series."""
    runs: dict[int, Run] = {}
    for batch in batches:
        for series, seq, time_ms, value in zip(*batch, strict=True):
            run = runs.get(series)
            if run is None:
                run = runs[series] = Run([], [], [])
            run.seqs.append(seq)
            run.times_ms.append(time_ms)
            run.values.append(value)
    return runs


def _parts(body: bytes, place: int) -> Iterator[bytes]:
    while place < len(body):
        (length,) = struct.unpack_from("<I", body, place)
        yield body[place + 4 : place + 4 + length]
        place += 4 + length


def _pack_whole(values: Sequence[int]) -> bytes:
    if not values:
        return b""
    steps = [after - before for before, after in pairwise(values)]
    low, high = min(steps, default=0), max(steps, default=0)
    code = next(code for code, width in _WIDTHS.items() if -(1 << (8 * width - 1)) <= low and high < 1 << (8 * width - 1))
    return _COLUMN.pack(code.encode(), values[0], len(steps)) + _turned(array(code, steps))


def _unpack_whole(data: bytes, amount: int) -> list[int]:
    if not data:
        return []
    code, first, count = _COLUMN.unpack_from(data)
    steps = _straight(code.decode(), data[_COLUMN.size :])
    if count != len(steps) or amount != count + 1:
        raise StorageError("readings are damaged: a column is too short")
    return list(accumulate(steps, initial=first))


def _pack_values(values: Sequence[Kept]) -> bytes:
    """Give values as: gaps (where None stands), a letter for how the rest is kept, and the rest."""
    gaps = [place for place, value in enumerate(values) if value is None]
    rest = [value for value in values if value is not None] if gaps else values
    kind, body = _pack_kept(rest)
    return _RUN.pack(len(values), len(gaps)) + array("I", gaps).tobytes() + kind + body


def _pack_kept(values: Sequence[Kept]) -> tuple[bytes, bytes]:
    kinds = set(map(type, values))
    if kinds == {bool}:
        return b"B", bytes(values)  # type: ignore[arg-type]  # all are booleans
    if kinds and kinds <= {int, float}:
        numbers: Sequence[float] = values  # type: ignore[assignment]  # no other type is among them
        if kinds == {int} and min(numbers) > -LARGEST and max(numbers) < LARGEST:
            return b"I", _pack_whole(numbers)  # type: ignore[arg-type]  # all are whole
        scaled = _scaled(numbers) if kinds == {float} or max(map(abs, numbers)) < EXACT else None
        if scaled is not None:
            power, whole = scaled
            return b"0123456789"[power : power + 1], _pack_whole(whole)
        if kinds == {float}:
            return b"F", _turned(array("d", numbers))
    return b"P", _pack_parted(values)


def _unpack_values(data: bytes) -> list[Kept]:
    try:
        amount, gaps = _RUN.unpack_from(data)
        place = _RUN.size + 4 * gaps
        holes = array("I", data[_RUN.size : place])
        values = _unpack_kept(data[place : place + 1], data[place + 1 :], amount - gaps)
    except (struct.error, ValueError, StopIteration, msgspec.MsgspecError) as error:
        raise StorageError(f"readings are damaged: {error}") from error
    for hole in holes:
        values.insert(hole, None)
    return values


def _unpack_kept(kind: bytes, body: bytes, amount: int) -> list[Kept]:
    if kind == b"B":
        return [bool(one) for one in body]
    if kind == b"I":
        return list(_unpack_whole(body, amount))
    if kind == b"F":
        return list(_straight("d", body))
    if kind == b"T":
        return msgspec.msgpack.decode(body, type=list[Kept])
    if kind == b"P":
        return _unpack_parted(body, amount)
    divisor = _POWERS[int(kind)]
    return [one / divisor for one in _unpack_whole(body, amount)]


def _pack_parted(values: Sequence[Kept]) -> bytes:
    """Give values of several kinds as: a letter for each, and a column for each letter."""
    letters = bytearray()
    columns: dict[int, list[Kept]] = {}
    for value in values:
        letter = _letter_of(value)
        letters.append(letter)
        columns.setdefault(letter, []).append(value)
    parts = [bytes(letters)]
    for letter in sorted(columns):
        column = columns[letter]
        if letter == _TEXT:
            parts.append(b"T" + msgspec.msgpack.encode([small(one) for one in column]))
        else:
            kind, body = _pack_kept(column)
            parts.append(kind + body)
    return b"".join(struct.pack("<I", len(one)) + one for one in parts)


def _unpack_parted(body: bytes, amount: int) -> list[Kept]:
    letters, *parts = _parts(body, 0)
    if len(letters) != amount:
        raise StorageError("readings are damaged: a column is too short")
    columns = {
        letter: iter(_unpack_kept(part[:1], part[1:], letters.count(letter)))
        for letter, part in zip(sorted(set(letters)), parts, strict=True)
    }
    return [next(columns[letter]) for letter in letters]


def _letter_of(value: Kept) -> int:
    kind = type(value)
    if kind is bool:
        return _BOOLEAN
    if kind is int and -LARGEST < value < LARGEST:  # type: ignore[operator]  # a whole number
        return _WHOLE
    if kind is float:
        if -_ROUGHLY < value < _ROUGHLY:  # type: ignore[operator]  # a number
            for power in _TRIED:
                if round(value * _POWERS[power]) / _POWERS[power] == value:
                    return ord("0") + power
        return _EXACTLY
    return _TEXT


def _scaled(numbers: Sequence[float]) -> tuple[int, list[int]] | None:
    """Give the power of ten that makes all numbers whole without losing a bit, and the whole numbers; None when none does."""
    first = max((_decimals(one) for one in numbers[:8]), default=0)
    for power in range(first, DECIMALS + 1):
        factor = _POWERS[power]
        whole = [round(one * factor) if -LARGEST < one * factor < LARGEST else EXACT for one in numbers]
        if max(map(abs, whole)) >= EXACT:
            return None
        if all(one / factor == number for one, number in zip(whole, numbers, strict=True)):
            # -0.0 equals 0 but is another number: it is kept as it is
            return None if 0 in whole and any(str(one) == "-0.0" for one in numbers) else (power, whole)
    return None


def _decimals(number: float) -> int:
    return len(repr(float(number)).partition(".")[2].rstrip("0"))


def small(value: Kept) -> Kept:
    """Give a value as it can be kept: a whole number beyond 62 bits becomes a double."""
    return float(value) if type(value) is int and not -LARGEST < value < LARGEST else value


def _turned(column: array[int] | array[float]) -> bytes:
    """Give the bytes of a column, all lowest ones first: neighbours then repeat."""
    if sys.byteorder == "big":
        column.byteswap()
    raw, width = column.tobytes(), column.itemsize
    return b"".join(raw[place::width] for place in range(width))


def _straight(code: str, turned: bytes) -> array:  # type: ignore[type-arg]  # of whole numbers or of doubles, as `code` says
    column = array(code)
    width = column.itemsize
    amount, rest = divmod(len(turned), width)
    if rest:
        raise StorageError("readings are damaged: a column is cut")
    raw = bytearray(len(turned))
    for place in range(width):
        raw[place::width] = turned[place * amount : (place + 1) * amount]
    column.frombytes(bytes(raw))
    if sys.byteorder == "big":
        column.byteswap()
    return column

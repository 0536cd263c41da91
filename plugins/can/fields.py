"""Where a value lies in a frame's payload, and what its bits mean. Pure functions of bytes: no CAN, no entities."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from autocore.api import InvalidData

LONGEST_PAYLOAD = 64  # bytes, of a CAN FD frame; a classical one has 8
LONGEST_FIELD = 64  # bits
MOST_DIGITS = 12  # after the point: a scale of 1/1024 has ten; what has more is not rounded
SHOWN_DIGITS = 3
_FLOATS = {16: ("e", "H"), 32: ("f", "I"), 64: ("d", "Q")}  # struct's codes of a float and of the integer of its size

Number = int | float


@dataclass(frozen=True, slots=True)
class Field:
    """The bits of one signal.

    Args:
        start: the first bit as DBC files count (bit 0 is the least significant of byte 0, bit 8 of byte 1): the least
            significant bit of a little-endian field, the most significant bit of a big-endian one.
        length: in bits, 1 to 64.
        is_little: Intel byte order; False is Motorola's.
        is_signed: two's complement.
        is_float: IEEE 754 in 16, 32 or 64 bits.
        scale: what the raw number is multiplied by.
        offset: what is added then.

    Raises:
        InvalidData: no payload has such a field.
    """

    start: int
    length: int
    is_little: bool = True
    is_signed: bool = False
    is_float: bool = False
    scale: Number = 1
    offset: Number = 0
    _first: int = field(init=False, repr=False)
    _mask: int = field(init=False, repr=False)
    _digits: int | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.length <= LONGEST_FIELD:
            raise InvalidData(f"a signal has 1 to {LONGEST_FIELD} bits, not {self.length}", field="length")
        if self.is_float and self.length not in _FLOATS:
            raise InvalidData(f"a floating-point signal has 16, 32 or 64 bits, not {self.length}", field="length")
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)) or self.scale == 0:
            raise InvalidData("scale and offset are finite numbers, and scale is not 0", field="scale")
        # Read as one big-endian number, the bits of a payload are counted from the left.
        first = self.start if self.is_little else self.start // 8 * 8 + 7 - self.start % 8
        if not (self.start >= 0 and first + self.length <= 8 * LONGEST_PAYLOAD):
            raise InvalidData(f"bits {self.start} and on lie outside every payload", field="start_bit")
        digits = _digits(self.scale, self.offset)
        if digits == 0:  # whole numbers stay whole, also those of 64 bits
            object.__setattr__(self, "scale", int(self.scale))
            object.__setattr__(self, "offset", int(self.offset))
        object.__setattr__(self, "_first", first)
        object.__setattr__(self, "_mask", (1 << self.length) - 1)
        object.__setattr__(self, "_digits", digits)

    @property
    def is_plain(self) -> bool:
        """Whether the raw number is the value."""
        return self.scale == 1 and self.offset == 0 and not self.is_float

    @property
    def digits(self) -> int:
        """How many digits after the point are worth showing."""
        return SHOWN_DIGITS if self._digits is None or self.is_float else min(self._digits, SHOWN_DIGITS)

    def raw(self, payload: bytes) -> int | None:
        """Give the raw number, not scaled; None when the payload is too short for it."""
        size = 8 * len(payload)
        if self._first + self.length > size:
            return None
        if self.is_little:
            raw = int.from_bytes(payload, "little") >> self._first & self._mask
        else:
            raw = int.from_bytes(payload, "big") >> (size - self._first - self.length) & self._mask
        if self.is_signed and not self.is_float and raw >> (self.length - 1):
            raw -= 1 << self.length
        return raw

    def scaled(self, raw: int) -> Number | None:
        """Give the value of a raw number; None when a floating-point one is no finite number."""
        if self.is_float:
            value = _as_float(raw, self.length) * self.scale + self.offset
            return value if math.isfinite(value) else None
        value = raw * self.scale + self.offset
        return round(value, self._digits) if self._digits else value  # 0.1 * 3 is 0.3, not 0.30000000000000004


def decode(one: Field, payload: bytes) -> Number | None:
    """Give the value of a field in a payload; None when it is not there or is no finite number."""
    raw = one.raw(payload)
    return None if raw is None else one.scaled(raw)


@dataclass(frozen=True, slots=True)
class Selector:
    """A field is there only while another one, its multiplexer, says one of `values`."""

    field: Field
    values: frozenset[int]

    def is_met(self, payload: bytes) -> bool:
        """Say whether it does."""
        return self.field.raw(payload) in self.values


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the raw numbers of a field mean to people.

    Args:
        field: where they lie.
        words: the value table; empty for a measurement.
        unit: of a measurement.
        selectors: all must be met for the field to be there.
    """

    field: Field
    words: Mapping[int, str]
    unit: str | None = None
    selectors: tuple[Selector, ...] = ()

    @property
    def is_word(self) -> bool:
        """Whether it is one of some words: a table, and nothing that would make it a measurement."""
        return bool(self.words) and self.unit is None and self.field.is_plain

    @property
    def is_flag(self) -> bool:
        """Whether it is or is not: one bit, and nothing that would make it more."""
        one = self.field
        return one.length == 1 and one.is_plain and not one.is_signed and not self.words and self.unit is None

    def is_there(self, payload: bytes) -> bool:
        """Say whether the multiplexers, if any, say that the field is in this payload."""
        return all(selector.is_met(payload) for selector in self.selectors)

    def value(self, raw: int) -> Number | str | bool | None:
        """Give what a raw number says; None when it says that there is no measurement now.

        A measurement with a table (254 is "error", 255 "not available") has no value while the table names its number.
        """
        if self.is_flag:
            return bool(raw)
        if self.is_word:
            return self.words.get(raw) or str(raw)
        return None if raw in self.words else self.field.scaled(raw)


def _digits(scale: Number, offset: Number) -> int | None:
    """Give how many digits after the point `n * scale + offset` has; None when they are too many to count."""
    exponents = [Decimal(repr(one)).normalize().as_tuple().exponent for one in (scale, offset)]
    digits = max(0, *(-int(one) for one in exponents))
    return digits if digits <= MOST_DIGITS else None


def _as_float(raw: int, length: int) -> float:
    as_float, as_integer = _FLOATS[length]
    (value,) = struct.unpack(f"<{as_float}", struct.pack(f"<{as_integer}", raw))
    return float(value)

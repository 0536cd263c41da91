"""CAN frames as values, how they come in as JSON, and how many bits they take on the wire. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

EXTENDED = 0x8000_0000  # the bit by which DBC files and SocketCAN tell 29-bit identifiers from 11-bit ones
HIGHEST_STANDARD = 0x7FF
HIGHEST_EXTENDED = 0x1FFF_FFFF
LONGEST_DATA = 64  # bytes, CAN FD

Reject = Callable[[str, str], None]
"""Takes (field, reason) of one frame that is not as it should be; the others of the message still count."""


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame as a bridge sent it; `bus` is what it calls the bus, empty when it does not say."""

    bus: str
    key: int
    data: bytes


def key_of(frame_id: int, *, is_extended: bool) -> int:
    """Give the number that tells frames apart: 11-bit and 29-bit identifiers of one value are two."""
    return frame_id | EXTENDED if is_extended else frame_id


def id_of(key: int) -> int:
    """Give the identifier in a key."""
    return key & HIGHEST_EXTENDED


def is_extended(key: int) -> bool:
    """Say whether a key is of a 29-bit identifier."""
    return bool(key & EXTENDED)


def readable(key: int) -> str:
    """Give a key as people write it: `0x1A0`, or eight digits for a 29-bit identifier."""
    return f"0x{id_of(key):08X}" if is_extended(key) else f"0x{key:03X}"


def bits_on_wire(key: int, length: int) -> int:
    """Give how many bits a classical frame of `length` bytes takes at most, pause included.

    The worst case of bit stuffing, so that the load is never shown too low (R. Davis et al., Controller Area Network
    schedulability analysis, 2007: 55 + 10 n bits with 11-bit identifiers, 80 + 10 n with 29-bit ones).
    """
    return (80 if is_extended(key) else 55) + 10 * length


def raw_frames(payload: Any, reject: Reject) -> Iterator[RawFrame]:
    """Give the frames of one message on `can/data`: `{bus, id, data: hex, ext?, ts?}`, or a list of them.

    The decoded form `{signals: …}`, which the gateway itself publishes there, holds none.
    """
    if isinstance(payload, Mapping):
        if "signals" not in payload:
            yield from _one(payload, reject)
    elif isinstance(payload, list):
        for number, item in enumerate(payload):
            if isinstance(item, Mapping):
                yield from _one(item, reject)
            else:
                reject(str(number), "a list of frames holds objects only")
    else:
        reject("", "expected a frame {bus, id, data} or a list of frames")


def _one(item: Mapping[str, Any], reject: Reject) -> Iterator[RawFrame]:
    frame_id, bus, text = _identifier(item.get("id")), item.get("bus", ""), item.get("data")
    says_extended = item.get("ext")
    if frame_id is None:
        reject("id", "an identifier is a whole number from 0 to 0x1FFFFFFF, or hexadecimal text")
    elif not isinstance(bus, str):
        reject("bus", "the name of a bus is a text")
    elif says_extended is not None and not isinstance(says_extended, bool):
        reject("ext", "ext is true or false")
    elif says_extended is False and frame_id > HIGHEST_STANDARD:
        reject("id", "an identifier beyond 0x7FF is extended, and ext says it is not")
    else:
        data = _data(text)
        if data is None:
            reject("data", f"data are hexadecimal digits of at most {LONGEST_DATA} bytes")
        else:
            extended = frame_id > HIGHEST_STANDARD if says_extended is None else says_extended
            yield RawFrame(bus, key_of(frame_id, is_extended=extended), data)


def _identifier(value: Any) -> int | None:
    if isinstance(value, str):
        try:
            value = int(value, 16)
        except ValueError:
            return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= HIGHEST_EXTENDED:
        return value
    return None


def _data(text: Any) -> bytes | None:
    if not isinstance(text, str) or len(text) > 3 * LONGEST_DATA:
        return None
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    return data if len(data) <= LONGEST_DATA else None

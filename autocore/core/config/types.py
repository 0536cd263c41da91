"""Kinds of values in a configuration, as voluptuous validators: durations, ports, ids. Each says what it wants by an example."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import voluptuous as vol

from autocore.core.errors import InvalidData
from autocore.core.mqtt.topics import check_filter
from autocore.core.names import HIDDEN, VISIBLE, is_device_id, slug

HIGHEST_PORT = 65_535
_UNITS_S = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)")
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([BKMGT])I?B?")
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5]\d):([0-5]\d)")
_KINDS = ("sensor", "binary_sensor", "switch", "button", "number", "select", "text", "light", "cover", "event", "position")


def _visible(text: str) -> str:
    if VISIBLE.match(text):
        return text
    raise vol.Invalid(HIDDEN)


label = vol.All(str, vol.Length(min=1, max=60, msg="expected a text of 1 to 60 characters"), _visible)
"""What people read as a name: a text of 1 to 60 characters with nothing hidden in it."""


def duration(value: Any) -> float:
    """Give seconds for `500ms`, `10s`, `5 min`, `1h`, `00:00:10` (as Home Assistant writes it) or a number of seconds."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return float(value)
    if isinstance(value, str):
        text = value.strip().lower()
        if clock := _CLOCK.fullmatch(text):
            hours, minutes, seconds = (int(part) for part in clock.groups())
            return hours * 3600.0 + minutes * 60.0 + seconds
        if (amount := _AMOUNT.fullmatch(text)) and amount[2] in _UNITS_S:
            return float(amount[1]) * _UNITS_S[amount[2]]
    raise vol.Invalid("expected a duration; write e.g. 500ms, 10s, 5min or 1h")


def size(low: int, high: int) -> Callable[[Any], int]:
    """Give a validator for a number of bytes: `500MB`, `1.5 GB`, or a plain number (decimal units, as cards are sold)."""

    def check(value: Any) -> int:
        amount = _BYTES.fullmatch(value.strip().upper()) if isinstance(value, str) else None
        if amount is not None:
            value = round(float(amount[1]) * 1000 ** "BKMGT".index(amount[2]))
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise vol.Invalid(f"expected a size from {low // 1_000_000}MB to {high // 10**9}GB; write e.g. 500MB")

    return check


def time_zone(value: Any) -> str:
    """Give the IANA name of a time zone that this machine knows."""
    try:
        return ZoneInfo(value).key
    except (OSError, KeyError, ValueError, TypeError, AttributeError):
        raise vol.Invalid("expected a time zone; write e.g. America/Sao_Paulo") from None


def port(value: Any) -> int:
    """Give a TCP port."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= HIGHEST_PORT:
        return value
    raise vol.Invalid("expected a port, a whole number from 1 to 65535; write e.g. 8080")


def slug_key(value: Any) -> str:
    """Give the name part of an id: lower-case letters, digits and `_`."""
    if isinstance(value, str) and value and value == slug(value):
        return value
    example = slug(value) if isinstance(value, str) and slug(value) else "light_bar"
    raise vol.Invalid(f"expected a-z, 0-9 and _; write e.g. {example}")


def device_id(value: Any) -> str:
    """Give a device id as protocol.md defines it."""
    if isinstance(value, str) and is_device_id(value):
        return value
    raise vol.Invalid("expected a device id, a-z, 0-9, _ and -, at most 64 characters; write e.g. relay_board_1")


def entity_id(value: Any) -> str:
    """Give the id of an entity, `<kind>.<name>`."""
    if isinstance(value, str):
        kind, _, name = value.partition(".")
        if kind in _KINDS and name and name == slug(name):
            return value
    raise vol.Invalid("expected an entity id; write e.g. sensor.engine_rpm")


def topic_filter(value: Any) -> str:
    """Give an MQTT filter."""
    if not isinstance(value, str):
        raise vol.Invalid("expected an MQTT topic; write e.g. tele/fridge/SENSOR")
    try:
        return check_filter(value)
    except InvalidData as error:
        raise vol.Invalid(error.message) from error


def one_of(*words: str) -> Any:
    """Give a validator that takes one of `words`."""
    return vol.In(words, msg=f"expected one of {', '.join(words)}")


def whole(least: int, most: int) -> Callable[[Any], int]:
    """Give a validator that takes a whole number from `least` to `most`."""

    def check(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        raise vol.Invalid(f"expected a whole number from {least} to {most}")

    return check

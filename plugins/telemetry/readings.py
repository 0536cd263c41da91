"""What telemetry payloads mean: the three native forms and paths into foreign JSON. Pure functions: no entities, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autocore.api import InvalidData, Sensor, readable, slug

LONGEST_UNIT = 20
MAX_DEPTH = 8  # nested keys become `a_b_c`; nothing real is deeper
_ANY = Sensor("reading")
SENSOR_KEYS = frozenset({"sensor", "value", "unit", "ts"})

Reject = Callable[[str, str], None]
"""Takes (field, reason) of one reading that is not as it should be; the others of the message still count."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value as a device sent it; `ts` is its own time stamp, kept as given and never trusted."""

    key: str
    value: float | int | str | bool
    unit: str | None = None
    ts: float | int | str | None = None


def native(payload: Any, reject: Reject) -> Iterator[Reading]:
    """Give the readings of one message on `telemetry/{id}/data`.

    Three forms (protocol.md): an object of readings, `{sensor, value, unit?, ts?}`, or a list of either.
    """
    if isinstance(payload, Mapping):
        yield from _one(payload, reject)
    elif isinstance(payload, list):
        for number, item in enumerate(payload):
            if isinstance(item, Mapping):
                yield from _one(item, reject)
            else:
                reject(str(number), "a list of readings holds objects only")
    else:
        reject("", "expected an object of readings, one reading, or a list of them")


def at_path(payload: Any, path: Sequence[str | int]) -> Any:
    """Give what stands at `path` in `payload`.

    Raises:
        InvalidData: nothing stands there.
    """
    value = payload
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise InvalidData("nothing stands there", field=".".join(str(one) for one in path)) from None
    return value


def parse_path(text: str) -> tuple[str | int, ...]:
    """Give the steps of a path as people write it: `ENERGY.Power`, `sensors.0.value`, or `` for the whole payload."""
    return tuple(int(step) if step.isdecimal() else step for step in text.split(".")) if text else ()


def _one(item: Mapping[str, Any], reject: Reject) -> Iterator[Reading]:
    if "sensor" in item and "value" in item and SENSOR_KEYS.issuperset(item):
        name, value, unit = item["sensor"], item["value"], item.get("unit")
        if not isinstance(name, str) or not slug(name):
            reject("sensor", "the name of a sensor is a text with a letter or digit")
        elif (fault := _fault(value)) is not None:
            reject("value", fault)
        else:
            yield Reading(slug(name), value, readable(unit, LONGEST_UNIT) if isinstance(unit, str) else None, item.get("ts"))
        return
    yield from _flat(item, "", 0, reject)


def _flat(item: Mapping[str, Any], prefix: str, depth: int, reject: Reject) -> Iterator[Reading]:
    if depth >= MAX_DEPTH:
        reject(prefix, f"readings are nested deeper than {MAX_DEPTH}")
        return
    for name, value in item.items():
        key = slug(f"{prefix}_{name}" if prefix else name)
        if not key:
            reject(name, "the name of a reading has a letter or digit")
        elif isinstance(value, Mapping):
            yield from _flat(value, key, depth + 1, reject)
        elif value is not None:  # null is a reading that the device could not take
            fault = _fault(value)
            if fault is None:
                yield Reading(key, value)
            else:
                reject(key, fault)


def _fault(value: Any) -> str | None:
    """Give what keeps a value from being a reading, None when it is one."""
    if isinstance(value, bool):
        return None
    if not isinstance(value, (int, float, str)):
        return "a reading is a number, a text or true/false"
    try:
        _ANY.read(value)
    except InvalidData as error:
        return error.message
    return None

"""Voluptuous schemas as JSON Schema, as far as they can be told; what cannot be told is left open, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

_TYPES: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    None: {"type": "null"},
    dict: {"type": "object"},
    list: {"type": "array"},
}


def json_schema(schema: Any) -> dict[str, Any]:
    """Give the JSON Schema of a voluptuous schema; None is an object without keys."""
    if schema is None:
        return {"type": "object", "additionalProperties": False}
    return _convert(schema)


def _convert(schema: Any) -> dict[str, Any]:  # noqa: PLR0911  # one answer for each kind of schema
    if isinstance(schema, vol.Schema):
        return _convert(schema.schema)
    if isinstance(schema, Mapping):
        return _object(schema)
    if isinstance(schema, list):
        return {"type": "array", "items": _convert(schema[0]) if schema else {}}
    if isinstance(schema, vol.All):
        merged: dict[str, Any] = {}
        for part in schema.validators:
            merged |= _convert(part)
        return merged
    if isinstance(schema, vol.Any):
        return {"anyOf": [_convert(part) for part in schema.validators]}
    if isinstance(schema, vol.In):
        return {"enum": [*schema.container]} if isinstance(schema.container, (list, tuple, set)) else {}
    if isinstance(schema, vol.Range):
        limits = {"minimum": schema.min, "maximum": schema.max}
        return {name: value for name, value in limits.items() if value is not None}
    try:
        return dict(_TYPES.get(schema, {}))
    except TypeError:  # an unhashable validator: nothing can be told
        return {}


def _object(schema: Mapping[Any, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, inner in schema.items():
        name = key.schema if isinstance(key, vol.Marker) else key
        if not isinstance(name, str):
            continue
        properties[name] = _convert(inner)
        if isinstance(key, vol.Required):
            required.append(name)
        default = getattr(key, "default", vol.UNDEFINED)
        if default is not vol.UNDEFINED and callable(default):
            properties[name] |= {"default": default()}
    answer: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return answer | ({"required": required} if required else {})

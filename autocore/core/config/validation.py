"""Checking values against a voluptuous schema so that every fault names its place, its key and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import voluptuous as vol

from autocore.core.config.tree import Secret, mark_at
from autocore.core.errors import ConfigError, ConfigFaults, Mark
from autocore.core.names import nearest

SHOWN_CHARS = 40
_TYPE_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a mapping",
    "list": "a list",
}


def validate(schema: vol.Schema, data: Any, *, path: str, at: Mark | None = None) -> Any:
    """Give `data` as `schema` makes it.

    Args:
        schema: the schema.
        data: what was written, with or without marks.
        path: the dotted name of `data`, e.g. `relays`.
        at: where `data` stands, for a fault of the whole of it.

    Raises:
        ConfigFaults: all faults at once.
    """
    try:
        return schema(data)
    except vol.Invalid as error:
        faults = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
        raise ConfigFaults([_fault(fault, schema, data, path, at) for fault in faults]) from error


def dotted(root: str, steps: list[Any]) -> str:
    """Give `relays.boards[0].channels` for `relays` and its steps."""
    text = root
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) and not isinstance(step, bool) and text.endswith(("s", "]")) else f".{step}"
    return text.lstrip(".")


def _fault(error: vol.Invalid, schema: vol.Schema, data: Any, root: str, whole_at: Mark | None) -> ConfigError:
    steps = [step.schema if isinstance(step, vol.Marker) else step for step in error.path]
    at = mark_at(data, tuple(steps)) if steps else None
    at = at or whole_at or mark_at(data, ())
    return ConfigError(_sentence(error, schema, data, steps), path=dotted(root, steps), at=at)


def _sentence(error: vol.Invalid, schema: vol.Schema, data: Any, steps: list[Any]) -> str:
    if isinstance(error, vol.RequiredFieldInvalid):
        return f"{steps[-1]} is missing; add it"
    if error.error_message == "extra keys not allowed":
        known = sorted(set(_keys_at(schema.schema, steps[:-1])))
        near = nearest(str(steps[-1]), known)
        hint = f"did you mean {near}?" if near else (f"the keys here are {', '.join(known)}" if known else "nothing is set here")
        return f"there is no key {steps[-1]}; {hint}"
    words = error.error_message
    if isinstance(error, vol.TypeInvalid):
        words = f"expected {_TYPE_WORDS.get(words.removeprefix('expected ').strip(), words.removeprefix('expected '))}"
    elif isinstance(error, vol.DictInvalid):
        words = "expected a mapping"
    elif words == "expected a list":
        words = "expected a list"
    return f"{words}, not {_shown(data, steps)}" if words.startswith("expected") else words


def _shown(data: Any, steps: list[Any]) -> str:
    """Give what was written, short, and nothing of a secret."""
    for step in steps:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return "that"
    if isinstance(data, Secret):
        return "the secret that stands there"
    if isinstance(data, Mapping):
        return "a mapping"
    if isinstance(data, list):
        return "a list"
    if data is None:
        return "nothing"
    text = str(data).lower() if isinstance(data, bool) else repr(data)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"


def _keys_at(schema: Any, steps: list[Any]) -> Iterator[str]:
    """Give the keys that a schema knows at a place: it looks through markers, lists and `All`."""
    if isinstance(schema, vol.Schema):
        yield from _keys_at(schema.schema, steps)
    elif isinstance(schema, (vol.All, vol.Any)):
        for part in schema.validators:
            yield from _keys_at(part, steps)
    elif isinstance(schema, list):
        for part in schema:
            yield from _keys_at(part, steps[1:])
    elif isinstance(schema, Mapping):
        named = [(key.schema if isinstance(key, vol.Marker) else key, inner) for key, inner in schema.items()]
        if not steps:
            yield from (name for name, _ in named if isinstance(name, str))
            return
        for name, inner in named:
            if name == steps[0] or not isinstance(name, str):
                yield from _keys_at(inner, steps[1:])

"""The parts of a section: items of its lists and free mappings, each with a form of its own. Pure.

A step is a key or an index as it stands in an address; the keys of a mapping may be numbers (`channels: {3: …}`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from autocore.core.errors import UnknownName
from autocore.web.pages.forms import collection_of, mapping_of

Steps = Sequence[str]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a collection: its steps, and what people call it."""

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Collection:
    """A list or a free mapping within a part: its key, its items, and where the next one goes (None: people give its key)."""

    key: str
    items: tuple[Item, ...]
    path: str
    next_path: str | None


def schema_at(schema: Any, steps: Steps) -> Any:
    """Give what the part at `steps` must be.

    Raises:
        UnknownName: there is no such part.
    """
    at = list(steps)
    while at:
        keys = mapping_of(schema) or {}
        inner = next((inner for key, inner in keys.items() if _name(key) == at[0]), None)
        item = None if inner is None else collection_of(inner)
        if item is None or len(at) < 2:  # noqa: PLR2004  # the key of a collection, and an item of it
            raise UnknownName("part", "/".join(steps))
        schema, at = item, at[2:]
    return schema


def value_at(section: Any, steps: Steps) -> Any:
    """Give the part at `steps`, None when it is not there."""
    for step in steps:
        key = _key(section, step)
        if isinstance(section, Mapping):
            section = section.get(key)
        elif isinstance(section, list) and isinstance(key, int) and key < len(section):
            section = section[key]
        else:
            return None
    return section


def replaced(section: Any, steps: Steps, value: Any) -> Any:
    """Give the section with another value at `steps`; None takes the part out. What is given is left as it is."""
    if not steps:
        return value
    key, rest = _key(section, steps[0]), steps[1:]
    if isinstance(section, list) or (section is None and isinstance(key, int) and rest == []):
        items = list(section or [])
        inner = replaced(items[key] if key < len(items) else None, rest, value)
        return [*items[:key], *([] if inner is None else [inner]), *items[key + 1 :]]
    before = dict(section or {})
    inner = replaced(before.get(key), rest, value)
    return {one: old for one, old in before.items() if one != key} if inner is None else {**before, key: inner}


def collections_in(schema: Any, part: Any, steps: Steps) -> list[Collection]:
    """Give the collections within the part at `steps`, with their items."""
    found = []
    for key, inner in (mapping_of(schema) or {}).items():
        name = _name(key)
        if name is None or collection_of(inner) is None:
            continue
        path = "/".join([*steps, name])
        held = part.get(name) if isinstance(part, Mapping) else None
        pairs = list(held.items()) if isinstance(held, Mapping) else list(enumerate(held or []))
        items = tuple(Item(f"{path}/{at}", _called(at, one)) for at, one in pairs)
        is_list = any(isinstance(one, list) for one in _parts(inner))
        found.append(Collection(name, items, path, f"{path}/{len(items)}" if is_list else None))
    return found


def _parts(inner: Any) -> list[Any]:
    if isinstance(inner, vol.Schema):
        return _parts(inner.schema)
    return [one for part in inner.validators for one in _parts(part)] if isinstance(inner, (vol.All, vol.Any)) else [inner]


def _called(at: Any, item: Any) -> str:
    about = item if isinstance(item, Mapping) else {}
    name = next((str(about[key]) for key in ("name", "alias", "device", "entity", "id") if about.get(key)), "")
    return f"{at}: {name}" if name else str(at)


def _key(section: Any, step: str) -> Any:
    if isinstance(section, Mapping):
        known = next((key for key in section if str(key) == step), None)
        if known is not None:
            return known
    return int(step) if step.isascii() and step.isdecimal() else step


def _name(key: Any) -> str | None:
    name = key.schema if isinstance(key, vol.Marker) else key
    return name if isinstance(name, str) else None

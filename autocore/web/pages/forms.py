"""Forms drawn from voluptuous schemas, and what people sent with them, as the schema wants it.

Text, whole and decimal numbers, yes or no, one of several, and lists of texts (one a line) have fields of their own; whatever
else a schema says is written as JSON. A field that is left empty and may be left out is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import voluptuous as vol

from autocore.core.errors import InvalidData
from autocore.core.mqtt.message import check_depth

LONGEST = 10_000
YES, NO = "yes", "no"


class Input(StrEnum):
    """How a field looks."""

    TEXT = "text"
    WHOLE = "whole"
    NUMBER = "number"
    FLAG = "flag"
    CHOICE = "choice"
    MAYBE = "maybe"
    """Yes, no, or nothing said."""
    LINES = "lines"
    JSON = "json"
    PASSWORD = "password"  # noqa: S105  # the name of an input
    ANY = "any"
    """A validator of its own (a duration, an id): what looks like a number is one."""


SECRETS = frozenset({"password", "token", "pin", "secret", "secret_key"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    name: str
    input: Input
    is_required: bool
    value: Any = ""
    options: tuple[str, ...] = ()
    hint: str = ""

    @property
    def label(self) -> str:
        """What people read: the key with spaces."""
        text = self.name.replace("_", " ")
        return text[:1].upper() + text[1:]


def fields_of(schema: Any, values: Mapping[str, Any], *, is_typed: bool = False) -> list[Field]:
    """Give the fields for the mapping that a schema describes; none when it describes none.

    Args:
        schema: of a section or a service.
        values: what the fields hold.
        is_typed: the values are what somebody typed into this form: they are shown as they are.
    """
    keys = _mapping(schema)
    fields = []
    for key, inner in (keys or {}).items():
        name = key.schema if isinstance(key, vol.Marker) else key
        if not isinstance(name, str):
            continue
        default = getattr(key, "default", vol.UNDEFINED)
        given = default() if default is not vol.UNDEFINED and callable(default) else None
        kind, options = (Input.MAYBE, (YES, NO)) if _may_be_unsaid(inner) else _input(inner, name)
        if kind is Input.LINES and any(not isinstance(one, str) for one in values.get(name) or ()):
            kind = Input.JSON  # items that are more than a text
        fields.append(
            Field(
                name,
                kind,
                isinstance(key, vol.Required) and given is None,
                _typed(kind, values.get(name)) if is_typed else _shown(kind, values.get(name, given)),
                options,
                str(getattr(key, "description", None) or ""),
            )
        )
    return fields


def mapping_of(schema: Any) -> Mapping[Any, Any] | None:
    """Give the mapping that a schema describes, None when it describes none."""
    return _mapping(schema)


def collection_of(schema: Any) -> Any:
    """Give what each item of a schema's list or free mapping must be, when that is a mapping of named keys; None otherwise."""
    for part in _alternatives(schema):
        if isinstance(part, list) and part and is_named(part[0]):
            return part[0]
        if isinstance(part, Mapping):
            inner = next((inner for key, inner in part.items() if not isinstance(key, (str, vol.Marker))), None)
            if inner is not None and is_named(inner):
                return inner
    return None


def is_named(schema: Any) -> bool:
    """Say whether a schema is a mapping of named keys."""
    return any(isinstance(key, (str, vol.Marker)) for key in _mapping(schema) or ())


def is_formed(schema: Any) -> bool:
    """Say whether a schema is a mapping of named keys, so that a form can be drawn."""
    return _mapping(schema) is not None


def data_of(schema: Any, sent: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Give what a form sent, as JSON types in the shape of the schema; the schema itself still has to check it.

    Keys `without` are not in the form.

    Raises:
        InvalidData: a field cannot be read; `field` names it.
    """
    data: dict[str, Any] = {}
    for field in (one for one in fields_of(schema, {}) if one.name not in without):
        words = sent.get(field.name)
        text = words if isinstance(words, str) else ""
        if len(text) > LONGEST:
            raise InvalidData(f"at most {LONGEST} characters fit here", field=field.name)
        if field.input is Input.FLAG:
            data[field.name] = words is not None
        elif text.strip() or (field.is_required and field.input is Input.TEXT):
            data[field.name] = _read(field, text)
    numbered: dict[str, Any] = _numbered(schema, data)
    return numbered


def _numbered(schema: Any, value: Any) -> Any:
    """Give a value with the numbers that its schema has for keys: JSON knows texts only."""
    for part in _alternatives(schema):
        if isinstance(part, list) and isinstance(value, list) and part:
            return [_numbered(part[0], one) for one in value]
        if isinstance(part, Mapping) and isinstance(value, Mapping):
            named = {key.schema if isinstance(key, vol.Marker) else key: inner for key, inner in part.items()}
            free = next(((key, inner) for key, inner in part.items() if not isinstance(key, (str, vol.Marker))), (None, None))
            is_counted = int in _alternatives(free[0])
            return {
                int(key) if is_counted and key not in named and _is_number(key) else key: _numbered(
                    named.get(key, free[1]), inner
                )
                for key, inner in value.items()
            }
    return value


def _is_number(key: Any) -> bool:
    return isinstance(key, str) and key.isascii() and key.isdecimal()


def _read(field: Field, text: str) -> Any:
    readers: dict[Input, Callable[[str], Any]] = {
        Input.MAYBE: lambda text: text == YES,
        Input.WHOLE: int,
        Input.NUMBER: lambda text: float(text.replace(",", ".")),
        Input.LINES: _lines,
        Input.JSON: json.loads,
        Input.ANY: _plain,
    }
    check_depth(text.encode(), field.name)
    try:
        return readers.get(field.input, str)(text)
    except ValueError:
        wanted = {Input.WHOLE: "a whole number", Input.NUMBER: "a number"}.get(field.input, "JSON")
        raise InvalidData(f"this is not {wanted}", field=field.name) from None


def _lines(text: str) -> Any:
    if text.lstrip().startswith("["):  # items that are more than a text
        return json.loads(text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _plain(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _mapping(schema: Any) -> Mapping[Any, Any] | None:
    """Give the mapping inside `Schema`, `All` and the like."""
    if isinstance(schema, vol.Schema):
        return _mapping(schema.schema)
    if isinstance(schema, vol.All):
        return next((found for part in schema.validators if (found := _mapping(part)) is not None), None)
    return schema if isinstance(schema, Mapping) else None


def _input(inner: Any, name: str) -> tuple[Input, tuple[str, ...]]:
    parts = _alternatives(inner)
    for part in parts:
        options = tuple(part.container) if isinstance(part, vol.In) and isinstance(part.container, (list, tuple, set)) else ()
        if options and all(isinstance(one, str) for one in options):
            return Input.CHOICE, options
    kinds = {part for part in parts if isinstance(part, type)} | {part.type for part in parts if isinstance(part, vol.Coerce)}
    for kind, found in ((bool, Input.FLAG), (float, Input.NUMBER), (int, Input.WHOLE)):
        if kind in kinds:
            return found, ()
    lists = [part for part in parts if isinstance(part, list)]
    if lists and str not in kinds:
        return (Input.LINES if lists[0] and _input(lists[0][0], name)[0] in (Input.TEXT, Input.ANY) else Input.JSON), ()
    if dict in kinds or list in kinds or any(isinstance(part, Mapping) for part in parts):
        return Input.JSON, ()
    if name in SECRETS:
        return Input.PASSWORD, ()
    return (Input.TEXT if str in kinds else Input.ANY), ()


def _may_be_unsaid(inner: Any) -> bool:
    """Say whether it is yes, no, or nothing."""
    return isinstance(inner, vol.Any) and bool in inner.validators and None in inner.validators


def _alternatives(inner: Any) -> list[Any]:
    """Give the validators that a value may or must pass, flat, without None."""
    if isinstance(inner, vol.Schema):
        return _alternatives(inner.schema)
    if isinstance(inner, (vol.All, vol.Any)):
        return [one for part in inner.validators for one in _alternatives(part)]
    return [] if inner is None else [inner]


def _typed(kind: Input, value: Any) -> Any:
    if kind is Input.FLAG:
        return value is not None
    return "" if value is None or kind is Input.PASSWORD else value


def _shown(kind: Input, value: Any) -> Any:
    """Give a value as its field shows it."""
    if kind is Input.FLAG:
        return bool(value)
    if value is None:
        return ""
    if kind is Input.MAYBE:
        return YES if value else NO
    if kind is Input.LINES and isinstance(value, (list, tuple)):
        return "\n".join(str(one) for one in value)
    if kind is Input.JSON:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)  # a text was typed into this form
    return "" if kind is Input.PASSWORD else value

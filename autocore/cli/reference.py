"""`autocore reference`: what every section of the configuration may say, as Markdown, read from the schemas that check it.

What a key means is the `description` of its marker; what it takes is told from its validator. A function tells by what it says
when it refuses, and the keys of the schemas that it passes things on to are told too.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import click
import voluptuous as vol
import yaml

from autocore.cli.options import Common, common
from autocore.core.bus import Bus
from autocore.core.clock import Sequence, SystemClock
from autocore.core.config.sections import SCHEMAS, Sections
from autocore.core.config.types import duration
from autocore.core.discovery import FOLDER, find_plugins
from autocore.core.host import PluginHost
from autocore.core.kinds import Limits, limits
from autocore.core.plugins import Plugin, Plugins

HEAD = """\
# Configuration

Made by `autocore reference`; change the descriptions in the schemas instead, then run `script/docs`.

A configuration is a folder with `config.yaml`: one mapping of sections. A section that is left out has its defaults; the section
of a plugin switches the plugin on, also without content (`themes:`). What the admin writes lies beside it in
`config.d/<plugin>.yaml`.

```yaml
autocore:
  name: My vehicle
relays:
  boards:
    - device: relay_board_1
      channels:
        1: {name: Light bar}
```

`autocore check` says every fault with file, line, column and a hint. `autocore reload` takes a right configuration over while the
gateway runs: plugins at once, the core's own sections at the next start. A wrong one changes nothing.

| In a value | Is |
|---|---|
| `!include file.yaml` | the content of another file below the configuration folder |
| `!include_dir folder` | a mapping of file name to content, sorted |
| `!secret name` | the text of that name in `secrets.yaml`; it is never shown |
| `!env AUTOCORE_NAME default` | a variable of the environment, whose name begins with AUTOCORE_ |

A key stands once: a second one is a fault. `boards[]` below is every item of the list `boards`, `channels.*` every value of the
mapping `channels`. **required** is what an item cannot be without; `null` is the same as nothing where no default is named.
"""
CORE_TITLES = {  # of the sections that are no mapping with keys
    "storage": "Nothing is set here: the folder of the databases is `--data`, `<config>/data` unless named.",
    "plugin_dirs": "A list of further folders with plugins, beside `<config>/plugins/`; relative to the configuration folder.",
}
LIMITS = {
    "warn_above": "a warning beyond it",
    "warn_below": "a warning below it",
    "critical_above": "an alarm beyond it",
    "critical_below": "an alarm below it",
    "hysteresis": "how far the value must come back for it to end, 0 or more",
}
LIMITS_HEAD = (
    "Where a value becomes worth a warning or an alarm, in its own unit: at least one of the first four. "
    "Crossing one is an event and a notification."
)
REQUIRED = "**required**"
IN_ITS_FORM = "**required** in its form"
OR_NULL = ", or null"
HUGE = 1e12  # a border that only keeps infinity out is none to speak of
_TYPES: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false", None: "null", dict: "mapping"}
_DURATIONS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (0.001, "ms"))


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """One key of a section: `path` from the section, what it takes in words, its default as YAML, empty when there is none."""

    path: str
    takes: str
    default: str
    required: str
    means: str

    def merged(self, other: Key) -> Key:
        """Give the key of two forms that an item may have."""
        means = self.means if self.means == other.means else f"{self.means}; or {other.means}"
        required = self.required or other.required
        return dataclasses.replace(self, default=self.default or other.default, required=required, means=means)


@click.command()
@click.option("--plugin", metavar="NAME", help="Only the section of this plugin.")
@common
def reference(shared: Common, *, plugin: str | None) -> None:
    """Print what the configuration may say, as Markdown: all sections, or the one of a plugin."""
    click.echo(section_of_plugin(plugin, shared.config) if plugin else document(shared.config), nl=False)


def document(folder: Path) -> str:
    """Give the reference of the core's sections and of every plugin that a configuration in `folder` could switch on.

    Raises:
        PluginError: one of them cannot be imported, or its schema cannot be had.
    """
    parts = [HEAD, "\n## The core's own sections\n"]
    hints, standard = get_type_hints(Sections), {one.name: one.default for one in dataclasses.fields(Sections)}
    for name, schema in SCHEMAS.items():
        kind = hints[name] if name in hints and dataclasses.is_dataclass(hints[name]) else None
        title = CORE_TITLES.get(name) or _sentence((kind.__doc__ or "").partition(": ")[2])
        parts.append(_section(name, title, schema, kind() if kind is not None else standard.get(name)))
    parts.append("\n## The plugins' sections\n")
    parts += [section_of_plugin(name, folder) for name in sorted(find_plugins([folder / FOLDER]))]
    means = "".join(f"| `{name}` | number | {_cell(text)} |\n" for name, text in LIMITS.items())
    parts.append(f"\n## Limits\n\n{LIMITS_HEAD}\n\n| Key | Takes | Means |\n|---|---|---|\n{means}")
    return "".join(parts)


def section_of_plugin(name: str, folder: Path) -> str:
    """Give the reference of one plugin's section.

    Raises:
        UnknownName: there is no such plugin.
        PluginError: it cannot be imported, or its schema cannot be had.
    """
    schema = Plugins(Bus(SystemClock(), Sequence(1, lambda _limit: None)), _no_host).schema(name, folder)
    module = sys.modules[find_plugins([folder / FOLDER])[name].module]
    return _section(name, (module.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " "), schema)


def keys_of(schema: Any, defaults: Any = None) -> list[Key]:
    """Give every key that a schema knows, nested ones by their path, in the schema's order.

    Args:
        schema: a voluptuous schema.
        defaults: an object whose attributes are the defaults of the keys that say none.
    """
    found: dict[str, Key] = {}
    for key in _walk(schema, "", defaults):
        found[key.path] = found[key.path].merged(key) if key.path in found else key
    return list(found.values())


async def _no_host(plugin: Plugin, _definer: object) -> PluginHost:
    raise AssertionError(f"a reference never starts {plugin.name}")


def _section(name: str, title: str, schema: vol.Schema, defaults: Any = None) -> str:
    keys = keys_of(schema, defaults)
    rows = [f"| `{one.path}` | {_cell(one.takes)} | {one.default or one.required} | {_cell(one.means)} |\n" for one in keys]
    table = f"\n| Key | Takes | Default | Means |\n|---|---|---|---|\n{''.join(rows)}" if rows else ""
    return f"\n### {name}\n\n{title}\n{table}"


def _walk(schema: Any, path: str, defaults: Any) -> Iterator[Key]:
    if isinstance(schema, vol.Schema):
        yield from _walk(schema.schema, path, defaults)
    elif isinstance(schema, (vol.All, vol.Any)):
        for part in schema.validators:
            yield from _walk(part, path, defaults)
    elif isinstance(schema, (list, tuple)):
        for part in schema:
            yield from _walk(part, f"{path}[]", None)
    elif isinstance(schema, Mapping):
        yield from _walk_mapping(schema, path, defaults)
    elif inspect.isfunction(schema) and schema is not limits:
        forms = _asked_by(schema)
        for part in forms:
            for key in _walk(part, path, defaults):
                yield key if len(forms) == 1 or not key.required else dataclasses.replace(key, required=IN_ITS_FORM)


def _walk_mapping(schema: Mapping[Any, Any], path: str, defaults: Any) -> Iterator[Key]:
    for key, inner in schema.items():
        name = key.schema if isinstance(key, vol.Marker) else key
        if not isinstance(name, str):
            yield from _walk(inner, f"{path}.*", None)
            continue
        place = f"{path}.{name}" if path else name
        default, required = _default(key, inner, defaults)
        words = takes(inner) if default else takes(inner).removesuffix(OR_NULL)
        yield Key(place, words, default, required, str(getattr(key, "description", None) or ""))
        yield from _walk(inner, place, None)


def _asked_by(function: Callable[..., Any]) -> list[vol.Schema]:
    """Give the schemas to which a validator passes what it is given."""
    return [one for one in inspect.getclosurevars(function).globals.values() if isinstance(one, vol.Schema)]


def _default(key: Any, inner: Any, defaults: Any) -> tuple[str, str]:
    required = REQUIRED if isinstance(key, vol.Required) else ""
    factory = getattr(key, "default", vol.UNDEFINED)
    value = factory() if callable(factory) else getattr(defaults, str(key), None) if defaults is not None else None
    if value is None or value == "":
        return "", required
    if isinstance(value, Limits):
        value = {name: one for name, one in dataclasses.asdict(value).items() if one is not None}
    if isinstance(value, float) and _holds(inner, duration):
        return f"`{_duration(value)}`", ""
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=1_000).removesuffix("...\n").strip()
    return f"`{text}`", ""


def _duration(value_s: float) -> str:
    for size_s, unit in _DURATIONS:
        if value_s >= size_s and (value_s / size_s).is_integer():
            return f"{value_s / size_s:g}{unit}"
    return f"{value_s:g}s"


def _holds(schema: Any, wanted: Any) -> bool:
    if isinstance(schema, (vol.All, vol.Any)):
        return any(_holds(part, wanted) for part in schema.validators)
    return schema is wanted


def takes(schema: Any) -> str:  # noqa: PLR0911  # one answer for each kind of validator
    """Say in words what a validator takes; an empty text when it can only be told by trying."""
    if isinstance(schema, vol.Schema):
        return takes(schema.schema)
    if isinstance(schema, vol.All):
        return _takes_all(schema.validators)
    if isinstance(schema, vol.Any):
        return _takes_any(schema.validators)
    if isinstance(schema, vol.In):
        return " or ".join(", ".join(f"`{one}`" for one in _listed(schema.container)).rsplit(", ", 1))
    if isinstance(schema, vol.Coerce):
        return _TYPES.get(schema.type, "")
    if isinstance(schema, (list, tuple)):
        return f"list of: {takes(schema[0])}".replace(": mapping", " mappings") if schema else "list"
    if isinstance(schema, Mapping):
        return _takes_mapping(schema)
    if schema is limits:
        return "[limits](#limits)"
    if schema is None or isinstance(schema, type):
        return _TYPES.get(schema, "")
    return _told(schema) if callable(schema) else f"`{schema}`"


def _takes_mapping(schema: Mapping[Any, Any]) -> str:
    free = [(key, inner) for key, inner in schema.items() if not isinstance(key, (str, vol.Marker))]
    return f"mapping from ({takes(free[0][0])}) to {takes(free[0][1])}" if free else "mapping"


def _takes_any(parts: Any) -> str:
    words = list(dict.fromkeys(one for part in parts if (one := takes(part))))
    if {"number", "whole number"}.issubset(words):
        words.remove("whole number")
    others = [one for one in words if one != "null"]
    return " or ".join(others) + (OR_NULL if len(others) < len(words) and others else "")


def _listed(container: Any) -> list[Any]:
    return list(container) if isinstance(container, (list, tuple, set, frozenset, dict)) else []


def _takes_all(parts: Any) -> str:
    borders = [part for part in parts if isinstance(part, (vol.Length, vol.Range, vol.Match))]
    others = [part for part in parts if part not in borders and not isinstance(part, vol.Unique)]
    shapes = [part for part in others if not inspect.isfunction(part)] or others[:1]
    base = next((words for part in shapes if (words := takes(part))), "")
    unit = "characters" if base.startswith("text") else "of them"
    limits_said = [words for part in borders if (words := _border(part, unit))]
    return ", ".join([base.partition(", e.g.")[0] if limits_said else base, *limits_said])


def _border(part: Any, unit: str) -> str:
    if isinstance(part, vol.Match):
        return _plain(part.msg) if part.msg else f"matching `{part.pattern.pattern}`"
    if isinstance(part, vol.Range):
        is_open = any(isinstance(one, (int, float)) and abs(one) >= HUGE for one in (part.min, part.max))
        return _plain(part.msg) if part.msg else "" if is_open else _between(part.min, part.max, "")
    return _between(part.min, part.max, f" {unit}")


def _between(least: Any, most: Any, unit: str) -> str:
    if least is None:
        return f"at most {most}{unit}"
    if most is None:
        return "not empty" if unit and least == 1 else f"at least {least}{unit}"
    return f"{least} to {most}{unit}"


def _told(validator: Callable[..., Any]) -> str:
    """Give what a validator wants, by its own words: those with which it refuses what nobody takes."""
    try:
        validator(object())
    except vol.Invalid as error:
        words = _plain(error.msg)
        return "mapping" if words in ("a dictionary", "a mapping") else words if words != error.msg else "value"
    except (TypeError, ValueError, AttributeError):  # it expects more of a value than an object has; its documentation must do
        return _sentence((validator.__doc__ or "").partition("\n")[0])
    return ""


def _plain(words: str) -> str:
    for opening in ("expected ", "write ", "use "):
        words = words.removeprefix(opening)
    return words.replace("; write e.g. ", ", e.g. ")


def _sentence(text: str) -> str:
    text = text.strip().partition("\n\n")[0].replace("\n", " ")
    return text[:1].upper() + text[1:]


def _cell(text: str) -> str:
    """Give a text as it stands in a table of Markdown."""
    parts = text.split("`")  # what is code stays as it is
    for number in range(0, len(parts), 2):
        parts[number] = parts[number].replace("<", "&lt;").replace("*", "\\*")
    return "`".join(parts).replace("|", "\\|")

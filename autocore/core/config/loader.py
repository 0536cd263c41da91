"""Reading `config.yaml` and what it includes. Every fault is collected; nothing is thrown away after the first.

`!include file`, `!include_dir folder` (a mapping of file name to content, sorted), `!secret name` (from `secrets.yaml`),
`!env AUTOCORE_NAME [default]`. Includes stay under the configuration folder after links are resolved, and no message quotes
the content of a file that is not configuration.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from autocore.core.config.sections import CORE_SECTIONS, Sections, sections_of
from autocore.core.config.tree import MAX_DEPTH, MAX_NODES, MarkedDict, MarkedList, Secret, mark_of
from autocore.core.errors import ConfigError, ConfigFaults, Mark
from autocore.core.names import nearest

FILE = "config.yaml"
SECRETS = "secrets.yaml"
PARTS = "config.d"
MAX_BYTES = 2_000_000
TAB = "a tab stands where spaces must; indent with spaces"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one reads 3 000 lines in 74 ms, the other in 519


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that was read and whose core sections are right.

    Args:
        folder: where it was read from.
        core: the core's sections, typed, with their defaults.
        plugins: the other sections as they were written, by name, in order.
        marks: where each plugin's section stands.
        faults: what is wrong so far, in order; a faulty core section has its defaults. `load` raises them.
    """

    folder: Path
    core: Sections
    plugins: Mapping[str, Any]
    marks: Mapping[str, Mark] = field(default_factory=dict)
    faults: tuple[ConfigError, ...] = ()

    def unknown_section(self, name: str, available: Iterable[str]) -> ConfigError:
        """Give the fault of a section that belongs to nobody."""
        near = nearest(name, [*CORE_SECTIONS, *available])
        hint = f"; did you mean {near}?" if near else "; the sections are in config.yaml.example"
        return ConfigError(f"there is no section and no plugin {name}{hint}", path=name, at=self.marks.get(name))


def load(folder: Path, *, environ: Mapping[str, str] | None = None) -> Config:
    """Read `<folder>/config.yaml` and `<folder>/config.d/*.yaml`.

    Args:
        folder: the configuration folder.
        environ: for `!env`; the process's when None.

    Raises:
        ConfigFaults: everything that is wrong.
    """
    return _right(read(folder, environ=environ))


def read(folder: Path, *, environ: Mapping[str, str] | None = None) -> Config:
    """Read like `load`, but leave the faults in the answer, so that those of plugins' sections can be said with them.

    Raises:
        ConfigFaults: there is no configuration to speak of.
    """
    reader = _Reader(folder, os.environ if environ is None else environ)
    tree = reader.main()
    if reader.faults and not isinstance(tree, MarkedDict):
        raise ConfigFaults(reader.faults)
    reader.add_parts(tree)
    return _config(folder, tree, reader.faults)


def config_of(text: str, folder: Path = Path()) -> Config:
    """Give the configuration that `text` would be as `config.yaml`; for tests and the demonstration."""
    reader = _Reader(folder, {})
    tree = reader.parse(text, FILE)
    if not isinstance(tree, MarkedDict):
        tree = MarkedDict(Mark(FILE, 1, 1))
    return _right(_config(folder, tree, reader.faults))


def _right(config: Config) -> Config:
    if config.faults:
        raise ConfigFaults(config.faults)
    return config


def _config(folder: Path, tree: MarkedDict, faults: list[ConfigError]) -> Config:
    core, more = sections_of(tree)
    faults = faults + more
    names = [name for name in tree if name not in CORE_SECTIONS]
    faults += [
        ConfigError("a section's name is a text", path=str(name), at=tree.marks.get(name))
        for name in names
        if not isinstance(name, str)
    ]
    in_order = tuple(sorted(faults, key=place_of))
    return Config(folder, core, {name: tree[name] for name in names if isinstance(name, str)}, dict(tree.marks), in_order)


def place_of(fault: ConfigError) -> tuple[str, int, int]:
    """Give what sorts faults as they stand in the files."""
    return (fault.at.file, fault.at.line, fault.at.column) if fault.at else ("", 0, 0)


class _Reader:
    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.faults: list[ConfigError] = []
        self._folder = folder
        self._root = folder.resolve()
        self._environ = environ
        self._secrets: MarkedDict | None = None
        self._open: list[Path] = []
        self._nodes = 0
        self._maker: Any = SafeConstructor()
        self._tags: dict[str, Callable[[yaml.Node, str], Any]] = {
            "!include": self._include,
            "!include_dir": self._include_dir,
            "!secret": self._secret,
            "!env": self._env,
        }

    def main(self) -> Any:
        file = self._folder / FILE
        if not file.exists():
            where = f"{self._folder.resolve()} has no {FILE}"
            self.faults.append(ConfigError(f"{where}; copy config.yaml.example there, or name the folder with --config"))
            return None
        tree = self._read(file, Mark(FILE, 1, 1))
        if tree is None and not self.faults:
            return MarkedDict(Mark(FILE, 1, 1))
        if not isinstance(tree, MarkedDict) and not self.faults:
            self._fault("a configuration is a mapping of sections; write e.g. `web:`", Mark(FILE, 1, 1))
        return tree

    def add_parts(self, tree: MarkedDict) -> None:
        """Add `config.d/<plugin>.yaml`: one section each, written whole by the web."""
        for file in sorted((self._folder / PARTS).glob("*.yaml")):
            name, at = file.stem, Mark(f"{PARTS}/{file.name}", 1, 1)
            if name in tree:
                self._fault(f"the section {name} stands in {tree.marks[name]} too; keep one of the two", at, path=name)
                continue
            tree[name] = self._read(file, at)
            tree.marks[name] = at

    def parse(self, text: str, name: str) -> Any:
        """Give the values of YAML text; faults are noted under the file name `name`."""
        try:
            node = yaml.compose(text, Loader=_Loader)
            return None if node is None else self._value(node, name, 0)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            at = Mark(name, mark.line + 1, mark.column + 1) if mark else Mark(name, 1, 1)
            words = TAB if _has_tab(text, at.line) else _problem(error)
            self._fault(f"this is no YAML: {words}", at)
        except (yaml.YAMLError, ValueError, RecursionError):
            self._fault(
                "this is no YAML: it holds a character that YAML does not know, or is nested too deeply",
                Mark(name, 1, 1),
            )
        return None

    def _read(self, file: Path, asked_at: Mark) -> Any:
        name = self._name(file)
        if file.resolve() in self._open:
            self._fault(f"{name} includes itself", asked_at)
            return None
        try:
            if file.stat().st_size > MAX_BYTES:
                self._fault(f"{name} is larger than {MAX_BYTES} bytes; split it with !include", asked_at)
                return None
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self._fault(f"{name} is no UTF-8 text", asked_at)
            return None
        except OSError as error:
            self._fault(f"{name} cannot be read: {error.strerror}", asked_at)
            return None
        self._open.append(file.resolve())
        try:
            return self.parse(text, name)
        finally:
            self._open.pop()

    def _value(self, node: yaml.Node, file: str, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise yaml.MarkedYAMLError(
                problem="it is nested too deeply, or its aliases grow too large", problem_mark=node.start_mark
            )
        tag = node.tag or ""
        if tag.startswith("!"):
            act = self._tags.get(tag)
            if act is None:
                near = nearest(tag, self._tags)
                hint = f"did you mean {near}?" if near else f"use one of {', '.join(self._tags)}"
                self._fault(f"there is no tag {tag}; {hint}", mark_of(node, file))
                return None
            return act(node, file)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, file, depth)
        if isinstance(node, yaml.SequenceNode):
            items = MarkedList(at=mark_of(node, file))
            for child in node.value:
                items.append(self._value(child, file, depth + 1))
                items.marks.append(mark_of(child, file))
            return items
        return self._scalar(node, file)

    def _mapping(self, node: yaml.MappingNode, file: str, depth: int) -> MarkedDict:
        mapping = MarkedDict(mark_of(node, file))
        for key_node, child in node.value:
            at = mark_of(key_node, file)
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._fault("`<<` is not supported; use !include to share a part", at)
                continue
            key = self._value(key_node, file, depth + 1)
            if not isinstance(key, (str, int, bool)):
                self._fault("a key is a text or a whole number", at)
                continue
            if key in mapping:
                self._fault(f"the key {key} stands here twice, first in line {mapping.marks[key].line}; keep one", at)
                continue
            mapping[key] = self._value(child, file, depth + 1)
            mapping.marks[key] = at
        return mapping

    def _scalar(self, node: yaml.Node, file: str) -> Any:
        try:
            value = self._maker.construct_object(node)
        except (yaml.YAMLError, ValueError, AttributeError, KeyError, TypeError):  # PyYAML lets these out of `!!timestamp x`
            self._fault("this value cannot be read; put it in quotes if it is a text", mark_of(node, file))
            return None
        if value is None or isinstance(value, (str, int, float, bool)):
            return value
        return node.value  # a date without quotes is a text to us

    def _include(self, node: yaml.Node, file: str) -> Any:
        at = mark_of(node, file)
        path = self._inside(node, file)
        return None if path is None else self._read(path, at)

    def _include_dir(self, node: yaml.Node, file: str) -> Any:
        at = mark_of(node, file)
        path = self._inside(node, file)
        if path is None:
            return None
        if not path.is_dir():
            self._fault(f"{self._name(path)} is no folder", at)
            return None
        mapping = MarkedDict(at)
        for one in sorted(path.glob("*.yaml")):
            mapping[one.stem] = self._read(one, at)
            mapping.marks[one.stem] = Mark(self._name(one), 1, 1)
        return mapping

    def _inside(self, node: yaml.Node, file: str) -> Path | None:
        """Give the path that an include names, if it is under the configuration folder."""
        at = mark_of(node, file)
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._fault("name one file, e.g. `!include relays.yaml`", at)
            return None
        name = str(node.value)
        path = (self._folder / file).parent / name
        if "\0" in name or not path.resolve().is_relative_to(self._root):
            self._fault("an include stays under the configuration folder", at)
            return None
        return path

    def _secret(self, node: yaml.Node, file: str) -> Any:
        at = mark_of(node, file)
        if self._secrets is None:
            path = self._folder / SECRETS
            tree = self._read(path, at) if path.exists() else None
            self._secrets = tree if isinstance(tree, MarkedDict) else MarkedDict(Mark(SECRETS, 1, 1))
        name = str(node.value)
        if name not in self._secrets:
            near = nearest(name, [key for key in self._secrets if isinstance(key, str)])
            hint = f"did you mean {near}?" if near else f"write `{name}: …` into {SECRETS}"
            self._fault(f"{SECRETS} has no {name}; {hint}", at)
            return None
        value = self._secrets[name]
        return Secret(value) if isinstance(value, str) else value

    def _env(self, node: yaml.Node, file: str) -> Any:
        at = mark_of(node, file)
        name, _, default = str(node.value).partition(" ")
        if not name.startswith("AUTOCORE_"):
            self._fault("!env reads only variables whose name begins with AUTOCORE_", at)
            return None
        if name in self._environ:
            return Secret(self._environ[name])
        if default:
            return default.strip()
        self._fault(f"the environment has no {name}; set it, or write a default behind it", at)
        return None

    def _name(self, file: Path) -> str:
        return os.path.relpath(file.resolve(), self._root)

    def _fault(self, message: str, at: Mark, path: str = "") -> None:
        self.faults.append(ConfigError(message, at=at, path=path))


def _has_tab(text: str, line: int) -> bool:
    lines = text.split("\n")
    indent = lines[line - 1] if line <= len(lines) else ""
    return "\t" in indent[: len(indent) - len(indent.lstrip())]


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be read"
    return f"{error.context}, {problem}" if error.context else problem

"""What belongs to a backup: looks at a configuration folder and a data folder, and names every file of theirs that does.

Of the configuration folder only what the configuration is made of: it may lie in a home or in a clone. Nothing else is ever read.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autocore.backup.manifest import CONFIG_SUFFIXES, Kind, LeftOut, Why, kind_of
from autocore.core.config.loader import MAX_BYTES, PARTS
from autocore.core.discovery import FOLDER

SQLITE = b"SQLite format 3\0"
LEFTOVERS = ("-wal", "-shm", "-journal")
LARGEST_NAMED = 100_000_000  # bytes of a file that the configuration names, e.g. a DBC
LONGEST_MENTION = 300
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Found:
    """One file that belongs to a backup: its name there, and where it lies."""

    name: str
    path: Path
    kind: Kind
    is_database: bool = False

    @property
    def size(self) -> int:
        """Its bytes, with those that wait beside a database; 0 when it is gone meanwhile."""
        sizes = 0
        for path in (self.path, Path(f"{self.path}-wal")) if self.is_database else (self.path,):
            try:
                sizes += path.stat().st_size
            except OSError:
                continue
        return sizes


@dataclass(slots=True)
class Contents:
    """All that was found, sorted by name, and what cannot be taken along."""

    files: dict[str, Found] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def add(self, name: str, path: Path) -> None:
        """Take one path, if a file of its name has a place in a backup."""
        kind = kind_of(name)
        if kind is None or name in self.files:
            return
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                self.left_out.append(LeftOut(name, Why.LINK))
            elif stat.S_ISREG(mode):
                self.files[name] = Found(name, path, kind, _is_database(path))
        except OSError:
            self.left_out.append(LeftOut(name, Why.UNREADABLE))


def survey(config: Path, data: Path) -> Contents:
    """Give what belongs to a backup of these two folders; they may be one, and either may be missing."""
    found = Contents()
    is_one = config.resolve() == data.resolve()
    for name, path in sorted(_of_data(data, is_one=is_one)):
        found.add(f"data/{name}", path)
    taken = {one.path.resolve() for one in found.files.values()}
    root, data_root = config.resolve(), data.resolve()
    for path in sorted({*_of_config(root), *_code(root / FOLDER, is_one=is_one)}):
        is_data = not is_one and path.is_relative_to(data_root)
        if not is_data and path not in taken and path.parent.resolve().is_relative_to(root):
            found.add(f"config/{path.relative_to(root).as_posix()}", path)
    found.files = dict(sorted(found.files.items()))
    return found


def _of_data(data: Path, *, is_one: bool) -> Iterator[tuple[str, Path]]:
    for name in ("state.db", "history.db", "broker/gateway.secret", "broker/accounts.json"):
        if (data / name).exists():
            yield name, data / name
    for path in data.glob("*.key"):
        yield path.name, path
    for path in _walk(data / "ca"):
        yield path.relative_to(data).as_posix(), path
    plugins = data / FOLDER
    for path in sorted(plugins.iterdir()) if plugins.is_dir() else ():
        if path.suffix == ".db":
            yield f"{FOLDER}/{path.name}", path
        elif path.is_dir() and not path.is_symlink() and not (is_one and is_program(path)):
            for inner in _walk(path):
                yield inner.relative_to(data).as_posix(), inner


def is_program(folder: Path) -> bool:
    """Say whether a folder is a plugin's program, not its data: where both folders are one they lie side by side."""
    return (folder / "__init__.py").exists()


def _of_config(root: Path) -> Iterator[Path]:
    """Give the files of a configuration: what lies at its top, what is included, and every file that a value names."""
    waiting = [*root.glob("*.yaml"), *(root / PARTS).glob("*.yaml")]
    seen: set[Path] = set()
    yield from (one for one in root.glob("*.key") if one.is_file())
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        yield path
        if path.is_symlink() or not path.resolve().is_relative_to(root):
            continue
        for named in _named_in(path, root):
            if named.suffix in (".yaml", ".yml"):
                waiting.append(named)
            else:
                yield named


def _named_in(file: Path, root: Path) -> Iterator[Path]:
    """Give the files below `root` that the values of a YAML file name: included ones, those like a DBC, and further plugins."""
    try:
        if file.stat().st_size > MAX_BYTES:
            return
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, ValueError, yaml.YAMLError, RecursionError):  # it is backed up all the same, as it is
        return
    for words in _texts(_further_plugins(node)):
        for folder in _paths(words, [root], root):
            yield from _code(folder, is_one=False) if folder.is_dir() else ()
    for words, is_folder in _mentions(node):
        for path in _paths(words, [file.parent, root], root):
            if is_folder and path.is_dir():
                yield from path.glob("*.yaml")
            elif path.suffix.lower() in CONFIG_SUFFIXES and path.is_file() and path.stat().st_size <= LARGEST_NAMED:
                yield path


def _paths(words: str, bases: list[Path], root: Path) -> Iterator[Path]:
    """Give what a text could name below `root`, if there is such a thing and no link leads it away."""
    if not 1 < len(words) < LONGEST_MENTION or "\n" in words or "\0" in words or words.startswith("/"):
        return
    for base in bases:
        path = Path(os.path.normpath(base / words))
        with contextlib.suppress(OSError):
            if path != root and path.is_relative_to(root) and path.resolve().is_relative_to(root) and path.exists():
                yield path


def _mentions(node: Any) -> Iterator[tuple[str, bool]]:
    """Give every text in a tree, and whether it is a folder to be included; a tree that refers to itself ends too."""
    waiting, seen = [node], set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.ScalarNode):
            yield str(one.value), one.tag == "!include_dir"
        elif isinstance(one, yaml.SequenceNode):
            waiting.extend(one.value)
        elif isinstance(one, yaml.MappingNode):
            waiting.extend(part for pair in one.value for part in pair)


def _texts(node: Any) -> Iterator[str]:
    yield from (words for words, _ in _mentions(node))


def _further_plugins(node: Any) -> Any:
    """Give what stands in the section `plugin_dirs`."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == "plugin_dirs"), None)


def _code(folder: Path, *, is_one: bool) -> Iterator[Path]:
    """Give the files of the plugins in a folder."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            if not is_one or is_program(path):
                yield from _walk(path)
        elif not path.name.endswith((".db", *(f".db{end}" for end in LEFTOVERS))):
            yield path


def _walk(folder: Path) -> Iterator[Path]:
    """Give the files below a folder, except what Python and SQLite leave behind and what was set aside; no link is followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if one != "__pycache__" and not one.startswith("."))
        for one in sorted(files):
            is_leftover = one.endswith((".pyc", *LEFTOVERS)) or ".damaged-" in one
            if not is_leftover:
                yield Path(place, one)


def _is_database(path: Path) -> bool:
    with path.open("rb") as source:
        return source.read(len(SQLITE)) == SQLITE

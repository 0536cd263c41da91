"""Sections of the core that the web writes, key by key, into `config.d/<section>.yaml`; they hold from the next start on.

A section that stands in a file of the owner's is only read. A password goes into `secrets.yaml`, on a line of its own that is
marked as ours; every other line there stays as it is.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from autocore.builtin.configparts import HEAD, part_of, put_back, read_part, replace_file
from autocore.builtin.goodcopy import keep_good
from autocore.core.config import Config, read
from autocore.core.config.loader import PARTS, SECRETS
from autocore.core.config.sections import SCHEMAS
from autocore.core.config.validation import validate
from autocore.core.disk import write_file
from autocore.core.errors import ConfigError, ConfigFaults, NameTaken, StorageError
from autocore.core.model import Cause
from autocore.web.parts import Parts

OURS = "  # written by the admin"


class SecretName(str):
    """The name under which a value stands in secrets.yaml."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes a secret's name behind its tag."""


class _Loader(yaml.SafeLoader):
    """Reads what `_Dumper` wrote."""


_Dumper.add_representer(SecretName, lambda dumper, name: dumper.represent_scalar("!secret", str(name)))
_Loader.add_constructor("!secret", lambda _loader, node: SecretName(node.value))


@dataclass(frozen=True, slots=True)
class Standing:
    """A section as the files have it now.

    Args:
        place: where it stands in a file of the owner's; None when the web may write it.
        config: the whole configuration that was read.
    """

    place: str | None
    config: Config


async def standing(parts: Parts, name: str) -> Standing:
    """Say who wrote a section, and what the files say now."""
    config = await asyncio.to_thread(read, parts.folders.config)
    at = config.marks.get(name)
    return Standing(None if at is None or at.file.startswith(f"{PARTS}/") else str(at), config)


async def write_keys(
    parts: Parts, name: str, values: Mapping[str, Any], by: Cause, secrets: Mapping[str, str] | None = None
) -> None:
    """Write keys of a section; None takes a key out. What would not run is taken back.

    Args:
        parts: the gateway's.
        name: the section, e.g. `mqtt`.
        values: by key.
        by: who writes.
        secrets: which of the values stand in secrets.yaml, and under which name.

    Raises:
        NameTaken: the section, or the secret, stands in a file of the owner's.
        ConfigFaults: a value is not as it should be, or the configuration has faults with it.
    """
    found = await standing(parts, name)
    if found.place is not None:
        raise NameTaken(f"{name} stands in {found.place}; change it there")
    validate(SCHEMAS[name], {key: value for key, value in values.items() if value is not None}, path=name)
    await asyncio.to_thread(_write, parts, name, values, secrets or {})
    parts.bus.emit("config.written", {"section": name}, by)


def _write(parts: Parts, name: str, values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    folder = parts.folders.config
    before = read_part(folder, name)
    section = dict(yaml.load(before, Loader=_Loader) or {}) if before else {}  # noqa: S506  # a SafeLoader with one tag more
    for key, value in values.items():
        section.pop(key, None)
        if value is not None:
            section[key] = SecretName(secrets[key]) if key in secrets else value
    for key, secret in secrets.items():
        if values.get(key) is not None:
            _keep_secret(folder / SECRETS, secret, str(values[key]))
    text = yaml.dump(section, Dumper=_Dumper, allow_unicode=True, sort_keys=False) if section else None
    if text is None:
        put_back(folder, name, None)
    else:
        replace_file(part_of(folder, name), HEAD + text)
    faults = [one for one in parts.check() if f"{PARTS}/{name}.yaml" in one]
    if faults:
        put_back(folder, name, before)
        raise ConfigFaults([ConfigError(one) for one in faults])
    keep_good(folder, name)


def _keep_secret(file: Path, name: str, value: str) -> None:
    """Put a secret on its line in secrets.yaml; raises NameTaken when a person wrote one of that name."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        mine = [number for number, line in enumerate(lines) if line.startswith(f"{name}:")]
        if any(not lines[number].endswith(OURS) for number in mine):
            raise NameTaken(f"{SECRETS}:{mine[0] + 1} has {name} already; change it there, or give it another name")
        kept = [line for number, line in enumerate(lines) if number not in mine]
        text = "\n".join([*kept, f"{name}: {json.dumps(value)}{OURS}", ""])
        write_file(file, text.encode())
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error

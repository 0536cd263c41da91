"""The sections that the web wrote, made usable before a start: what is damaged is set aside, the last good copy takes its place.

Files of people are never touched: what is wrong in them is said, and nothing starts.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

import yaml

from autocore.builtin.configparts import put_back
from autocore.builtin.goodcopy import good_copy_of
from autocore.check import load_checked
from autocore.core.config import Config
from autocore.core.config.loader import PARTS
from autocore.core.errors import ConfigFaults
from autocore.damage import Damages


def load_mended(folder: Path, damages: Damages, only: Container[str] | None = None) -> Config:
    """Give the configuration, after the damaged files in `config.d` were set aside.

    Raises:
        ConfigFaults: what is wrong besides, each with its place.
    """
    _mend(folder, damages)
    try:
        return load_checked(folder, only)
    except ConfigFaults as error:
        faulty = {fault.at.file for fault in error.faults if fault.at is not None and fault.at.file.startswith(f"{PARTS}/")}
        if not faulty:
            raise
        for name in sorted(faulty):
            _replace(folder / name, damages)
        return load_checked(folder, only)


def _mend(folder: Path, damages: Damages) -> None:
    """Set aside what is no YAML in `config.d`."""
    for file in sorted((folder / PARTS).glob("*.yaml")):
        if not _is_readable(file):
            _replace(file, damages)


def _replace(file: Path, damages: Damages) -> None:
    good = good_copy_of(file)
    text = good.read_text(encoding="utf-8") if good.exists() and _is_readable(good) else None
    has_better = text is not None and text.encode() != file.read_bytes()
    meaning = "the last good one is used" if has_better else f"{file.stem} is off until it is set up again"
    damages.set_aside(file, meaning)
    put_back(file.parents[1], file.stem, text if has_better else None)


def _is_readable(file: Path) -> bool:
    """Say whether the file holds what the web writes: YAML that is a mapping, or nothing at all when there is no good copy."""
    try:
        section = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)  # composed: it may name a secret
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return False
    if section is None:
        return not good_copy_of(file).exists()
    return isinstance(section, yaml.MappingNode)

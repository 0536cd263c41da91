"""`config.d/<plugin>.yaml`: one plugin's section, written whole by the web. Hand-written files are never touched here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from autocore.core.config.loader import PARTS
from autocore.core.disk import delete_file, sync_folder, write_file
from autocore.core.errors import StorageError, UnknownName
from autocore.core.names import slug

HEAD = "# Written by the admin. Change it there, or move it into config.yaml and delete this file.\n"


def part_of(folder: Path, name: str) -> Path:
    """Give the file of a plugin's section.

    Raises:
        UnknownName: it could not be the name of a plugin.
    """
    if name != slug(name):
        raise UnknownName("section", name)
    return folder / PARTS / f"{name}.yaml"


def write_part(folder: Path, name: str, section: Mapping[str, Any]) -> str | None:
    """Put a section into its file, whole or not at all, and give what stood there before; None when there was none.

    Raises:
        StorageError: it cannot be written.
    """
    file = part_of(folder, name)
    before = read_part(folder, name)
    replace_file(file, HEAD + yaml.safe_dump(dict(section), allow_unicode=True, sort_keys=False))
    return before


def put_back(folder: Path, name: str, before: str | None) -> None:
    """Make the file what it was before; None deletes it.

    Raises:
        StorageError: it cannot be written.
    """
    file = part_of(folder, name)
    if before is not None:
        replace_file(file, before)
        return
    try:
        delete_file(file)
    except OSError as error:
        raise StorageError(f"{file} cannot be deleted: {error.strerror}") from error


def read_part(folder: Path, name: str) -> str | None:
    """Give the text of a section's file, None when there is none."""
    file = part_of(folder, name)
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {error.strerror}") from error


def replace_file(file: Path, text: str) -> None:
    """Put a text into a file, whole or not at all; raises StorageError."""
    try:
        if not file.parent.is_dir():
            file.parent.mkdir(exist_ok=True)
            sync_folder(file.parent.parent)
        write_file(file, text.encode(), mode=0o644)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}; may the gateway's user write there?") from error

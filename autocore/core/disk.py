"""What the disk has to be asked for expressly."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_file(file: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put `content` into a file: after this it is there for good; whenever the power goes, the old or the new is there, whole.

    Args:
        file: what is made or replaced; its folder exists.
        content: all of it.
        mode: who may read it; its owner only unless said.

    Raises:
        OSError: the disk does not take it; what was there before is untouched.
    """
    fresh = file.with_name(f".{file.name}.new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    sync_folder(file.parent)


def delete_file(file: Path) -> None:
    """Delete a file, for good: no power cut brings it back. One that is not there is fine; raises OSError."""
    try:
        file.unlink()
    except FileNotFoundError:
        return
    sync_folder(file.parent)


def sync_file(file: Path) -> None:
    """Make what was written into a file survive a power cut; raises OSError."""
    with file.open("rb") as source:
        os.fsync(source.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

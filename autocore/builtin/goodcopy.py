"""The last section that ran, beside the one that the web wrote: `config.d/<plugin>.yaml.good`."""

from __future__ import annotations

from pathlib import Path

from autocore.builtin.configparts import part_of, read_part, replace_file
from autocore.core.disk import delete_file
from autocore.core.errors import StorageError


def good_copy_of(file: Path) -> Path:
    """Give where the last section that ran is kept."""
    return file.with_name(f"{file.name}.good")


def keep_good(folder: Path, name: str) -> None:
    """Keep the section's file as the last one that ran; forget it when the file is gone.

    Raises:
        StorageError: it cannot be written.
    """
    text = read_part(folder, name)
    good = good_copy_of(part_of(folder, name))
    if text is not None:
        replace_file(good, text)
        return
    try:
        delete_file(good)
    except OSError as error:
        raise StorageError(f"{good} cannot be deleted: {error.strerror}") from error

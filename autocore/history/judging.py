"""Is the history damaged, or does the disk only not give it? To SQLite both are the same (IOERR_CORRUPTFS)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from autocore.core.errors import StorageError
from autocore.core.storage.damage import WHOLE, checked, peek

READ_S = 120.0
_READER = "import os, sys\nfor name in sys.argv[1:]:\n    file = os.open(name, os.O_RDONLY)\n    while os.read(file, 4096): pass"


def damage_in_use(file: Path, limit_s: float) -> str | None:
    """Give what is wrong with a database that this process has open, as a clause; None when it is whole.

    Raises:
        StorageError: the disk does not give its bytes now, so nobody can tell.
    """
    _read_elsewhere(file)
    try:
        with closing(peek(file)) as connection:
            found = checked(connection, "PRAGMA quick_check(1)", limit_s)
    except sqlite3.Error as error:
        found = str(error)
    _read_elsewhere(file)
    return None if found in WHOLE else f"it is damaged ({found})"


def _read_elsewhere(file: Path) -> None:
    """Read every byte in a process of its own, whose end gives up no lock of ours; raises StorageError."""
    files = [str(one) for one in (file, file.with_name(f"{file.name}-wal")) if one.exists()]
    try:
        done = subprocess.run(  # noqa: S603  # our own program, and names of our own files
            [sys.executable, "-I", "-S", "-c", _READER, *files], capture_output=True, text=True, timeout=READ_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StorageError(f"whether {file.name} can be read cannot be tried: {error}") from error
    if done.returncode != 0:
        raise StorageError(f"{file.name} cannot be read: {done.stderr.strip().splitlines()[-1:] or done.returncode}")

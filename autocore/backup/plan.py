"""What a restore is about to do, on disk before it is done, so that a power cut at any moment leaves the way forward."""

from __future__ import annotations

import contextlib
import os
import shutil
from enum import StrEnum
from pathlib import Path

import msgspec

from autocore.core.disk import sync_folder, write_file
from autocore.core.errors import Refused, StorageError

RESTORE = "restore"
NEW = "new"
PLAN = "plan.json"


class Phase(StrEnum):
    """How far a restore is."""

    READY = "ready"
    """Unpacked and looked over; nothing was touched."""
    ASIDE = "aside"
    """What stood there is being moved aside."""
    PLACE = "place"
    """The files of the backup are being moved to their places."""
    TRIAL = "trial"
    """All is in place; the gateway has not started with it yet."""
    BACK = "back"
    """The gateway did not start with it: what stood there is being moved back."""


class Plan(msgspec.Struct, frozen=True):
    """One restore.

    Args:
        phase: how far it is.
        config: the configuration folder, absolute.
        source: the name of the backup.
        with_code: whether files of plugins are replaced too.
        files: the names that are written.
        secrets: those among them that are secrets.
        skipped: the names that are not written.
        aside: the folder in the data folder to which is moved what stood there.
        moved: what is moved there: (place, name in that folder).
        reason: why it was taken back.
        is_told: whether the restored gateway has an event of it.
    """

    phase: Phase
    config: str
    source: str
    with_code: bool
    files: list[str]
    secrets: list[str] = []
    skipped: list[str] = []
    aside: str = ""
    moved: list[tuple[str, str]] = []
    reason: str = ""
    is_told: bool = True


def load(data: Path) -> Plan | None:
    """Give the restore that waits or was interrupted, None when there is none.

    Raises:
        StorageError: the plan cannot be read.
    """
    file = data / RESTORE / PLAN
    try:
        return msgspec.json.decode(file.read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(f"{file} cannot be read: {error}; move the folder {RESTORE} away and start again") from error


def check_none_waits(data: Path) -> None:
    """Let pass when no restore waits or was interrupted: what stands there is then not what will stand there.

    Raises:
        Refused: one waits.
        StorageError: the plan cannot be read.
    """
    plan = load(data)
    if plan is not None:
        raise Refused(f"a restore of {plan.source} is not finished; start the gateway, which finishes it", code="restoring")


def save(data: Path, plan: Plan) -> Plan:
    """Put a plan on disk; raises OSError."""
    write_file(data / RESTORE / PLAN, msgspec.json.format(msgspec.json.encode(plan), indent=1))
    return plan


def clear(data: Path) -> None:
    """Forget the restore that waits and what was unpacked for it; raises OSError.

    The plan goes first: without it the rest is nothing, and with it the rest must be whole. What else somebody keeps in a folder
    of that name stays.
    """
    place = data / RESTORE
    if place.is_dir():
        (place / PLAN).unlink(missing_ok=True)
        sync_folder(place)
        shutil.rmtree(place / NEW, ignore_errors=True)
        (place / f".{PLAN}.new").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            place.rmdir()


def sync_tree(folder: Path) -> None:
    """Make the names below a folder durable, and its own; raises OSError."""
    for place, _, _ in os.walk(folder):
        sync_folder(Path(place))
    with contextlib.suppress(PermissionError):
        sync_folder(folder.parent)

"""The data folder: who may read it, what was set aside, which copies there are, and whether there is room."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from autocore.backup.plan import check_none_waits
from autocore.core.errors import Refused, StorageError
from autocore.doctor.finding import Finding, age, ok, problem, size, warning

SECRETS = (
    "session.key",
    "autocore-setup.txt",
    "broker/gateway.secret",
    "broker/accounts.json",
    "*.key",
    "ca/*.key",
    "ca/*.pem",
    "plugins/*.secret",
)
OTHERS = stat.S_IRWXG | stat.S_IRWXO
LEAST_FREE = 100_000_000  # bytes; below it the next flush, update or backup may find no room
OLD_BACKUP_S = 30 * 86_400
SHOWN = 5


def look_at_permissions(data: Path) -> Iterator[Finding]:
    """Say whether the folder is its owner's only, and the secrets in it too."""
    facts = data.stat()
    owner = _name(facts.st_uid)
    if facts.st_mode & OTHERS:
        yield warning("data folder", f"{data} can be entered by others", f"chmod 700 {data}")
    else:
        yield ok("data folder", f"{data} belongs to {owner} alone")
    if not os.access(data, os.R_OK | os.X_OK):
        yield problem("data folder", f"{data} cannot be read by {_name(os.getuid())}", f"run it as {owner}, or with sudo")
        return
    open_ones = [file for pattern in SECRETS for file in sorted(data.glob(pattern)) if _mode(file) & OTHERS]
    for file in dict.fromkeys(open_ones):
        yield problem(str(file.relative_to(data)), "others can read this secret", f"chmod 600 {file}")
    if not open_ones:
        yield ok("secrets", "nobody but their owner can read them")
    foreign = [file for file in sorted(data.rglob("*")) if _owner(file) not in (None, facts.st_uid)]
    if foreign:
        some = ", ".join(str(file.relative_to(data)) for file in foreign[:SHOWN])
        text = f"{len(foreign)} files do not belong to {owner}, e.g. {some}"
        yield problem("owner", text, f"sudo chown --recursive {owner}: {data}")


def look_at_restore(data: Path) -> Iterator[Finding]:
    """Say when a restore waits or was interrupted."""
    try:
        check_none_waits(data)
    except (Refused, StorageError) as error:
        yield problem("restore", str(error), "start the gateway")


def look_at_copies(data: Path, *, is_clock_right: bool) -> Iterator[Finding]:
    """Say what was set aside as damaged, and how old the newest snapshot and the newest backup are."""
    damaged = sorted([*data.glob("*.damaged*"), *data.glob("plugins/*.damaged*")])
    if damaged:
        names = ", ".join(f"{file.name} ({size(file.stat().st_size)})" for file in damaged[:SHOWN])
        todo = "what could be saved is in use; keep them until you are sure that nothing is missing, then delete them"
        yield warning("set aside", f"damaged files were set aside: {names}", todo)
    snapshots = [file for file in (data / "snapshots").glob("*") if file.is_file()]
    if snapshots:
        yield ok("snapshots", f"{len(snapshots)}, the newest {_since(snapshots, is_clock_right=is_clock_right)}")
    else:
        yield ok("snapshots", "none yet; the gateway makes one of state.db while it runs")
    backups = [file for file in (data / "backups").glob("*.autocore-backup") if file.is_file()]
    if not backups:
        yield warning("backups", "there is none", "autocore backup, and keep a copy outside the vehicle")
        return
    text = f"{len(backups)}, the newest {_since(backups, is_clock_right=is_clock_right)}"
    if is_clock_right and time.time() - max(file.stat().st_mtime for file in backups) > OLD_BACKUP_S:
        yield warning("backups", text, "autocore backup, and look why the scheduled ones are not made")
    else:
        yield ok("backups", text)


def look_at_room(data: Path, quota: int) -> Iterator[Finding]:
    """Say whether the disk has room for what the history may still take.

    Args:
        data: the data folder.
        quota: bytes that the history may take in all.
    """
    free = shutil.disk_usage(data).free
    has = sum(file.stat().st_size for file in data.glob("history.db*") if file.is_file())
    wanted = max(0, quota - has)
    text = f"{size(free)} free; the history has {size(has)} of {size(quota)}"
    if free < LEAST_FREE:
        todo = "make room, or set history.quota lower; when it is full the gateway goes on in memory, and that is limited"
        yield problem("disk", text, todo)
    elif free < wanted + LEAST_FREE:
        yield warning("disk", f"{text}, so it will be full before the quota is", "set history.quota lower, or make room")
    else:
        yield ok("disk", text)


def _since(files: list[Path], *, is_clock_right: bool) -> str:
    newest = max(files, key=lambda file: file.stat().st_mtime)
    if not is_clock_right:
        return f"{newest.name} (its age is not known: the clock is not set)"
    return f"{newest.name}, {age(max(0.0, time.time() - newest.stat().st_mtime))} old"


def _mode(file: Path) -> int:
    return file.stat().st_mode if file.is_file() else 0


def _owner(file: Path) -> int | None:
    try:
        return file.lstat().st_uid
    except OSError:  # it went while we looked
        return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)

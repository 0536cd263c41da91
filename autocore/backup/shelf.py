"""The folder of the backups: `<data>/backups/`. Names, order and rotation know no clock.

A name carries kind, number, start of the gateway and sequence number: `auto-000007-b12-s3456789.autocore-backup`. The number
grows by one with each backup and is the order; boot and sequence alone would go back when an older backup was restored. What is
known of a file stands beside it (`….json`), so that a list reads no archive and needs no passphrase.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from autocore.backup.cipher import is_encrypted
from autocore.backup.manifest import Created, Manifest
from autocore.core.disk import sync_folder, write_file
from autocore.core.errors import StorageError, UnknownName

FOLDER = "backups"
SUFFIX = ".autocore-backup"
WORK = ".work"
_NAME = re.compile(r"(auto|manual|upload)-(\d{6,12})-b(\d{1,18})-s(\d{1,18})" + re.escape(SUFFIX))
_NAMING = threading.Lock()
_ANY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}" + re.escape(SUFFIX))


class Origin(StrEnum):
    """Where a backup came from."""

    AUTO = "auto"
    MANUAL = "manual"
    UPLOAD = "upload"
    OTHER = "other"
    """Somebody put the file there."""


class About(msgspec.Struct, frozen=True):
    """What stands beside a backup."""

    size: int
    is_encrypted: bool
    is_verified: bool = False
    """Whether it was read again whole, and every hash and database was right."""
    created: Created = Created()
    version: str = ""
    vehicle: str = ""
    files: int = 0
    bytes: int = 0
    has_history: bool = False
    has_secrets: bool = False
    code: list[str] = []
    left_out: int = 0


class Backup(msgspec.Struct, frozen=True):
    """One backup in the folder."""

    name: str
    origin: Origin
    number: int
    about: About


class Shelf:
    """The backups of a data folder."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def open(self) -> Path:
        """Make the folder, for its owner only; raises StorageError when it cannot."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"{self.folder} cannot be made: {error.strerror}") from error
        return self.folder

    def sweep(self) -> None:
        """Delete what a backup left behind that was interrupted; none is being made."""
        for path in self.folder.glob(f"{WORK}*") if self.folder.is_dir() else ():
            shutil.rmtree(path, ignore_errors=True)

    def all(self) -> list[Backup]:
        """Give every backup, the newest first."""
        names = [one.name for one in self.folder.glob(f"*{SUFFIX}")] if self.folder.is_dir() else []
        found = [self._look(name) for name in names if _ANY.fullmatch(name)]
        return sorted((one for one in found if one is not None), key=lambda one: (one.number, one.name), reverse=True)

    def get(self, name: str) -> Backup:
        """Give one; raises UnknownName."""
        found = self._look(name) if _ANY.fullmatch(name) else None
        if found is None:
            raise UnknownName("backup", name[:150])
        return found

    def path(self, name: str) -> Path:
        """Give where one lies; raises UnknownName."""
        return self.folder / self.get(name).name

    def keep(self, fresh: Path, origin: Origin, at: Created, about: About) -> Backup:
        """Take a file that was written and synced: it stands under the next name whole, or not at all.

        Args:
            fresh: the file; it is moved.
            origin: where it came from.
            at: the start of the gateway and the sequence number for its name.
            about: what stands beside it.

        Raises:
            OSError: the disk does not take it.
        """
        with _NAMING:
            number = max((one.number for one in self.all()), default=0) + 1
            name = f"{origin.value}-{number:06d}-b{at.boot or 0}-s{at.seq or 0}{SUFFIX}"
            self._describe(name, about)
            fresh.replace(self.folder / name)
            sync_folder(self.folder)
        return self.get(name)

    def describe(self, name: str, about: About) -> None:
        """Note what is known of a backup now."""
        try:
            self._describe(self.get(name).name, about)
        except OSError as error:
            raise StorageError(f"{self.folder} cannot be written: {error.strerror}") from error

    def delete(self, name: str) -> None:
        """Delete one for ever; raises UnknownName."""
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
            _beside(path).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} cannot be deleted: {error.strerror}") from error

    def rotate(self, keep: int) -> list[str]:
        """Delete the oldest of those that the gateway made by itself, beyond `keep`; what people made or sent stays."""
        old = [one.name for one in self.all() if one.origin is Origin.AUTO][keep:]
        for name in old:
            self.delete(name)
        return old

    def _describe(self, name: str, about: About) -> None:
        write_file(_beside(self.folder / name), msgspec.json.encode(about))

    def _look(self, name: str) -> Backup | None:
        path = self.folder / name
        try:
            if path.is_symlink() or not path.is_file():
                return None
            size, encrypted = path.stat().st_size, is_encrypted(path)
        except OSError:
            return None
        about = About(size, encrypted)
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            known = msgspec.json.decode(_beside(path).read_bytes(), type=About)
            about = known if known.size == size and known.is_encrypted == encrypted else about
        match = _NAME.fullmatch(name)
        return Backup(name, Origin(match[1]) if match else Origin.OTHER, int(match[2]) if match else 0, about)


def about_of(manifest: Manifest, size: int, *, is_verified: bool) -> About:
    """Give what stands beside a backup with this manifest."""
    kinds = [one.kind.value for one in manifest.files]
    return About(
        size,
        manifest.is_encrypted,
        is_verified,
        manifest.created,
        manifest.version,
        manifest.vehicle,
        len(manifest.files),
        manifest.bytes,
        manifest.has_history,
        "secret" in kinds,
        [one.name for one in manifest.files if one.kind.value == "code"][:1_000],
        len(manifest.left_out),
    )


@contextlib.contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards, whatever happens."""
    place = folder / f"{WORK}-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        place.mkdir(parents=True, mode=0o700)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")

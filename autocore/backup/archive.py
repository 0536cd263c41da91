"""The zip inside a backup: written straight through, read with suspicion.

Refused when it is read: names without a place in a backup, names twice, links and folders, files that the manifest does not name,
sizes that are not what it says, and more than there is room for.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
import threading
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO

from autocore.backup import manifest as manifests
from autocore.backup.cipher import Decrypting, Encrypting, is_encrypted
from autocore.backup.manifest import FILE, LARGEST, MOST_FILES, FileEntry, Kind, Manifest, kind_of
from autocore.core.errors import InvalidData, Refused

PIECE = 262_144
LEVEL = 3  # of deflate: half the time of 6, a twentieth larger
EPOCH = (1980, 1, 1, 0, 0, 0)  # a zip's times have no zone and the gateway's clock may be wrong: none is told
MARGIN = 32_000_000  # bytes of the disk that a backup leaves to the gateway
READ_ERRORS = (zipfile.BadZipFile, NotImplementedError, EOFError, zipfile.LargeZipFile, UnicodeError, RuntimeError)
"""What the standard library says of a file that is no zip, or one of a kind that is never written here."""


class Work:
    """How far a long piece of work is, and whether it shall end; shared by its thread and whoever looks at it.

    Attributes:
        step: `settle`, `copy`, `pack`, `verify` or `unpack`.
        done: bytes that were dealt with.
        total: of so many.
    """

    def __init__(self) -> None:
        self.step = "settle"
        self.done = 0
        self.total = 0
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Let it end at its next step."""
        self._cancelled.set()

    def add(self, amount: int) -> None:
        """Note `amount` more bytes.

        Raises:
            Refused: it was cancelled.
        """
        self.done += amount
        if self._cancelled.is_set():
            raise Refused("cancelled; nothing was kept of it", code="cancelled")


def check_room(folder: Path, needed: int, what: str) -> None:
    """Let pass when a disk has room.

    Raises:
        Refused: it has not; the sentence says how much is missing.
    """
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free < needed + MARGIN:
        missing = (needed + MARGIN - free) // 1_000_000 + 1
        raise Refused(
            f"the disk of {folder} is too full {what}: {missing} MB more are needed; delete old backups or leave the history out",
            code="disk_full",
        )


class Writer:
    """Packs files into a backup.

    Args:
        target: the open file.
        passphrase: encrypts it; None does not.
        work: told the bytes.
    """

    def __init__(self, target: BinaryIO, passphrase: str | None, work: Work) -> None:
        self._cover = Encrypting(target, passphrase) if passphrase else None
        self._zip = zipfile.ZipFile(self._cover or target, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self._work = work
        self.entries: list[FileEntry] = []

    def add(self, name: str, source: Path, kind: Kind, *, is_database: bool = False) -> None:
        """Pack one file; raises OSError when it cannot be read, before anything of it was written."""
        with source.open("rb") as content:
            first = content.read(PIECE)
            hashed = hashlib.sha256()
            size = 0
            with self._zip.open(_about(name), "w", force_zip64=True) as entry:
                while first:
                    entry.write(first)
                    hashed.update(first)
                    size += len(first)
                    self._work.add(len(first))
                    first = content.read(PIECE)
        self.entries.append(FileEntry(name, size, hashed.hexdigest(), kind, is_database))

    def give_up(self) -> None:
        """Let go of a target that is to be thrown away."""
        self._zip.fp = None  # else it would still write its end, into a closed file
        if self._cover is not None:
            self._cover.give_up()

    def close(self, manifest: Manifest) -> None:
        """Write the manifest and the end."""
        with self._zip.open(_about(FILE), "w") as entry:
            entry.write(manifests.encode(manifest))
        self._zip.close()
        if self._cover is not None:
            self._cover.close()


def _about(name: str) -> zipfile.ZipInfo:
    about = zipfile.ZipInfo(name, EPOCH)
    about.compress_type = zipfile.ZIP_DEFLATED
    about.external_attr = (stat.S_IFREG | 0o600) << 16
    about._compresslevel = LEVEL  # type: ignore[attr-defined]  # noqa: SLF001  # public only from Python 3.13 on
    return about


class Reader:
    """An open backup whose manifest and list of files were checked."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._zip = archive
        self.manifest = self._read_manifest()

    def unpack(self, one: FileEntry, target: Path | None, work: Work) -> None:
        """Read one file whole, into a new file unless `target` is None.

        Raises:
            InvalidData: it is not what the manifest says.
        """
        hashed = hashlib.sha256()
        size = 0
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(_entry(self._zip, one.name))
            out = stack.enter_context(_new(target)) if target is not None else None
            while piece := source.read(PIECE):
                size += len(piece)
                if size > one.size:
                    break
                hashed.update(piece)
                work.add(len(piece))
                if out is not None:
                    out.write(piece)
            if out is not None:
                out.flush()
                os.fsync(out.fileno())
        if size != one.size or hashed.hexdigest() != one.sha256:
            raise InvalidData(f"the backup is damaged: {one.name} is not what was packed")

    def _read_manifest(self) -> Manifest:
        infos = self._zip.infolist()
        names = [one.filename for one in infos]
        if len(names) > MOST_FILES + 1 or len(set(names)) != len(names):
            raise InvalidData("the backup is damaged: a name stands in it twice, or there are too many")
        for one in infos:
            mode = one.external_attr >> 16
            is_file = stat.S_IFMT(mode) in (0, stat.S_IFREG)
            is_placed = one.filename == FILE or kind_of(one.filename) is not None
            if not is_file or not is_placed or one.orig_filename != one.filename:
                raise InvalidData(f"the backup holds {one.filename[:200]!r}, which has no place in one")
        sizes = {one.filename: one.file_size for one in infos}
        if FILE not in sizes:
            raise InvalidData("this is no backup of AutoCore: it has no manifest")
        if sizes.pop(FILE) > LARGEST:
            raise InvalidData("the backup is damaged: its manifest is too large")
        with _entry(self._zip, FILE) as source:
            found = manifests.decode(source.read(LARGEST + 1))
        if {one.name: one.size for one in found.files} != sizes:
            raise InvalidData("the backup is damaged: its files are not those of its manifest")
        return found


@contextlib.contextmanager
def opened(file: Path, passphrase: str | None = None) -> Iterator[Reader]:
    """Open a backup.

    Raises:
        InvalidData: it is none, is damaged, or the passphrase is missing or wrong.
    """
    with contextlib.ExitStack() as stack:
        source: BinaryIO = stack.enter_context(file.open("rb"))
        if is_encrypted(file):
            if not passphrase:
                raise InvalidData("this backup is encrypted; give its passphrase", field="passphrase")
            source = io.BufferedReader(Decrypting(source, passphrase), PIECE)
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
            reader = Reader(archive)
        except (*READ_ERRORS, ValueError, OSError) as error:
            raise InvalidData(f"this file is no backup of AutoCore, or it is damaged ({error})") from error
        yield reader


def drop_from_memory(file: Path) -> None:
    """Let the next reading come from the disk, not from memory, as far as the kernel does it."""
    with file.open("rb") as source, contextlib.suppress(OSError):
        os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextlib.contextmanager
def _entry(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """Open one file in a zip; its errors are sentences."""
    try:
        with archive.open(name) as source:
            yield source
    except (*READ_ERRORS, zlib.error) as error:
        raise InvalidData(f"the backup is damaged: {name} cannot be read ({error})") from error


def _new(target: Path) -> BinaryIO:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")

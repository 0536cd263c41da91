"""Making a backup, in a thread: a moment of every database is held, copied, checked, packed, and the file is read again."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from autocore import __version__
from autocore.backup.archive import Work, Writer, check_room, drop_from_memory, opened
from autocore.backup.contents import Found, survey
from autocore.backup.databases import Snapshot, check, check_in_backup
from autocore.backup.manifest import FORMAT, Created, Kind, LeftOut, Manifest, Why
from autocore.backup.shelf import About, Backup, Origin, Shelf, about_of, workplace
from autocore.core.errors import Refused, StorageError


@dataclass(frozen=True, slots=True)
class Wish:
    """What to make.

    Args:
        config: the configuration folder.
        data: the data folder.
        created: when, as far as it is known.
        vehicle: the vehicle's name.
        passphrase: encrypts it, and lets the secrets leave; None does neither.
        with_history: whether the readings are taken along.
        origin: who wanted it.
    """

    config: Path
    data: Path
    created: Created = field(default_factory=Created)
    vehicle: str = ""
    passphrase: str | None = None
    with_history: bool = True
    origin: Origin = Origin.MANUAL


def make(wish: Wish, work: Work) -> Backup:
    """Make a backup and give it; it stands in the folder of the backups only when it was read again and is right.

    Raises:
        Refused: the disk is too full, there is nothing to back up, or it was cancelled.
        StorageError: a database is damaged, or the disk failed.
    """
    shelf = Shelf(wish.data)
    found = survey(wish.config, wish.data)
    files, left_out = _chosen(list(found.files.values()), wish)
    databases = [one for one in files if one.is_database]
    if not any(one.kind is Kind.DATABASE for one in databases):
        raise Refused(f"there is nothing to back up in {wish.data}: no gateway ran there yet", code="empty")
    sizes = {one.name: one.size for one in files}
    stored = sum(sizes[one.name] for one in databases)
    check_room(shelf.open(), 2 * stored + sum(sizes.values()) - stored, "for a backup")
    work.total = stored + 2 * sum(sizes.values())
    try:
        with workplace(shelf.folder) as place:
            copies, schemas = _copied(databases, place, work)
            fresh = place / "backup"
            manifest = _packed(files, copies, (wish, schemas, found.left_out + left_out), fresh, work)
            work.step = "verify"
            verify(fresh, wish.passphrase, place, work)
            about = about_of(manifest, fresh.stat().st_size, is_verified=True)
            return shelf.keep(fresh, wish.origin, wish.created, about)
    except OSError as error:
        raise StorageError(f"the backup cannot be written to {shelf.folder}: {error.strerror or error}") from error


def verify(file: Path, passphrase: str | None, place: Path, work: Work) -> About:
    """Read a backup whole: every hash must be right, and every database must open and be sound.

    Args:
        file: the backup.
        passphrase: of an encrypted one.
        place: a folder for one database at a time.
        work: told the bytes.

    Raises:
        InvalidData: it is damaged, a database in it too, is no backup, or the passphrase is wrong.
    """
    drop_from_memory(file)
    with opened(file, passphrase) as reader:
        for number, one in enumerate(reader.manifest.files):
            target = place / f"{number}.check" if one.is_database else None
            reader.unpack(one, target, work)
            if target is not None:
                check_in_backup(target, one.name, is_quick=True)
                target.unlink()
        return about_of(reader.manifest, file.stat().st_size, is_verified=True)


def _chosen(files: list[Found], wish: Wish) -> tuple[list[Found], list[LeftOut]]:
    chosen, left_out = [], []
    for one in files:
        if one.kind is Kind.SECRET and wish.passphrase is None:
            left_out.append(LeftOut(one.name, Why.SECRET))
        elif one.name == "data/history.db" and not wish.with_history:
            left_out.append(LeftOut(one.name, Why.HISTORY))
        else:
            chosen.append(one)
    return chosen, left_out


def _copied(databases: list[Found], place: Path, work: Work) -> tuple[dict[str, Path], dict[str, dict[str, int]]]:
    """Copy every database as it is now, and give the copies and the versions in them, by name."""
    work.step = "copy"
    copies: dict[str, Path] = {}
    schemas: dict[str, dict[str, int]] = {}
    with contextlib.ExitStack() as stack:
        moments: list[tuple[Found, Snapshot]] = []
        # The state last: it knows every boot and every entity of what was taken before it.
        for one in sorted(databases, key=lambda one: one.name == "data/state.db"):
            moment = Snapshot(one.path)
            stack.callback(moment.close)
            moments.append((one, moment))
        for number, (one, moment) in enumerate(moments):
            copy = copies[one.name] = place / f"{number}.db"
            moment.copy(copy, work.add)
            moment.close()
            versions = check(copy)
            if one.kind is Kind.DATABASE:
                schemas[one.name.removeprefix("data/")] = versions
    return copies, schemas


def _packed(
    files: list[Found],
    copies: dict[str, Path],
    said: tuple[Wish, dict[str, dict[str, int]], list[LeftOut]],
    fresh: Path,
    work: Work,
) -> Manifest:
    work.step = "pack"
    wish, schemas, left_out = said
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        writer = Writer(target, wish.passphrase, work)
        try:
            left_out = sorted(left_out + _added(writer, files, copies), key=lambda one: one.name)
            moment, is_encrypted = wish.created, wish.passphrase is not None
            manifest = Manifest(FORMAT, moment, __version__, wish.vehicle, schemas, writer.entries, left_out, is_encrypted)
            writer.close(manifest)
        except BaseException:
            writer.give_up()
            raise
        target.flush()
        os.fsync(target.fileno())
    return manifest


def _added(writer: Writer, files: list[Found], copies: dict[str, Path]) -> list[LeftOut]:
    """Pack the files, each copy of a database from where it was copied to; gives those that cannot be read."""
    unreadable = []
    for one in files:
        source = copies.get(one.name, one.path)
        try:
            writer.add(one.name, source, one.kind, is_database=one.is_database)
        except (FileNotFoundError, PermissionError):
            unreadable.append(LeftOut(one.name, Why.UNREADABLE))
        if one.name in copies:
            source.unlink(missing_ok=True)
    return unreadable

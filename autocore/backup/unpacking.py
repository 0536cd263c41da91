"""The first half of a restore: a backup is unpacked beside everything, and looked over whole, before anything is touched.

`<data>/restore/new/` then holds the files under their names, and `<data>/restore/plan.json` says that they are ready.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autocore.backup.archive import Reader, Work, check_room, opened
from autocore.backup.contents import is_program
from autocore.backup.databases import check, check_in_backup, newest_versions
from autocore.backup.manifest import FileEntry, Kind, Manifest
from autocore.backup.plan import NEW, RESTORE, Phase, Plan, clear, save, sync_tree
from autocore.core.errors import InvalidData, StorageError


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup goes.

    Args:
        config: the configuration folder.
        data: the data folder.
        with_code: whether the files of plugins are written too: by the command line only (security.md 10).
    """

    config: Path
    data: Path
    with_code: bool


def place_of(name: str, target: Target) -> Path:
    """Give where a file of a backup goes."""
    root, _, rest = name.partition("/")
    return (target.config if root == "config" else target.data) / rest


def stage(file: Path, passphrase: str | None, target: Target, work: Work) -> Plan:
    """Unpack a backup and look it over; nothing that stands there is touched.

    Raises:
        InvalidData: it is damaged, is no backup, is too new, or the passphrase is missing or wrong.
        Refused: the disk is too full, or it was cancelled.
        StorageError: a database in it is damaged, or the disk failed.
    """
    place = target.data / RESTORE
    try:
        clear(target.data)
        place.mkdir(parents=True, mode=0o700, exist_ok=True)
        try:
            plan = _staged(file, passphrase, target, work)
        except BaseException:
            clear(target.data)
            raise
    except OSError as error:
        raise StorageError(f"the backup cannot be unpacked to {place}: {error.strerror or error}") from error
    return plan


def _staged(file: Path, passphrase: str | None, target: Target, work: Work) -> Plan:
    place = target.data / RESTORE
    work.step = "unpack"
    with opened(file, passphrase) as reader:
        manifest = reader.manifest
        chosen = [one for one in manifest.files if target.with_code or not _is_program(one, target)]
        _check_places(chosen, target)
        work.total = manifest.bytes
        check_room(place, sum(one.size for one in chosen), "to restore this backup")
        _unpack(reader, chosen, place / NEW, work)
    _check_versions(manifest, place / NEW, newest_versions(target.config))
    written = {one.name for one in chosen}
    plan = Plan(
        Phase.READY,
        str(target.config.absolute()),
        file.name,
        with_code=target.with_code,
        files=sorted(written),
        secrets=[one.name for one in chosen if one.kind is Kind.SECRET],
        skipped=[one.name for one in manifest.files if one.name not in written],
    )
    sync_tree(place)
    save(target.data, plan)
    return plan


def _unpack(reader: Reader, chosen: list[FileEntry], folder: Path, work: Work) -> None:
    wanted = {one.name for one in chosen}
    for one in reader.manifest.files:
        into = folder / one.name if one.name in wanted else None
        reader.unpack(one, into, work)  # what is not written is read all the same: a damaged backup is not restored in part
        if into is not None and one.is_database:
            check_in_backup(into, one.name)
        elif one.kind is Kind.DATABASE:
            raise InvalidData(f"the backup is damaged: {one.name} is no database")


def _check_places(chosen: list[FileEntry], target: Target) -> None:
    """Let pass when no file of the configuration lands in the data folder, and none on another.

    Raises:
        InvalidData: one does.
    """
    data, config = target.data.resolve(), target.config.resolve()
    places = [place_of(one.name, target).resolve() for one in chosen]
    for one, place in zip(chosen, places, strict=True):
        home = config if one.name.startswith("config/") else data
        is_stray = home == config != data and place.is_relative_to(data)
        if is_stray or not place.is_relative_to(home):
            raise InvalidData(f"{one.name} would be written outside of its folder; a link may lead away: remove it first")
        parent = next(one for one in place.parents if one.exists())
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise InvalidData(f"{one.name} cannot be written: {parent} is no folder, or not one that this user may write to")
    if len(set(places)) != len(places):
        raise InvalidData("two files of the backup would be written to one place; give --config and --data different folders")


def _check_versions(manifest: Manifest, folder: Path, newest: Mapping[str, int]) -> None:
    """Let pass what this AutoCore knows; the databases themselves are asked, the manifest only says it."""
    for one in manifest.files:
        path = folder / one.name
        if one.kind is not Kind.DATABASE or not path.exists():
            continue
        for component, version in check(path, is_quick=True).items():
            known = newest.get(component, version)
            if version > known:
                raise InvalidData(
                    f"the backup was made by AutoCore {manifest.version}: its {component} database has version {version},"
                    f" this one knows {known}; install that AutoCore first"
                )


def _is_program(one: FileEntry, target: Target) -> bool:
    """Say whether a file could be run, by its kind or because a program lies in that very folder here."""
    if one.kind is Kind.CODE:
        return True
    parts = one.name.split("/")
    return parts[:2] == ["data", "plugins"] and len(parts) > 3 and is_program(target.data / "plugins" / parts[2])  # noqa: PLR2004  # below a plugin's folder

"""The second half of a restore: what stood there moves aside, what was unpacked moves to its place.

Every step is on disk before it is done and can be done again, so an interrupted restore is finished at the next start or by the
next `autocore restore`. Nothing is deleted of what stood there: it lies in `<data>/before-restore-<n>/` afterwards.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from autocore.backup.contents import LEFTOVERS, survey
from autocore.backup.manifest import Kind
from autocore.backup.plan import NEW, RESTORE, Phase, Plan, clear, load, save
from autocore.backup.unpacking import Target, place_of
from autocore.core.disk import sync_folder, write_file
from autocore.core.errors import StorageError

ASIDE = "before-restore-"
RECORD = "restore.json"
BESIDE_STATE = ("states.*", "state.db.*", "history.db.*", "audit.head*", "audit.copied")
"""Journals and parts that belong to the databases which stood there, and what knows the newest row of the audit in them."""
SET_ASIDE = ".damaged-"
"""Nobody touches a damaged file that was set aside."""
WITH_STATE = ("snapshots", "cache")
"""Folders that were made from them."""

log = logging.getLogger("autocore.backup")


def apply(data: Path) -> Plan | None:
    """Do what waits, or what was interrupted, up to the trial; None when there is nothing to do.

    The caller holds the data folder: no gateway runs on it.

    Raises:
        StorageError: it cannot be done; what stood there is back in its place, or will be when this is called again.
    """
    plan = load(data)
    try:
        if plan is None:
            clear(data)  # unpacked in part, when the power went
            return None
        if plan.phase is Phase.BACK:
            _move_back(plan, data)
            finish(data)
            return None
        if plan.phase is Phase.READY and not all((data / RESTORE / NEW / name).exists() for name in plan.files):
            clear(data)
            log.error("the restore of %s is not done: a part of what was unpacked is gone; restore it again", plan.source)
            return None
        return _forward(plan, data)
    except OSError as error:
        if plan is not None and plan.phase is not Phase.BACK:
            plan = load(data)
        raise StorageError(f"the restore could not be done: {error}; {_undone(plan, data, str(error))}") from error


def make_way(data: Path) -> None:
    """Bring an interrupted restore to its end before another one; one that only waits is forgotten.

    Raises:
        StorageError: as `apply`.
    """
    plan = load(data)
    if plan is not None and plan.phase is Phase.READY:
        clear(data)
    elif apply(data) is not None:
        finish(data)


def _forward(plan: Plan, data: Path) -> Plan:
    if plan.phase is Phase.READY:
        plan = save(data, _begun(plan, data))
    if plan.phase is Phase.ASIDE:
        _move_aside(plan, data)
        plan = save(data, msgspec.structs.replace(plan, phase=Phase.PLACE))
    if plan.phase is Phase.PLACE:
        _move_in(plan, data)
        plan = save(data, msgspec.structs.replace(plan, phase=Phase.TRIAL))
    return plan


def _undone(plan: Plan | None, data: Path, reason: str) -> str:
    """Put everything back after a fault of the disk, and say what became of it."""
    if plan is None or plan.phase is Phase.READY:
        return "nothing was touched"
    try:
        _move_back(save(data, msgspec.structs.replace(plan, phase=Phase.BACK, reason=reason)), data)
        finish(data)
    except OSError:
        return "the next start goes on with it"
    return "what stood there is back"


def finish(data: Path, *, is_told: bool = True) -> None:
    """The restored gateway runs, or shall be started: what remains is the record in the folder of what stood there.

    Args:
        data: the data folder.
        is_told: whether the restored gateway has an event of it; if not, its next start makes one.
    """
    plan = load(data)
    if plan is not None:
        _note(data, msgspec.structs.replace(plan, is_told=is_told))
    clear(data)


def untold(data: Path) -> Plan | None:
    """Give the restore that the gateway which starts now is the first to run with, and is to tell of; None when there is none."""
    plan = last_record(data)
    if plan is None or plan.phase is not Phase.TRIAL:
        return None
    return plan if load(data) is not None or not plan.is_told else None


def tell_once(data: Path) -> Plan | None:
    """Give what `untold` gives, and note that it was told."""
    plan = untold(data)
    if plan is not None and load(data) is None:  # else it is on trial, and `finish` comes
        _note(data, msgspec.structs.replace(plan, is_told=True))
    return plan


def _note(data: Path, plan: Plan) -> None:
    aside = data / plan.aside
    with suppress(OSError):  # only a record
        aside.mkdir(mode=0o700, exist_ok=True)
        write_file(aside / RECORD, msgspec.json.format(msgspec.json.encode(plan), indent=1))


def take_back(data: Path, reason: str) -> bool:
    """Put back what stood there, because the gateway does not start with what was restored; False when there is nothing to.

    Raises:
        StorageError: the disk failed; the next start goes on.
    """
    plan = load(data)
    if plan is None or plan.phase is not Phase.TRIAL or not plan.moved:
        return False
    try:
        plan = save(data, msgspec.structs.replace(plan, phase=Phase.BACK, reason=reason))
        _move_back(plan, data)
    except OSError as error:
        raise StorageError(f"the restore could not be taken back yet: {error}; the next start goes on with it") from error
    finish(data)
    return True


def last_record(data: Path) -> Plan | None:
    """Give the restore that was done or taken back last, None when there never was one.

    One on trial counts: while the web answers with what was restored, `finish` may still be under way.
    """
    with suppress(StorageError):
        plan = load(data)
        if plan is not None and plan.phase is Phase.TRIAL:
            return plan
    folders = sorted(data.glob(f"{ASIDE}*"), key=lambda one: _number(one.name), reverse=True)
    for folder in folders:
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((folder / RECORD).read_bytes(), type=Plan)
    return None


def _begun(plan: Plan, data: Path) -> Plan:
    """Give the plan with what is to be moved aside."""
    used = [one for one in data.glob(f"{ASIDE}*") if not one.is_dir() or any(one.iterdir())]
    number = max((_number(one.name) for one in used), default=0) + 1
    aside = f"{ASIDE}{number}"
    (data / aside).mkdir(mode=0o700, exist_ok=True)
    sync_folder(data)
    moved = [(str(path), name) for path, name in sorted(_standing(plan, data))]
    return msgspec.structs.replace(plan, phase=Phase.ASIDE, aside=aside, moved=moved)


def _standing(plan: Plan, data: Path) -> Iterator[tuple[Path, str]]:
    """Give every file and folder that must make room, with its name in the folder aside."""
    config = Path(plan.config)
    target = Target(config, data, plan.with_code)
    yielded: set[Path] = set()
    for one in survey(config, data).files.values():
        is_replaced = one.name in plan.files
        is_superseded = one.kind in (Kind.CONFIG, Kind.DATABASE, Kind.FILES) or (one.kind is Kind.CODE and plan.with_code)
        if is_replaced or is_superseded:
            yielded.add(one.path.resolve())
            yield one.path.absolute(), one.name
            for path in (one.path.with_name(one.path.name + end) for end in LEFTOVERS) if one.is_database else ():
                if path.exists():
                    yielded.add(path.resolve())
                    yield path.absolute(), f"{one.name}{path.name.removeprefix(one.path.name)}"
    for name in plan.files:  # what a survey does not know, e.g. a file that nothing names any more, or a link
        path = place_of(name, target)
        if (path.exists() or path.is_symlink()) and path.resolve() not in yielded:
            yielded.add(path.resolve())
            yield path.absolute(), name
    others = [path for pattern in (*BESIDE_STATE, "*.db-wal", "*.db-shm", *WITH_STATE) for path in data.glob(pattern)]
    for path in dict.fromkeys(others):
        if path.resolve() not in yielded and SET_ASIDE not in path.name:
            yield path.absolute(), f"data/{path.name}"


def _move_aside(plan: Plan, data: Path) -> None:
    for place, name in plan.moved:
        _move(Path(place), data / plan.aside / name)
    _sync([Path(place).parent for place, _ in plan.moved] + [(data / plan.aside / name).parent for _, name in plan.moved])


def _move_in(plan: Plan, data: Path) -> None:
    target = Target(Path(plan.config), data, plan.with_code)
    for name in plan.files:
        _move(data / RESTORE / NEW / name, place_of(name, target))
    _sync([place_of(name, target).parent for name in plan.files])


def _move_back(plan: Plan, data: Path) -> None:
    """Put back what stood there. What was restored goes: it is a copy of the backup."""
    target = Target(Path(plan.config), data, plan.with_code)
    kept = {place: data / plan.aside / name for place, name in plan.moved}
    for name in plan.files:
        place = place_of(name, target)
        old = kept.get(str(place.absolute()))
        if old is None or old.exists():  # else it is back already
            place.unlink(missing_ok=True)
            for end in LEFTOVERS:
                place.with_name(place.name + end).unlink(missing_ok=True)
    for path in (one for pattern in BESIDE_STATE for one in data.glob(pattern)):
        if str(path.absolute()) not in kept and SET_ASIDE not in path.name:
            path.unlink()  # of the start that failed
    for words, old in sorted(kept.items()):  # a database before what lies beside it
        place = Path(words)
        if old.exists() or old.is_symlink():
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)  # a cache that the failed start made
            for end in LEFTOVERS:
                place.with_name(place.name + end).unlink(missing_ok=True)
            _move(old, place)
    _sync([Path(words).parent for words in kept])


def _move(source: Path, target: Path) -> None:
    """Move a file or folder; doing it again after any interruption ends the same. Raises OSError.

    Where the target lies on another disk it is copied under another name first, so that what stands under its own name is whole.
    """
    if not source.exists() and not source.is_symlink():
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:  # not another disk
            raise
        fresh = target.with_name(f".{target.name}.moving")
        if source.is_dir() and not source.is_symlink():
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(source, fresh, symlinks=True)
            shutil.rmtree(target, ignore_errors=True)
        else:
            shutil.copy2(source, fresh, follow_symlinks=False)
        if fresh.is_file() and not fresh.is_symlink():
            with fresh.open("rb") as written:
                os.fsync(written.fileno())
        fresh.replace(target)
        sync_folder(target.parent)
        if source.is_dir() and not source.is_symlink():
            shutil.rmtree(source)
        else:
            source.unlink()


def _sync(folders: list[Path]) -> None:
    for folder in dict.fromkeys(folders):
        if folder.is_dir():
            sync_folder(folder)


def _number(name: str) -> int:
    digits = name.removeprefix(ASIDE)
    return int(digits) if digits.isdecimal() else 0

"""`autocore backup` and `autocore restore`: beside a running gateway, and without one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import click

from autocore.backup.applying import apply, finish, make_way
from autocore.backup.archive import Work
from autocore.backup.cipher import check_passphrase, is_encrypted
from autocore.backup.databases import newest_boot
from autocore.backup.making import Wish, make
from autocore.backup.plan import check_none_waits
from autocore.backup.shelf import Shelf
from autocore.backup.unpacking import Target, stage
from autocore.builtin.journal import read_journal
from autocore.check import faults_of
from autocore.cli.options import Common, common
from autocore.control import CONTROL_SOCKET, ask
from autocore.core.bus import Bus
from autocore.core.clock import Sequence, SystemClock
from autocore.core.config import read
from autocore.core.disk import sync_folder
from autocore.core.entities import EntityRegistry
from autocore.core.errors import AutocoreError, ConfigFaults, InvalidData, Refused, StartError, StorageError, UnknownName
from autocore.core.storage.state import DataFolder, StateStore
from autocore.damage import Damages

LOOK_S = 0.2
WORDS = {"settle": "writing down", "copy": "copying", "pack": "packing", "verify": "reading again", "unpack": "unpacking"}

T = TypeVar("T")


@click.command()
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it there instead of <data>/backups/.")
@click.option("--passphrase-stdin", is_flag=True, help="Encrypt it with the passphrase on standard input; secrets are in it.")
@click.option("--without-history", is_flag=True, help="Leave the readings out.")
@common
def backup(shared: Common, *, output: Path | None, passphrase_stdin: bool, without_history: bool) -> None:
    """Make a backup of configuration, databases and plugins' files, also while the gateway runs."""
    passphrase = check_passphrase(_line()) if passphrase_stdin else None
    if output is not None and output.exists():
        raise InvalidData(f"{output} exists already; nothing was written")
    if output is not None and not (output.parent.is_dir() and os.access(output.parent, os.W_OK)):
        raise InvalidData(f"nothing can be written into {output.parent}; name a folder that is there and that you may write")
    made = _made(shared, passphrase, with_history=not without_history)
    place = Shelf(shared.data).path(made)
    if output is not None:
        _copy(place, output)
        Shelf(shared.data).delete(made)
        place = output
    size_mb = place.stat().st_size / 1_000_000
    answer = {"file": str(place), "bytes": place.stat().st_size, "encrypted": passphrase is not None, "verified": True}
    shared.show(answer, f"{place} ({size_mb:.1f} MB), read again and right")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--passphrase-stdin", is_flag=True, help="Read the passphrase of an encrypted backup from standard input.")
@common
def restore(shared: Common, file: Path, *, passphrase_stdin: bool) -> None:
    """Put a backup back, plugins' files too; what stands there is moved aside, never deleted. Needs no configuration."""
    if not file.is_file():
        raise InvalidData(f"there is no file {file}; name the backup, e.g. van.autocore-backup")
    folder = DataFolder(shared.data)
    folder.hold()
    try:
        passphrase = None
        if is_encrypted(file):
            passphrase = _line() if passphrase_stdin else click.prompt("Passphrase", hide_input=True, err=True)
        make_way(shared.data)
        target = Target(shared.config, shared.data, with_code=True)
        _shown(lambda work: stage(file, passphrase, target, work), shared)
        plan = apply(shared.data)
        if plan is None:
            raise StorageError(f"{file} was not restored; the log says why")
        finish(shared.data, is_told=False)
    finally:
        folder.let_go(is_clean=folder.was_clean)
    answer = {"file": str(file), "config": str(shared.config), "data": str(shared.data), "files": len(plan.files)}
    aside = shared.data / plan.aside
    text = f"{file} is restored: {len(plan.files)} files"
    if plan.moved:
        text += f"; what stood there is in {aside}"
    faults = faults_of(shared.config) if (shared.config / "config.yaml").exists() else []
    for fault in faults:
        click.echo(fault, err=True)
    shared.show(answer | {"aside": str(aside) if plan.moved else None, "faults": faults}, text)


def _made(shared: Common, passphrase: str | None, *, with_history: bool) -> str:
    if (shared.data / CONTROL_SOCKET).exists():
        try:
            return _beside(shared, passphrase, with_history=with_history)
        except StartError:  # the socket of one that was killed
            pass
    return _alone(shared, passphrase, with_history=with_history)


def _beside(shared: Common, passphrase: str | None, *, with_history: bool) -> str:
    """Ask the running gateway for it, and give its name."""
    job = ask(shared.data, "POST", "/api/v1/backup", {"passphrase": passphrase, "history": with_history})

    def wait(work: Work) -> str:
        said = job
        try:
            while said["state"] == "running":
                time.sleep(LOOK_S)
                said = ask(shared.data, "GET", f"/api/v1/backup/{job['id']}")
                work.step, work.done, work.total = said["step"], round(said["progress"] * 1_000), 1_000
                work.add(0)
        except Refused:  # Ctrl-C
            ask(shared.data, "DELETE", f"/api/v1/backup/{job['id']}")
            raise
        if said["state"] != "done":
            raise Refused(said["error"] or "the backup was cancelled", code=said["code"] or "cancelled")
        return str(said["backup"])

    return _shown(wait, shared)


def _alone(shared: Common, passphrase: str | None, *, with_history: bool) -> str:
    """Make it from the files, while no gateway can start on them, and give its name."""
    if not shared.data.is_dir():
        raise UnknownName("data folder", str(shared.data))
    folder = DataFolder(shared.data)
    folder.hold()
    try:
        check_none_waits(shared.data)
        asyncio.run(_fold(shared.data))
        created, vehicle = newest_boot(shared.data / "state.db"), _vehicle(shared.config)
        Shelf(shared.data).sweep()
        wish = Wish(shared.config, shared.data, created, vehicle, passphrase, with_history)
        return _shown(lambda work: make(wish, work), shared).name
    finally:
        folder.let_go(is_clean=folder.was_clean)


async def _fold(data: Path) -> None:
    """Bring the last states that a killed gateway left in its journal into the database; the journal stays, it does no harm."""
    newer = await asyncio.to_thread(read_journal, data, Damages())
    if not newer:
        return
    clock = SystemClock()
    sequence = Sequence(1, lambda _limit: None)
    entities = EntityRegistry(clock, sequence, Bus(clock, sequence), 0)
    store = StateStore(data)
    await store.open()
    try:
        await store.restore(entities, newer)
        told = [(one.id, one.state) for one in entities if one.id in newer and one.state.seq == newer[one.id].seq]
        await store.save_states(told)
    finally:
        await store.close()


def _shown(act: Callable[[Work], T], shared: Common) -> T:
    """Do long work in a thread; a terminal sees how far it is, and Ctrl-C ends it with nothing kept."""
    work = Work()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(act, work)
        try:
            if sys.stderr.isatty() and not shared.as_json:
                _watch(work, future)
            return future.result()
        except KeyboardInterrupt:
            work.cancel()
            return future.result()


def _watch(work: Work, future: Future[Any]) -> None:
    from rich.console import Console  # noqa: PLC0415  # only for a terminal
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(WORDS[work.step], total=None)
        while not future.done():
            bar.update(task, description=WORDS.get(work.step, ""), completed=work.done, total=work.total or None)
            time.sleep(0.1)


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that it stands under its new name whole, or not at all."""
    fresh = target.with_name(f".{target.name}.new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with source.open("rb") as content, os.fdopen(descriptor, "wb") as out:
            shutil.copyfileobj(content, out, 1_048_576)
            out.flush()
            os.fsync(out.fileno())
        if fresh.stat().st_size != source.stat().st_size:
            raise StorageError(f"{target} was not written whole; the backup is still in {source}")
        fresh.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise StorageError(f"{target} cannot be written: {error.strerror}; the backup is in {source}") from error


def _vehicle(config: Path) -> str:
    try:
        return read(config, environ=os.environ).core.autocore.name
    except (ConfigFaults, AutocoreError):  # a backup needs no right configuration
        return ""


def _line() -> str:
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidData("the passphrase on standard input is no UTF-8 text", field="passphrase") from None

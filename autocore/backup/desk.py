"""Backups of a running gateway: made when somebody asks or when one is due, listed, taken in, staged to be restored.

One job at a time; it runs in a thread, shows how far it is, and can be cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from autocore.backup.applying import last_record, tell_once
from autocore.backup.archive import MARGIN, Work, opened
from autocore.backup.cipher import MAGIC, check_head, check_passphrase
from autocore.backup.making import Wish, make, verify
from autocore.backup.manifest import Created
from autocore.backup.plan import Plan
from autocore.backup.schedule import KEEP_EVERY_S, LOOK_EVERY_S, RETRY_S, Last, is_due
from autocore.backup.shelf import About, Backup, Origin, Shelf, about_of, workplace
from autocore.backup.unpacking import Target, stage
from autocore.core.clock import NS, Clock, Sequence
from autocore.core.config.sections import BackupSection
from autocore.core.errors import AutocoreError, InvalidData, Refused, StorageError, UnknownName
from autocore.core.model import INTERNAL, Quality
from autocore.core.scheduler import Every
from autocore.core.services import Record
from autocore.core.storage.state import KeyValue

LARGEST_UPLOAD = 16_000_000_000
PIECE = 1_048_576
REMEMBERED = 20
SETTLE_LIMIT_S = 30.0

log = logging.getLogger("autocore.backup")


@dataclass(frozen=True, slots=True)
class Ground:
    """What a desk stands on.

    Args:
        config: the configuration folder.
        data: the data folder.
        clock: the gateway's.
        boot: this start of the gateway.
        sequence: numbers everything that happens.
        vehicle: its name.
        settle: these bring everything that waits in memory into the databases.
        notify: tells whoever owns the vehicle, one sentence.
        remember: takes what the audit shall know.
        emit: takes what happened, for the bus: a type and its fields.
    """

    config: Path
    data: Path
    clock: Clock
    boot: int
    sequence: Sequence
    vehicle: str
    settle: tuple[Callable[[], Awaitable[object]], ...]
    notify: Callable[[str], None]
    remember: Callable[[Record], None]
    emit: Callable[[str, Mapping[str, Any]], object]

    def now(self) -> Created:
        """Give the present moment as a backup tells it."""
        wall_ns, quality = self.clock.wall_ns()
        wall = None
        if wall_ns is not None and quality is not Quality.UNSET:
            wall = datetime.fromtimestamp(wall_ns / NS, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return Created(wall, self.boot, self.sequence.last)


@dataclass(slots=True)
class Job:
    """One piece of work.

    Attributes:
        state: `running`, `done`, `failed` or `cancelled`.
        result: the backup's name; of a restore the plan.
        error: one sentence.
    """

    id: str
    kind: str
    work: Work = field(default_factory=Work)
    state: str = "running"
    name: str | None = None
    plan: Plan | None = None
    error: str | None = None
    code: str | None = None
    task: asyncio.Task[None] | None = None

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        if self.state == "done":
            return 1.0
        return min(0.99, self.work.done / self.work.total) if self.work.total else 0.0


class Backups:
    """The desk.

    Args:
        ground: what it stands on.
        section: when backups are made by themselves, and how many are kept.
        store: remembers how long the gateway ran since the last one.
        restart: stops the gateway, restores what is staged, and starts it again.
    """

    def __init__(self, ground: Ground, section: BackupSection, store: KeyValue, restart: Callable[[], None]) -> None:
        self.shelf = Shelf(ground.data)
        self._ground = ground
        self._section = section
        self._store = store
        self._restart = restart
        self._jobs: dict[str, Job] = {}
        self._number = 0
        self._is_receiving = False
        self._made_here = 0
        self._started_ns = self._mark_ns = ground.clock.monotonic_ns()
        self._ran_s = 0.0
        self._ran_of = 0
        self._kept_s = 0.0
        self._failed_ns: int | None = None
        self._timer: Every | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Clean up after an interrupted one, and look at the schedule from now on."""
        await asyncio.to_thread(self.shelf.sweep)
        known = await self._store.get("ran", {})
        if isinstance(known, dict):
            self._ran_of, self._ran_s = int(known.get("number", 0)), float(known.get("ran_s", 0.0))
            self._kept_s = self._ran_s
        self._timer = Every(self._ground.clock, LOOK_EVERY_S, self._on_turn)
        await self._tell_of_restore()

    async def stop(self) -> None:
        """End what is under way; nothing of it is kept."""
        if self._timer is not None:
            self._timer.cancel()
        running = [job for job in self._jobs.values() if job.task is not None and not job.task.done()]
        for job in running:
            job.work.cancel()
        tasks = [job.task for job in running if job.task is not None]
        if self._looking is not None:
            tasks.append(self._looking)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._keep_time(at_least_s=0.0)

    def begin(self, *, passphrase: str | None = None, with_history: bool = True, origin: Origin = Origin.MANUAL) -> Job:
        """Begin to make a backup.

        Raises:
            Refused: another job is under way.
            InvalidData: the passphrase is too short.
        """
        if passphrase is not None:
            check_passphrase(passphrase)
        ground = self._ground

        async def work(job: Job) -> None:
            async with asyncio.timeout(SETTLE_LIMIT_S):
                for bring in ground.settle:
                    await bring()
            wish = Wish(ground.config, ground.data, ground.now(), ground.vehicle, passphrase, with_history, origin)
            made = await asyncio.to_thread(make, wish, job.work)
            job.name = made.name
            ground.emit("backup.made", {"file": made.name, "bytes": made.about.size, "origin": origin.value})

        return self._begin("backup", work)

    def begin_restore(self, name: str, passphrase: str | None) -> Job:
        """Begin to unpack a backup and to look it over; then the gateway restarts with it.

        Files of plugins are listed and not written: only the command line does that.

        Raises:
            Refused: another job is under way.
            UnknownName: there is no such backup.
        """
        file = self.shelf.path(name)
        target = Target(self._ground.config, self._ground.data, with_code=False)

        async def work(job: Job) -> None:
            job.name = name
            job.plan = await asyncio.to_thread(stage, file, passphrase, target, job.work)
            await asyncio.to_thread(self._note, name, file, passphrase)
            log.warning("backup: %s was looked over; the gateway restarts with it", name)
            self._restart()

        return self._begin("restore", work)

    def _note(self, name: str, file: Path, passphrase: str | None) -> None:
        """Note beside a backup that was looked over whole what is in it: an encrypted one told nothing until now."""
        with opened(file, passphrase) as reader:
            self.shelf.describe(name, about_of(reader.manifest, file.stat().st_size, is_verified=True))

    def job(self, job_id: str) -> Job:
        """Give a job; raises UnknownName."""
        if job_id not in self._jobs:
            raise UnknownName("backup job", job_id[:60])
        return self._jobs[job_id]

    @property
    def newest_job(self) -> Job | None:
        """The job that began last."""
        return next(reversed(self._jobs.values()), None)

    def cancel(self, job_id: str) -> Job:
        """Let a job end; nothing of it is kept. Raises UnknownName."""
        job = self.job(job_id)
        job.work.cancel()
        return job

    async def all(self) -> list[Backup]:
        """Give every backup, the newest first."""
        return await asyncio.to_thread(self.shelf.all)

    async def delete(self, name: str) -> None:
        """Delete a backup; raises UnknownName."""
        await asyncio.to_thread(self.shelf.delete, name)

    async def last_restore(self) -> Plan | None:
        """Give the restore that was finished, or taken back, last."""
        return await asyncio.to_thread(last_record, self._ground.data)

    async def receive(self, pieces: AsyncIterator[bytes]) -> Backup:
        """Take in a backup that somebody sends, piece by piece; one that is not encrypted is read and checked whole.

        Raises:
            InvalidData: it is no backup, is damaged or too new, or is larger than the disk allows.
            Refused: another one is being received.
        """
        if self._is_receiving:
            raise Refused("another backup is being received; wait until it is there", code="busy")
        self._is_receiving = True
        try:
            with workplace(self.shelf.open()) as place:
                fresh = place / "upload"
                size = await _written(pieces, fresh)
                head = await asyncio.to_thread(_head, fresh)
                about = About(size, is_encrypted=True)
                if head == MAGIC:
                    await asyncio.to_thread(check_head, fresh)
                else:
                    about = await asyncio.to_thread(verify, fresh, None, place, Work())
                return await asyncio.to_thread(self.shelf.keep, fresh, Origin.UPLOAD, self._ground.now(), about)
        except OSError as error:
            raise StorageError(f"the backup cannot be written to {self.shelf.folder}: {error.strerror}") from error
        finally:
            self._is_receiving = False

    def _begin(self, kind: str, work: Callable[[Job], Awaitable[None]]) -> Job:
        if any(job.state == "running" for job in self._jobs.values()):
            raise Refused("a backup or a restore is under way; wait for it, or cancel it", code="busy")
        self._number += 1
        job = Job(f"{self._number}", kind)
        self._jobs[job.id] = job
        while len(self._jobs) > REMEMBERED:
            del self._jobs[next(iter(self._jobs))]
        job.task = asyncio.get_running_loop().create_task(self._run(job, work))
        return job

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[None]]) -> None:
        try:
            await work(job)
            job.state = "done"
        except AutocoreError as error:
            job.code, job.error = error.code, error.message if isinstance(error, InvalidData) else str(error)
            job.state = "cancelled" if error.code == "cancelled" else "failed"
        except TimeoutError:
            job.code, job.error = "storage", f"the databases did not settle within {SETTLE_LIMIT_S:g} s; is the disk well?"
            job.state = "failed"
        except Exception as error:  # a job must end, or no other one ever begins
            job.code, job.error = "internal", f"the gateway made a mistake: {type(error).__name__}; its log has the details"
            job.state = "failed"
            log.exception("backup: the job failed")
        if job.state == "failed" and job.kind == "backup":
            self._ground.emit("backup.failed", {"reason": str(job.error)})
        elif job.state == "failed":
            log.error("backup: %s", job.error)

    def _on_turn(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _tell_of_restore(self) -> None:
        """Let the restored databases know that they were: what asked for it stands in those that were moved aside."""
        plan = await asyncio.to_thread(tell_once, self._ground.data)
        if plan is not None:
            now_ns = self._ground.clock.monotonic_ns()
            self._ground.remember(Record(now_ns, "backup.restored", {"name": plan.source}, INTERNAL, "done", plan.aside, 0.0))
            self._ground.emit("backup.restored", {"file": plan.source, "aside": plan.aside})
            self._ground.notify(f"{plan.source} was restored; what stood there before is in {plan.aside}")

    async def _look(self) -> None:
        """Make a backup when one is due, and delete the oldest of its kind."""
        now_ns = self._ground.clock.monotonic_ns()
        backups = [one for one in await self.all() if one.origin is Origin.AUTO]
        last = _last(backups, self._made_here)
        ran_s = self._ran(last.number, now_ns)
        await self._keep_time()
        wall_ns, quality = self._ground.clock.wall_ns()
        up_s = (now_ns - self._started_ns) / NS
        is_resting = self._failed_ns is not None and now_ns - self._failed_ns < RETRY_S * NS
        wall_ns = None if quality is Quality.UNSET else wall_ns
        if is_resting or not is_due(self._section.every, last, up_s=up_s, ran_s=ran_s, wall_ns=wall_ns):
            return
        try:
            job = self.begin(with_history=self._section.history, origin=Origin.AUTO)
        except Refused:  # somebody makes one just now; the next look comes in a minute
            return
        if job.task is not None:
            await asyncio.gather(job.task, return_exceptions=True)
        if job.state == "done" and job.name is not None:
            self._failed_ns = None
            self._made_here = self.shelf.get(job.name).number
            self._ran(self._made_here, now_ns)
            for name in await asyncio.to_thread(self.shelf.rotate, self._section.keep):
                self._ground.emit("backup.removed", {"file": name})
        elif job.state == "failed":
            self._failed_ns = now_ns
            self._ground.notify(f"The scheduled backup failed: {job.error}")

    def _ran(self, number: int, now_ns: int) -> float:
        """Give how long the gateway has been running since the backup with this number was made."""
        passed_s = (now_ns - self._mark_ns) / NS
        self._mark_ns = now_ns
        if number != self._ran_of:
            self._ran_of, self._ran_s, self._kept_s = number, 0.0, -KEEP_EVERY_S
        else:
            self._ran_s += passed_s
        return self._ran_s

    async def _keep_time(self, at_least_s: float = KEEP_EVERY_S) -> None:
        if self._ran_s - self._kept_s >= at_least_s:
            self._kept_s = self._ran_s
            try:
                await self._store.set("ran", {"number": self._ran_of, "ran_s": round(self._ran_s)})
            except StorageError as error:
                log.warning("backup: the running time is not kept: %s", error)


def _last(backups: list[Backup], made_here: int) -> Last:
    if not backups:
        return Last()
    newest = backups[0]
    return Last(newest.number, wall_of(newest.about.created), made_here == newest.number)


def wall_of(created: Created) -> int | None:
    """Give when a backup was made in nanoseconds since 1970, None when nobody knew."""
    if created.wall is None:
        return None
    try:
        return round(datetime.fromisoformat(created.wall).timestamp() * NS)
    except (ValueError, OverflowError):
        return None


def job_view(job: Job) -> dict[str, Any]:
    """Give a job as JSON."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "step": job.work.step,
        "progress": round(job.share, 3),
        "backup": job.name,
        "error": job.error,
        "code": job.code,
        "skipped": job.plan.skipped if job.plan is not None else [],
    }


def backup_view(one: Backup) -> dict[str, Any]:
    """Give a backup of the list as JSON."""
    about: dict[str, Any] = msgspec.to_builtins(one.about)
    return {"name": one.name, "origin": one.origin.value, "number": one.number, **about}


async def _written(pieces: AsyncIterator[bytes], fresh: Path) -> int:
    """Write what comes into a new file, as far as the disk and the limit allow; gives its size."""
    disk = os.statvfs(fresh.parent)
    room = min(LARGEST_UPLOAD, disk.f_bavail * disk.f_frsize - MARGIN)
    size = 0
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=PIECE) as out:
        async for piece in pieces:
            size += len(piece)
            if size > room:
                raise InvalidData(f"the file is larger than the {max(0, room) // 1_000_000} MB that there is room for")
            await asyncio.to_thread(out.write, piece)
        await asyncio.to_thread(out.flush)
        await asyncio.to_thread(os.fsync, out.fileno())
    return size


def _head(file: Path) -> bytes:
    with file.open("rb") as source:
        return source.read(len(MAGIC))

"""The history as the rest of the gateway sees it: it takes every report, writes it in time, keeps the file small, and answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pony.orm import PrimaryKey, Required

from autocore.core.clock import NS, Clock, Timeline
from autocore.core.config.sections import HistorySection
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.storage.damage import PARTS, Finding, damage_of, is_damage, set_aside
from autocore.core.storage.database import Database
from autocore.history.downsample import Point
from autocore.history.judging import damage_in_use
from autocore.history.past import Past
from autocore.history.recorder import Piece, Recorder, batch_of
from autocore.history.rolling import Rolling
from autocore.history.salvage import names_in, salvage
from autocore.history.shelf import Losses
from autocore.history.upkeep import BYTES_PER_READING, Budget, Upkeep

MIGRATIONS = Path(__file__).parent / "migrations"
CHECK_S = 2.0  # looked through for so long after a crash; half a gigabyte takes longer on a card, and the web waits
JUDGE_S = 5.0  # between two looks at a file that may be damaged
CONFIRM_S = 60.0
UNREADABLE_S = 60.0  # a place of the disk that does not come back in this time is lost
TURN_S = 1.0  # decisions.md: a batch that holds QoS 1 is on disk within a second

log = logging.getLogger("autocore.history")


def define(db: Any) -> None:
    """Declare the entity of history.db that Pony maps; the other tables are written in batches, by their columns."""

    class Series(db.Entity):  # type: ignore[misc]
        _table_ = "series"
        number = PrimaryKey(int, size=64)
        entity = Required(str, unique=True)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The devices that wait for what they sent to be on disk.

    Args:
        begin_commit: called before a flush; what it gives is called after the rows are on disk (it acknowledges the
            devices' messages).
        is_awaited: says whether a device waits for that.
    """

    begin_commit: Callable[[], Callable[[], None]]
    is_awaited: Callable[[], bool]


NOBODY = Waiting(lambda: lambda: None, lambda: False)


class History:
    """Takes every report of every entity, and answers what was.

    Args:
        clock: times the flushes.
        folder: the data folder.
        timeline: dates the rows.
        boot: the present start of the gateway.
        section: `history` of the configuration.
        waiting: the devices that wait for their readings to be on disk.
        tell: told what became of a damaged file.
    """

    def __init__(
        self,
        clock: Clock,
        folder: Path,
        timeline: Timeline,
        *,
        boot: int,
        section: HistorySection,
        waiting: Waiting = NOBODY,
        tell: Callable[[Finding], object] = lambda _finding: None,
    ) -> None:
        budget = Budget(section.quota)
        self.database = Database("history", folder / "history.db", pragmas=budget.pragmas)
        self.rows_written = 0
        self.flushes = 0
        self.is_failing = False
        self.boot = boot
        self.now_ns = clock.monotonic_ns
        self.losses = Losses()
        self.recorder = Recorder(section.record, boot, budget.most_in_span)
        self._rolling = Rolling()
        self.upkeep = Upkeep(self.database, self.recorder, budget, self.losses)
        self.past = Past(clock, timeline, boot, self.database, self.recorder, self._rolling, self.losses)
        self.record = self.recorder.record
        """Takes one report; listens to every entity."""
        self._clock = clock
        self._flush_ns = round(section.flush_s * NS)
        self._devices = waiting
        self._flushed_ns = clock.monotonic_ns()
        self._tell = tell
        self._set_aside: list[Path] = []
        self._turn = asyncio.Lock()
        self._timer: Every | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._caring: asyncio.Task[None] | None = None
        self._judged_ns = -round(JUDGE_S * NS)
        self._unreadable_ns: int | None = None
        self._is_resting = False

    async def open(self, *, is_suspect: bool = False, is_new: bool = False) -> None:
        """Open and migrate the file; a damaged one is set aside, and a new one begins.

        Args:
            is_suspect: the gateway did not stop as it should, so the file is looked through.
            is_new: that there is none yet is as it should be.

        Raises:
            StorageError: it cannot be used for another reason.
        """
        file = self.database.file
        if not file.exists() and self.boot > 1 and not is_new:
            if any(file.with_name(file.name + part).exists() for part in PARTS):
                set_aside(file)  # a log without its database would be written over the new one
            sentence = "history.db is missing; a new one begins, and what was measured before is not in it"
            self._say("storage.damaged", {"file": file.name, "reason": "it is missing"}, sentence)
        reason = await asyncio.to_thread(damage_of, file, CHECK_S if is_suspect else 0.0)
        try:
            if reason is None:
                await self.database.open(MIGRATIONS, define)
                await self._resume()
                return
        except StorageError as error:
            if not is_damage(error):
                raise
            reason = str(error)
        await self._begin_anew(reason)

    async def _resume(self) -> None:
        shelf = self.upkeep.shelf
        self.recorder.resume(await self.database.run(lambda: shelf().series()))
        self.past.extents = await self.database.run(lambda: shelf().extents())

    async def _begin_anew(self, reason: str) -> None:
        """Set the file aside, begin a new one with the same series, and have it salvaged in the background."""

        def prepare() -> Path:
            return set_aside(self.database.file)

        aside = await self.database.reopen(prepare, MIGRATIONS, define)
        series = self.recorder.adopt(await asyncio.to_thread(names_in, aside))
        rows = [(number, entity) for entity, number in series.items()]
        await self.database.run(lambda: self.upkeep.shelf().name(rows))
        self._set_aside.append(aside)
        sentence = (
            f"history.db cannot be used: {reason}. A new one has begun, what can be read of the old one is put into it now, and"
            f" the damaged file is kept as {aside.name}"
        )
        self._say("storage.damaged", {"file": "history.db", "reason": reason}, sentence)

    def start(self) -> None:
        """Flush, and keep the file small, from now on."""
        self._is_resting = False
        self._timer = Every(self._clock, TURN_S, self._on_turn)

    async def rest(self) -> None:
        """Write what waits, and nothing more until `start`: reports wait in memory, and devices for their acknowledgement."""
        self._is_resting = True
        if self._timer is not None:
            self._timer.cancel()
        running = [task for task in (self._flushing, self._caring) if task is not None]
        if running:
            await asyncio.wait(running)
        await self.flush()

    async def close(self) -> None:
        """Write what waits and close the file."""
        await self.rest()
        await self.database.close()

    @property
    def waiting(self) -> int:
        """How many readings are not on disk yet."""
        return self.recorder.waiting

    @property
    def dropped(self) -> int:
        """Readings lost because the disk took none for too long."""
        return self.recorder.dropped

    async def flush(self) -> None:
        """Write what waits; when the disk does not take it, keep it and try again at the next flush."""
        async with self._turn:
            self._flushed_ns = self._clock.monotonic_ns()
            committed = self._devices.begin_commit()
            names, pieces = self.recorder.take()
            try:
                for piece in pieces:
                    await self.upkeep.make_room(len(piece.rows) * BYTES_PER_READING)
                    await self.database.run(partial(self._write, names, piece))
                    self.recorder.written(piece)
                    self.rows_written += len(piece.rows)
                    names = []
            except StorageError as error:
                self._fail(error)
                if is_damage(error):
                    self.past.damage = str(error)
                return
            self.flushes += bool(pieces)
            if self.is_failing:
                self.is_failing = False
                log.warning("history is written again; %d readings were dropped", self.dropped)
            committed()

    async def query(
        self, entity_id: str, *, from_ns: int | None = None, to_ns: int | None = None, points: int = 1_000
    ) -> list[Point]:
        """Give what an entity was between two wall times, as at most `points` points in order, no spike lost.

        Without times it is the last 24 hours. Rows of a boot whose clock was never trusted belong to the answer when
        that boot lies among those asked for.
        """
        return (await self.past.query(entity_id, from_ns=from_ns, to_ns=to_ns, points=points)).points

    def _on_turn(self) -> None:
        is_due = self._clock.monotonic_ns() - self._flushed_ns >= self._flush_ns
        loop = asyncio.get_running_loop()
        if _is_idle(self._flushing) and (self._devices.is_awaited() or (is_due and self.recorder.has_new)):
            self._flushing = loop.create_task(self.flush())
        elif _is_idle(self._caring) and (self.past.damage is not None or not self.is_failing):
            self._caring = loop.create_task(self._care())

    async def _care(self) -> None:
        try:
            if self.past.damage is not None:
                await self._judge(self.past.damage)
            await self._salvage()
            while not self._is_resting and (await self.upkeep.move_old_rows() or await self.upkeep.finish_oldest()):
                pass
            await self.upkeep.make_room(0)
        except StorageError as error:
            if is_damage(error):
                self.past.damage = str(error)
            else:
                log.error("the history cannot be tidied and is tried again: %s", error)  # noqa: TRY400  # a sentence

    async def _judge(self, reason: str) -> None:
        """Begin anew when the file is damaged, and not when the disk only does not give it: to SQLite both are the same."""
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._judged_ns + JUDGE_S * NS:
            return
        self._judged_ns = now_ns
        found: str | None = reason
        try:
            found = await asyncio.to_thread(damage_in_use, self.database.file, CONFIRM_S)
        except StorageError as error:
            self._unreadable_ns = self._unreadable_ns or now_ns
            if now_ns - self._unreadable_ns < UNREADABLE_S * NS:
                log.warning("the history cannot be read and is looked at again: %s", error)
                return
        self._unreadable_ns, self.past.damage = None, None
        if found is None:
            log.warning("history.db is whole; what failed was the disk: %s", reason)
            return
        async with self._turn:
            await self._begin_anew(found)

    async def _salvage(self) -> None:
        while self._set_aside:
            aside = self._set_aside[0]
            found = await salvage(aside, self.database, self.upkeep.make_room)
            self._set_aside.pop(0)
            self.past.extents = await self.database.run(lambda: self.upkeep.shelf().extents())
            sentence = (
                f"of {aside.name} {found.readings} readings were kept in {found.rows} rows; {found.spoiled} rows made no sense,"
                f" and {found.gaps} places could not be read"
            )
            self._say("storage.salvaged", {"file": aside.name, "kept": found.rows, "lost": found.spoiled + found.gaps}, sentence)

    def _say(self, event: str, data: dict[str, object], sentence: str) -> None:
        log.warning("%s", sentence)
        self._tell(Finding(event, data, sentence))

    def _write(self, names: Sequence[tuple[int, str]], piece: Piece) -> None:
        batch = batch_of(piece.rows)
        self.upkeep.shelf().write(names, piece.span, self.boot, batch)
        self._rolling.add(piece.span, batch)

    def _fail(self, error: StorageError) -> None:
        self.recorder.give_back()
        if not self.is_failing:
            self.is_failing = True
            log.error("history cannot be written and waits in memory: %s", error)


def _is_idle(task: asyncio.Task[None] | None) -> bool:
    return task is None or task.done()

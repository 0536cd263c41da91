"""The audit: who did what, through what, from where, with what result. Appended, on disk within a second, never changed here.

Each row is signed upon the one before (`autocore.audit`); the oldest go by number and age, behind a checkpoint that says so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autocore.audit import files
from autocore.audit.chain import Kind, Link, Reason, key_id
from autocore.audit.export import Exported
from autocore.audit.masking import MASKED, masked
from autocore.audit.opening import Checkpoint, Opening, decide
from autocore.audit.question import Question, exported, row_of
from autocore.audit.retention import Keep, too_many
from autocore.audit.table import (
    LARGEST_SEQ,
    add,
    checkpoint_row,
    known_words,
    newest_of,
    remove_oldest,
    standing_of,
    take_unsigned,
)
from autocore.audit.verdict import Verdict
from autocore.audit.verify import verify_folder
from autocore.core.clock import NS, Clock, Sequence
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.services import Record
from autocore.core.storage.database import Database
from autocore.damage import Damages

__all__ = ["MASKED", "Audit", "Place", "masked"]

TURN_S = 0.5  # decisions.md: relay actuations are durable within a second
HEAD_NS = 5 * NS  # between two writings of the head: each is a new file, half as much again as the rows of a batch
TIDY_NS = 3600 * NS  # between two looks at how old the oldest rows are
TIDY_ROWS = 500  # the same by what was written
MOST_WAITING = 20_000
PAGE = 50  # rows read at once for a download: others wait for the reader too, and one that does not read on keeps them
MOST_KNOWN = 200
REST_S = 0.002  # after 1 000 rows that were checked: the loop has its turn

KEEP = Keep(50_000, 400)
EVERYTHING = Question()

log = logging.getLogger("autocore.audit")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the audit is written, and how long it is kept.

    Args:
        folder: the data folder, where its key and its head lie.
        damages: keeps what cannot be used.
        keep: how much stays.
        explained: says, in a thread, what the gateway did to the database before this start; None when nothing.
    """

    folder: Path
    damages: Damages = field(default_factory=Damages)
    keep: Keep = KEEP
    explained: Callable[[], Reason | None] = lambda: None


class Audit:
    """Takes records at once and writes them, signed, in batches."""

    def __init__(self, database: Database, clock: Clock, sequence: Sequence, boot: int, place: Place) -> None:
        self.dropped = 0
        self._database = database
        self._clock = clock
        self._sequence = sequence
        self._boot = boot
        self._place = place
        self._rows: list[tuple[Any, ...]] = []
        self._first_seq = sequence.next()  # of the checkpoint that may have to stand before every row of this start
        self._key = b""
        self._opening: Opening | None = None
        self._link: Link | None = None
        self._head = Link()
        self._head_ns = self._tidied_ns = 0
        self._tidied_at = 0
        self._wants_tidying = True
        self._has_failed = self._has_head_failed = self._is_unsure = False
        self._listeners: list[Callable[[Checkpoint], object]] = []
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._verifying = asyncio.Lock()

    @property
    def is_failing(self) -> bool:
        """Whether the disk refused what was written last."""
        return self._has_failed or self._has_head_failed

    async def start(self) -> None:
        """Go on with the chain, and write from now on; a disk that takes nothing keeps nobody from starting."""
        await self._in_turn()
        self._timer = Every(self._clock, TURN_S, self._on_turn)

    async def close(self) -> None:
        """Write what waits, and the head."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task
        await self._in_turn(with_head=True)

    def on_loss(self, tell: Callable[[Checkpoint], object]) -> None:
        """Have `tell` hear when rows are missing at the start, also when that was found already."""
        self._listeners.append(tell)
        if self._link is not None and self._opening is not None and self._opening.checkpoint is not None:
            self._tell(self._opening.checkpoint)

    def remember(self, record: Record) -> None:
        """Take one record; secrets in its data are masked."""
        if len(self._rows) >= MOST_WAITING:
            self.dropped += 1
            return
        cause = record.caller.cause
        self._rows.append(
            (
                self._sequence.next(),
                self._boot,
                record.at_ns,
                _clean(cause.who),
                _clean(cause.via),
                _clean(cause.address or ""),
                _clean(record.service),
                json.dumps(masked(record.data), default=str),
                _clean(record.outcome),
                _clean(record.detail),
                float(record.latency_s),
                Kind.ACT.value,
            )
        )

    async def flush(self) -> None:
        """Write what waits; when the disk does not take it, keep it for the next time."""
        await self._in_turn()

    async def find(self, question: Question = EVERYTHING, limit: int = 100) -> list[dict[str, Any]]:
        """Give at most `limit` rows, the newest first."""
        await self.flush()
        rows = [row_of(one.fields) for one in await self._exported(question, limit)]
        return rows if question.after is None else rows[::-1]

    async def known(self) -> dict[str, list[str]]:
        """Give who, which ways and which results there are, for people who choose: the first `MOST_KNOWN` of each."""
        db = self._database.pony

        def work() -> dict[str, list[str]]:
            return {name: known_words(db.get_connection(), name, MOST_KNOWN) for name in ("who", "via", "outcome")}

        return await self._database.read(work)

    async def every(self, question: Question) -> AsyncIterator[list[Exported]]:
        """Give every row there is, the oldest first, a page at a time: a download holds little in memory."""
        await self.flush()
        last = LARGEST_SEQ if self._link is None else self._link.seq + 1
        question = replace(question, before=last, after=-1)
        while found := await self._exported(question, PAGE):
            yield found
            question = replace(question, after=found[-1].seq)

    async def verify(self) -> Verdict:
        """Look at the whole chain, in a thread of its own; whoever asks meanwhile waits for the turn.

        Raises:
            StorageError: the database cannot be read.
        """
        async with self._verifying:
            await self._in_turn(with_head=True)
            return await asyncio.to_thread(verify_folder, self._place.folder, lambda: time.sleep(REST_S))

    @property
    def key(self) -> bytes:
        """The key of the chain, for the seal of an export; raises StorageError while there is none."""
        if not self._key:
            raise StorageError("the audit has no key yet, because the disk takes no writes; make room on it")
        return self._key

    async def _exported(self, question: Question, limit: int) -> list[Exported]:
        db = self._database.pony
        return await self._database.read(lambda: exported(db.get_connection(), question, limit))

    async def _in_turn(self, *, with_head: bool = False) -> None:
        """Write what waits, and the head; whoever asks for rows waits for those that another is writing.

        Whoever waits may give up, e.g. a download whose connection is closed: the writing goes on, or two would write at once.
        """

        async def work() -> None:
            async with self._turn:
                await self._write()
                if with_head:
                    await self._write_head()

        task = asyncio.get_running_loop().create_task(work())
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        await asyncio.shield(task)

    async def _write(self) -> None:
        rows, self._rows = self._rows, []
        is_tidying = self._is_untidy()
        try:
            if self._opening is None:
                self._opening = await self._open()
            if rows or self._link is None or is_tidying:
                opening, seq = self._opening, self._sequence.next() if is_tidying else 0
                link, is_more = await self._database.run(lambda: self._commit(opening, rows, seq))
                if is_tidying:
                    self._tidied_ns, self._tidied_at, self._wants_tidying = self._clock.monotonic_ns(), link.number, is_more
                is_first, self._link = self._link is None, link
                if is_first:
                    await self._opened(opening)
        except (StorageError, OSError) as error:
            self._rows, self._is_unsure = rows + self._rows, True
            if not self._has_failed:
                log.error("the audit cannot be written and waits in memory: %s", error)  # noqa: TRY400  # a sentence
            self._has_failed = True
            return
        self._has_failed = self._is_unsure = False
        if self._link is not None and self._link != self._head and self._clock.monotonic_ns() - self._head_ns >= HEAD_NS:
            await self._write_head()

    async def _open(self) -> Opening:
        """Look at the key, the head and the table, and say how to go on; makes a key where there is none."""
        folder, damages = self._place.folder, self._place.damages

        def look() -> tuple[files.Found, bytes, Reason | None]:
            found = files.look(folder)
            explained = self._place.explained()
            files.set_head_aside(folder, found, damages)
            return found, found.key or files.make_key(folder, found, damages), explained

        found, self._key, explained = await asyncio.to_thread(look)
        db = self._database.pony
        standing = await self._database.run(lambda: standing_of(db.get_connection(), self._first_seq))
        if found.head is not None:
            self._head = found.head.link
        return decide(self._key, found, standing, explained)

    async def _opened(self, opening: Opening) -> None:
        """The chain goes on: note the newest row, and tell people of what is missing."""
        if opening.checkpoint is not None:
            await self._write_head()
            self._tell(opening.checkpoint)
        await asyncio.to_thread(files.forget_copy, self._place.folder)

    def _commit(self, opening: Opening, rows: list[tuple[Any, ...]], seq: int) -> tuple[Link, bool]:
        """Write rows, behind the checkpoint of the start; `seq` is for a checkpoint of retention, 0 when nothing may go."""
        connection, now_ns = self._database.pony.get_connection(), self._clock.monotonic_ns()
        link = self._link
        if self._is_unsure and (newest := newest_of(connection)) is not None and newest.seq >= self._first_seq:
            link = newest  # what failed last may be there all the same: then only the word of it was lost
            rows = [row for row in rows if row[0] > newest.seq]
        if link is None:
            link = take_unsigned(connection, self._key, opening.before) if opening.takes_unsigned else opening.before
            if (first := opening.checkpoint) is not None:
                told = checkpoint_row(self._first_seq, self._boot, now_ns, first.kind, dict(first.data))
                link = add(connection, self._key, link, [told])
        if rows:
            link = add(connection, self._key, link, rows)
        amount = too_many(connection, self._place.keep, self._boot, now_ns) if seq else 0
        gone = remove_oldest(connection, amount) if amount else None
        if gone is not None:
            told = checkpoint_row(seq, self._boot, now_ns, Kind.REMOVED, gone | {"key": key_id(self._key)})
            link = add(connection, self._key, link, [told])
        return link, gone is not None  # there may be more

    async def _write_head(self) -> None:
        link = self._link
        if link is None or link == self._head:
            return
        try:
            await asyncio.to_thread(files.write_head, self._place.folder, self._key, link)
        except OSError as error:
            if not self._has_head_failed:
                log.error("%s cannot be written: %s", files.HEAD, error)  # noqa: TRY400  # a sentence
            self._has_head_failed = True
        else:
            self._head, self._has_head_failed = link, False
        self._head_ns = self._clock.monotonic_ns()

    def _is_untidy(self) -> bool:
        is_long_ago = self._clock.monotonic_ns() - self._tidied_ns >= TIDY_NS
        return self._wants_tidying or is_long_ago or (self._link or Link()).number - self._tidied_at >= TIDY_ROWS

    def _tell(self, checkpoint: Checkpoint) -> None:
        if checkpoint.is_loss:
            for tell in self._listeners:
                tell(checkpoint)

    def _on_turn(self) -> None:
        is_waiting = self._rows or self._link != self._head or self._is_untidy()
        if is_waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self.flush())


def _clean(text: str) -> str:
    """Give a text that a database takes: half a letter, as in names of files that are no text, is written out."""
    return text.encode("utf-8", "backslashreplace").decode()

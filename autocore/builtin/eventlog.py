"""The event log: what happened, in the database, in the order of its sequence numbers, each class as long as it has room.

Rows are written in batches, at most every `FLUSH_S` seconds and at the stop; what the disk does not take is counted. The oldest
rows of a class go, a few at a time, once there are more than `KEPT` of it. Nothing goes because of its age: a clock can be wrong.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from autocore.builtin.eventlines import EventLines
from autocore.builtin.eventtypes import LEFT_OUT, EventClass, class_of, without_secrets
from autocore.core.bus import ALL, Bus, Event
from autocore.core.clock import Clock
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.storage.database import Database
from autocore.rows import facts_of, text_of

FLUSH_S = 5.0
KEPT: Mapping[str, int] = {"info": 10_000, "warning": 10_000, "error": 15_000, "security": 15_000}  # about 12 MB together
SLICE = 500  # rows deleted at once: a few milliseconds on an SD card
MOST_WAITING = 5_000
PAGE = 50  # rows read at once for a download: others wait for the reader too, and one that does not read on keeps them

log = logging.getLogger("autocore.events")


@dataclass(frozen=True, slots=True)
class Happened:
    """One row of the event log."""

    seq: int
    boot: int
    at_ns: int
    type: str
    data: Mapping[str, Any]
    via: str
    who: str
    kind: EventClass


@dataclass(frozen=True, slots=True)
class Question:
    """Which events are looked for.

    Args:
        types: what the type begins with, e.g. `device.`; empty for all.
        text: what stands somewhere in the data or the type, or names who did it; empty for all.
        kinds: the classes.
        from_ns: only those of this time (nanoseconds since 1970 UTC) or later; those whose time is not known are left out.
        to_ns: only those of this time or earlier.
        before: only those with a smaller sequence number: the cursor to older ones.
        after: only those with a larger one; the oldest of them are given.
    """

    types: str = ""
    text: str = ""
    kinds: Collection[str] = tuple(EventClass)
    from_ns: int | None = None
    to_ns: int | None = None
    before: int | None = None
    after: int | None = None


class EventLog:
    """Writes every event down and finds them again."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, boot: int) -> None:
        self.dropped = 0
        self.lines = EventLines(clock)
        self._database = database
        self._bus = bus
        self._clock = clock
        self._boot = boot
        self._waiting: list[tuple[Event, EventClass]] = []
        self._amounts: Counter[str] | None = None
        self.is_failing = False
        self._undo: Callable[[], None] = lambda: None
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Listen from now on."""
        self._undo = self._bus.on(ALL, self._on_event)
        self._timer = Every(self._clock, FLUSH_S, self._on_turn)

    async def stop(self) -> None:
        """Write what waits."""
        self._undo()
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task
        await self.flush()

    async def find(self, question: Question = Question(), limit: int = 100) -> list[Happened]:  # it is frozen
        """Give at most `limit` events, the newest first."""
        await self.flush()
        return await self._find(question, limit)

    async def _find(self, question: Question, limit: int) -> list[Happened]:
        sql, facts = _select(question, limit)
        db = self._database.pony

        def work() -> list[Happened]:
            rows = db.get_connection().execute(sql, facts).fetchall()
            return [
                Happened(seq, boot, at_ns, text_of(name), facts_of(data), text_of(via), text_of(who), _kind_of(kind))
                for seq, boot, at_ns, name, data, via, who, kind in rows
            ]

        found = await self._database.read(work)
        return found if question.after is None else found[::-1]

    async def every(self, question: Question) -> AsyncIterator[Happened]:
        """Give every event there is, the newest first, a page at a time: a download holds little in memory."""
        await self.flush()  # once: what happens meanwhile is newer, and a commit for each page would keep others waiting
        while found := await self._find(question, PAGE):
            for one in found:
                yield one
            question = replace(question, before=found[-1].seq)

    def _on_event(self, event: Event) -> None:
        if event.type in LEFT_OUT:
            return
        kind = class_of(event.type, event.data)
        self.lines.say(event, kind)
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.pop(0)
            self.dropped += 1
        self._waiting.append((event, kind))

    def _on_turn(self) -> None:
        self.lines.turn()
        if (self._waiting or self._has_too_many()) and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self.flush())

    def _has_too_many(self) -> bool:
        return self._amounts is not None and any(self._amounts[kind] > most for kind, most in KEPT.items())

    async def flush(self) -> None:
        """Write what waits, and delete the oldest beyond what each class keeps."""
        async with self._turn:  # whoever asks for events waits for those that another is writing
            await self._flush()

    async def _flush(self) -> None:
        if not self._waiting and not self._has_too_many():
            return
        waiting, self._waiting = self._waiting, []
        rows = [_row(event, kind, self._boot) for event, kind in waiting]
        try:
            self._amounts = await self._database.run(lambda: self._write(rows))
        except StorageError as error:
            self._amounts = None
            self._waiting = [*waiting, *self._waiting]
            too_many = max(0, len(self._waiting) - MOST_WAITING)
            del self._waiting[:too_many]
            self.dropped += too_many
            if not self.is_failing:
                log.error("the event log cannot be written and waits in memory: %s", error)  # noqa: TRY400  # a sentence
            self.is_failing = True
        else:
            self.is_failing = False

    def _write(self, rows: list[tuple[Any, ...]]) -> Counter[str]:
        """Add rows, delete the oldest of what there is too much of, and give how many each class has."""
        connection = self._database.pony.get_connection()
        amounts = self._amounts
        if amounts is None:
            amounts = Counter(dict(connection.execute("SELECT class, count(*) FROM event GROUP BY class").fetchall()))
        amounts = Counter(amounts)
        for row in rows:
            amounts[row[-1]] += connection.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount
        for kind, most in KEPT.items():
            too_many = min(amounts[kind] - most, SLICE)
            if too_many > 0:
                sql = "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE class = ? ORDER BY seq LIMIT ?)"
                amounts[kind] -= connection.execute(sql, (kind, too_many)).rowcount
        return amounts


def _kind_of(raw: bytes | None) -> EventClass:
    """Give the class in a row; one that a flipped bit has spoiled counts as information."""
    word = text_of(raw)
    return EventClass(word) if word in set(EventClass) else EventClass.INFO


def _row(event: Event, kind: EventClass, boot: int) -> tuple[Any, ...]:
    data = msgspec.json.encode(without_secrets(event.data)).decode()
    return (event.seq, boot, event.at_ns, event.type, data, event.cause.via, event.cause.who, kind.value)


def _select(question: Question, limit: int) -> tuple[str, dict[str, Any]]:
    """Give the SQL that answers a question, and what is put into it; no word of the question stands in the SQL itself."""
    claims = {
        "event.seq < :before": question.before,
        "event.seq > :after": question.after,
        "substr(event.type, 1, length(:types)) = :types": question.types or None,
        "instr(lower(data || ' ' || who || ' ' || event.type), lower(:text))": question.text or None,
        "at_ns + offset_ns >= :from_ns": question.from_ns,
        "at_ns + offset_ns <= :to_ns": question.to_ns,
    }
    wanted = [claim for claim, value in claims.items() if value is not None]
    # The plus keeps SQLite from the index of the classes: with several it would sort all that there is for every page.
    kept_off = "+" if len(question.kinds) > 1 else ""
    wanted.append(f"{kept_off}class IN ({', '.join(f':class{number}' for number in range(len(question.kinds)))})")
    order = "DESC" if question.after is None else "ASC"
    sql = (
        "SELECT event.seq, event.boot, at_ns, CAST(event.type AS BLOB), CAST(data AS BLOB), CAST(via AS BLOB),"  # noqa: S608  # ours
        " CAST(who AS BLOB), CAST(class AS BLOB) FROM event"
        f" LEFT JOIN boot ON boot.number = event.boot WHERE {' AND '.join(wanted)} ORDER BY event.seq {order} LIMIT :limit"
    )
    facts = {name: getattr(question, name) for name in ("before", "after", "from_ns", "to_ns")}
    facts |= {"text": question.text, "types": question.types, "limit": limit}
    return sql, facts | {f"class{number}": str(kind) for number, kind in enumerate(question.kinds)}

"""The event log: what happened, in the database, in the order of its sequence numbers; the newest `KEPT` stay.

Rows are written in batches, at most every `FLUSH_S` seconds and at the stop; what the disk does not take is counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pony import orm

from autocore.core.bus import ALL, Bus, Event
from autocore.core.clock import Clock
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.storage.database import Database

FLUSH_S = 5.0
KEPT = 20_000
MOST_WAITING = 5_000
LEFT_OUT = frozenset({"entity.added", "entity.released", "entity.removed", "device.ack"})
"""Events that every start or every command makes: the registry, the history and the audit log have them."""

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


class EventLog:
    """Writes every event down and finds them again."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, boot: int) -> None:
        self.dropped = 0
        self._database = database
        self._bus = bus
        self._clock = clock
        self._boot = boot
        self._waiting: list[Event] = []
        self._undo: Callable[[], None] = lambda: None
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None

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
        await self._flush()

    async def find(self, *, types: str = "", text: str = "", before: int | None = None, limit: int = 100) -> list[Happened]:
        """Give the newest events first.

        Args:
            types: what the type begins with, e.g. `device.`; empty for all.
            text: what stands somewhere in the data or names who did it; empty for all.
            before: only those with a smaller sequence number: the cursor.
            limit: at most so many.
        """
        await self._flush()
        db = self._database.pony

        def work() -> list[Happened]:
            rows = db.EventRow.select()
            if before is not None:
                rows = rows.filter(lambda row: row.seq < before)
            if types:
                rows = rows.filter(lambda row: row.type.startswith(types))
            if text:
                rows = rows.filter(lambda row: text in row.data or text in row.who or text in row.type)
            newest = rows.order_by(lambda row: orm.desc(row.seq)).limit(limit)
            return [
                Happened(row.seq, row.boot, row.at_ns, row.type, msgspec.json.decode(row.data), row.via, row.who)
                for row in newest
            ]

        return await self._database.read(work)

    def _on_event(self, event: Event) -> None:
        if event.type in LEFT_OUT:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.pop(0)
            self.dropped += 1
        self._waiting.append(event)

    def _on_turn(self) -> None:
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        if not self._waiting:
            return
        events, self._waiting = self._waiting, []
        db = self._database.pony
        rows = [
            (one.seq, self._boot, one.at_ns, one.type, msgspec.json.encode(one.data).decode(), one.cause.via, one.cause.who)
            for one in events
        ]

        def work() -> None:
            connection = db.get_connection()
            connection.executemany("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute(
                "DELETE FROM event WHERE seq <= (SELECT seq FROM event ORDER BY seq DESC LIMIT 1 OFFSET ?)", (KEPT,)
            )

        try:
            await self._database.run(work)
        except StorageError as error:
            self._waiting = [*events, *self._waiting]
            too_many = max(0, len(self._waiting) - MOST_WAITING)
            del self._waiting[:too_many]
            self.dropped += too_many
            log.error("the event log cannot be written and waits in memory: %s", error)  # noqa: TRY400  # a sentence

"""The audit: who did what, through what, from where, with what result. Appended, on disk within a second, never changed here."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

from autocore.builtin.columns import facts_of, text_of
from autocore.core.clock import Clock, Sequence
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.core.services import Record
from autocore.core.storage.database import Database

TURN_S = 0.5  # decisions.md: relay actuations are durable within a second
MOST_WAITING = 20_000
MASKED = frozenset({"pin", "password", "token", "secret", "code"})

LARGEST_SEQ = (1 << 63) - 1
NUMBERS = ("seq", "boot", "at_ns", "latency_s")
TEXTS = ("who", "via", "address", "service", "outcome", "detail")
NEWEST = (
    f"SELECT {', '.join((*NUMBERS, *(f'CAST({name} AS BLOB)' for name in (*TEXTS, 'data'))))}"  # noqa: S608  # the names above
    " FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?"
)

log = logging.getLogger("autocore.audit")


class Audit:
    """Takes records at once and writes them in batches."""

    def __init__(self, database: Database, clock: Clock, sequence: Sequence, boot: int) -> None:
        self.dropped = 0
        self.is_failing = False
        self._database = database
        self._clock = clock
        self._sequence = sequence
        self._boot = boot
        self._rows: list[tuple[Any, ...]] = []
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Write from now on."""
        self._timer = Every(self._clock, TURN_S, self._on_turn)

    async def close(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task
        await self.flush()

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
                cause.who,
                cause.via,
                cause.address or "",
                record.service,
                json.dumps(masked(record.data), default=str),
                record.outcome,
                record.detail,
                record.latency_s,
            )
        )

    async def flush(self) -> None:
        """Write what waits; when the disk does not take it, keep it for the next time."""
        async with self._turn:  # whoever asks for rows waits for those that another is writing
            await self._write()

    async def _write(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        db = self._database.pony
        sql = f"INSERT INTO audit VALUES ({', '.join('?' * len(rows[0]))})"  # noqa: S608  # only question marks are put in
        try:
            await self._database.run(lambda: db.get_connection().executemany(sql, rows))
        except StorageError as error:
            self._rows = rows + self._rows
            if not self.is_failing:
                log.error("the audit cannot be written and waits in memory: %s", error)  # noqa: TRY400  # a sentence
            self.is_failing = True
        else:
            self.is_failing = False

    async def rows(self, limit: int = 100, before: int | None = None) -> list[dict[str, Any]]:
        """Give the newest rows before the sequence number `before`, newest first."""
        await self.flush()
        db = self._database.pony

        def work() -> list[dict[str, Any]]:
            found = db.get_connection().execute(NEWEST, (LARGEST_SEQ if before is None else before, limit)).fetchall()
            return [_row_of(row) for row in found]

        return await self._database.read(work)

    def _on_turn(self) -> None:
        if self._rows and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self.flush())


def _row_of(row: tuple[Any, ...]) -> dict[str, Any]:
    texts = {name: text_of(raw) for name, raw in zip(TEXTS, row[len(NUMBERS) :], strict=False)}
    return dict(zip(NUMBERS, row, strict=False)) | texts | {"data": facts_of(row[-1])}


def masked(data: Mapping[str, Any], secrets: frozenset[str] = MASKED) -> dict[str, Any]:
    """Give `data` with every secret in it, as the names `secrets` say, replaced by `***`."""
    return {
        key: "***" if str(key).lower() in secrets else masked(value, secrets) if isinstance(value, Mapping) else value
        for key, value in data.items()
    }

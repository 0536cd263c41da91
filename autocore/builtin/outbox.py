"""Notices and who still waits for them, in state.db: look, hand over, delete when it was taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pony import orm

from autocore.core.clock import NS, Clock, Timeline
from autocore.core.model import Quality
from autocore.core.notices import Notice, Severity
from autocore.core.storage.database import Database

KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """A notice before it has a number."""

    source: str
    key: str
    severity: Severity
    title: str
    text: str
    at_ns: int


class Outbox:
    """Keeps the newest 1 000 notices.

    Args:
        database: state.db.
        timeline: dates them.
        clock: tells how old they are.
        boot: the present start of the gateway.
    """

    def __init__(self, database: Database, timeline: Timeline, clock: Clock, boot: int) -> None:
        self._database = database
        self._timeline = timeline
        self._clock = clock
        self._boot = boot

    async def add(self, told: Told, channels: Sequence[str]) -> int:
        """Keep a notice for these channels and give its number; the oldest beyond 1 000 go."""
        db = self._database.pony
        boot = self._boot

        def work() -> int:
            row = put(db, told, boot=boot, wall_ns=None, is_routed=True)
            for channel in channels:
                db.OutboxRow(channel=channel, notice=row.id)
            return int(row.id)

        return await self._database.run(work)

    async def count(self, notice: int, count: int) -> None:
        """Note that the same was said again."""
        db = self._database.pony

        def work() -> None:
            row = db.NoticeRow.get(id=notice)
            if row is not None:
                row.count = count

        await self._database.run(work)

    async def route(self, channels: Sequence[str], minimum: Severity) -> None:
        """Have the channels get what was told while the gateway was down."""
        db = self._database.pony

        def work() -> None:
            for row in db.NoticeRow.select(lambda row: not row.is_routed):
                row.is_routed = True
                if Severity(row.severity).rank >= minimum.rank:
                    for channel in channels:
                        db.OutboxRow(channel=channel, notice=row.id)

        await self._database.run(work)

    async def pending(self, channel: str, limit: int) -> list[Notice]:
        """Give what waits for a channel, oldest first."""
        db = self._database.pony

        def work() -> list[Notice]:
            wanted = orm.select(one.notice for one in db.OutboxRow if one.channel == channel).order_by(1)[:limit]
            return [self._notice(row) for row in db.NoticeRow.select(lambda row: row.id in wanted).order_by(db.NoticeRow.id)]

        return await self._database.run(work)

    async def delivered(self, channel: str, notices: Sequence[int]) -> None:
        """Forget that these wait for a channel."""
        db = self._database.pony

        def work() -> None:
            rows = [(channel, notice) for notice in notices]
            db.get_connection().executemany("DELETE FROM outbox WHERE channel = ? AND notice = ?", rows)

        await self._database.run(work)

    async def newest(self, limit: int) -> list[Notice]:
        """Give the newest notices, newest first."""
        db = self._database.pony

        def work() -> list[Notice]:
            return [self._notice(row) for row in db.NoticeRow.select().order_by(orm.desc(db.NoticeRow.id)).limit(limit)]

        return await self._database.run(work)

    async def waiting(self) -> dict[str, int]:
        """Give how many wait for each channel."""
        db = self._database.pony
        return await self._database.run(lambda: dict(orm.select((one.channel, orm.count(one.notice)) for one in db.OutboxRow)[:]))

    def unkept(self, told: Told, count: int) -> Notice:
        """Give a notice that has no number, because the disk did not take it yet."""
        return Notice(
            id=0,
            title=told.title,
            text=told.text,
            severity=told.severity,
            source=told.source,
            at=_iso(self._timeline.wall_ns(self._boot, told.at_ns)),
            age_s=(self._clock.monotonic_ns() - told.at_ns) / NS,
            count=count,
        )

    def _notice(self, row: Any) -> Notice:
        wall_ns = row.wall_ns if row.wall_ns is not None else self._timeline.wall_ns(row.boot, row.at_ns)
        now_ns, _ = self._clock.wall_ns()
        age_s: float | None = None
        if row.boot == self._boot:
            age_s = (self._clock.monotonic_ns() - row.at_ns) / NS
        elif wall_ns is not None and now_ns is not None:
            age_s = max(0.0, (now_ns - wall_ns) / NS)
        return Notice(
            id=row.id,
            title=row.title,
            text=row.text,
            severity=Severity(row.severity),
            source=row.source,
            at=_iso(wall_ns),
            age_s=age_s,
            count=row.count,
        )


def _iso(wall_ns: int | None) -> str | None:
    if wall_ns is None:
        return None
    return datetime.fromtimestamp(wall_ns / NS, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def put(db: Any, told: Told, *, boot: int, wall_ns: int | None, is_routed: bool) -> Any:
    """Add a notice inside a session, and let the oldest beyond 1 000 go."""
    row = db.NoticeRow(
        boot=boot,
        at_ns=told.at_ns,
        wall_ns=wall_ns,
        source=told.source,
        key=told.key,
        severity=told.severity.value,
        title=told.title,
        text=told.text,
        count=1,
        is_routed=is_routed,
    )
    orm.flush()
    connection = db.get_connection()
    connection.execute("DELETE FROM notice WHERE id <= ?", (row.id - KEPT,))
    connection.execute("DELETE FROM outbox WHERE notice <= ?", (row.id - KEPT,))
    return row


async def leave_note(database: Database, clock: Clock, told: Told) -> None:
    """Keep a notice for a gateway that is down: it hands it to its channels when it starts."""
    db = database.pony
    wall_ns, quality = clock.wall_ns()

    def work() -> None:
        boot = orm.max(one.number for one in db.Boot) or 0
        put(db, told, boot=boot, wall_ns=None if quality is Quality.UNSET else wall_ns, is_routed=False)

    await database.run(work)

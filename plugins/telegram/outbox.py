"""What waits for Telegram, on disk, in order, for each chat: kept before it is promised, forgotten when it was acknowledged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from autocore.api import Notice, PluginHost, Severity

T = TypeVar("T")

MOST_WAITING = 1_000  # of one chat
NOBODY = 0
"""The chat of messages that were written before any chat was paired; Telegram has no chat of this number."""
LONGEST_TEXT = 3_500  # so that title, time and header fit beside it into Telegram's 4 096
LONGEST_TITLE = 120
REMEMBERED = 200  # notices are handed over at most 100 at a time


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it has a number.

    Args:
        at: when it happened, ISO 8601 in UTC, None when nobody knows.
        at_ns: the same as monotonic time of this run of the plugin, None when that is not known either.
        count: how often the same was said.
    """

    title: str
    text: str
    severity: Severity
    source: str
    at: str | None
    at_ns: int | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that waits; `run` tells whether its `at_ns` belongs to the present run of the plugin."""

    id: int
    draft: Draft
    run: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be kept at once: one message for some chats; `digest` makes a second one of the same message none."""

    draft: Draft
    chats: tuple[int, ...]
    digest: str | None = None


class Outbox:
    """The messages that wait, by chat.

    Args:
        host: whose database it is.
        run: a word for this run of the plugin.
        on_change: is told after every change how many messages wait for each chat.
    """

    def __init__(self, host: PluginHost, run: str, on_change: Callable[[Mapping[int, int]], object]) -> None:
        self._host = host
        self._run = run
        self._on_change = on_change

    async def put(self, parcels: Sequence[Parcel]) -> None:
        """Keep messages: they are on disk when this returns. Beyond 1 000 of a chat the least important oldest go."""
        db = self._host.db.pony

        def work() -> None:
            for parcel in parcels:
                if parcel.digest is not None and not _is_first(db, parcel.digest):
                    continue
                for chat in parcel.chats:
                    _insert(db, chat, parcel.draft, self._run)
            for chat in {chat for parcel in parcels for chat in parcel.chats}:
                _bound(db, chat)

        await self._write(work)

    async def letters(self, chat: int, least: Severity = Severity.INFO) -> list[Letter]:
        """Give what waits for a chat and matters at least that much, oldest first."""
        db = self._host.db.pony
        rank = least.rank

        def work() -> list[Letter]:
            rows = db.Message.select(lambda row: row.chat == chat and row.rank >= rank).order_by(db.Message.id)
            return [_letter(row) for row in rows]

        return await self._host.db.run(work)

    async def lost(self, chat: int) -> int:
        """Give how many messages of a chat were dropped and not told of yet."""
        db = self._host.db.pony

        def work() -> int:
            row = db.Loss.get(chat=chat)
            return 0 if row is None else int(row.number)

        return await self._host.db.run(work)

    async def done(self, chat: int, letters: Sequence[int], told_lost: int = 0) -> None:
        """Forget messages that Telegram took (or never will), and `told_lost` losses that the chat was told of."""
        db = self._host.db.pony

        def work() -> None:
            connection = db.get_connection()
            deleted = connection.executemany("DELETE FROM message WHERE id = ?", [(one,) for one in letters]).rowcount
            # What was dropped while it was being sent arrived after all: it is no loss.
            arrived = len(letters) - deleted
            connection.execute("UPDATE loss SET number = number - ? WHERE chat = ?", (told_lost + arrived, chat))
            connection.execute("DELETE FROM loss WHERE number <= 0")

        await self._write(work)

    async def forget(self, chat: int) -> int:
        """Drop everything that waits for a chat, and give how much that was."""
        db = self._host.db.pony

        def work() -> int:
            connection = db.get_connection()
            connection.execute("DELETE FROM loss WHERE chat = ?", (chat,))
            return int(connection.execute("DELETE FROM message WHERE chat = ?", (chat,)).rowcount)

        return await self._write(work)

    async def adopt(self, chats: Mapping[int, Severity]) -> None:
        """Give what waited for nobody to these chats, each what matters at least that much to it."""
        db = self._host.db.pony

        def work() -> None:
            if not chats:
                return
            connection = db.get_connection()
            for chat, least in chats.items():
                connection.execute(
                    "INSERT INTO message (chat, title, text, severity, rank, source, at, at_ns, run, count)"
                    " SELECT ?, title, text, severity, rank, source, at, at_ns, run, count"
                    " FROM message WHERE chat = ? AND rank >= ? ORDER BY id",
                    (chat, NOBODY, least.rank),
                )
                connection.execute(
                    "INSERT OR REPLACE INTO loss (chat, number) SELECT ?, number FROM loss WHERE chat = ?", (chat, NOBODY)
                )
                _bound(db, chat)
            connection.execute("DELETE FROM message WHERE chat = ?", (NOBODY,))
            connection.execute("DELETE FROM loss WHERE chat = ?", (NOBODY,))

        await self._write(work)

    async def _write(self, work: Callable[[], T]) -> T:
        """Do `work`, and tell how many messages wait after it."""
        db = self._host.db.pony

        def counted() -> tuple[T, dict[int, int]]:
            answer = work()
            return answer, dict(db.get_connection().execute("SELECT chat, count(*) FROM message GROUP BY chat").fetchall())

        answer, waiting = await self._host.db.run(counted)
        self._on_change(waiting)
        return answer


def parcel_of(notice: Notice, chats: tuple[int, ...], now_ns: int) -> Parcel:
    """Give what is kept of a notice; `now_ns` is monotonic time."""
    at_ns = None if notice.age_s is None else now_ns - round(notice.age_s * 1e9)
    draft = draft_of(notice.text, notice.title, notice.severity, notice.source, at=notice.at, at_ns=at_ns, count=notice.count)
    told = "\0".join((str(notice.id), notice.source, notice.title, notice.text))
    return Parcel(draft, chats, hashlib.sha256(told.encode("utf-8", "replace")).hexdigest())


def draft_of(
    text: str, title: str, severity: Severity, source: str, *, at: str | None, at_ns: int | None, count: int = 1
) -> Draft:
    """Give a message whose parts are cut to what Telegram takes."""
    return Draft(cut(title, LONGEST_TITLE), cut(text, LONGEST_TEXT) or "…", severity, source or "gateway", at, at_ns, count)


def cut(text: str, most: int) -> str:
    """Give the beginning of `text`, at most `most` UTF-16 units long, which is how Telegram counts; halves of pairs go."""
    clean = text.encode("utf-16-le", "ignore").decode("utf-16-le").replace("\0", "").strip()
    if len(clean.encode("utf-16-le")) // 2 <= most:
        return clean
    return clean.encode("utf-16-le")[: 2 * (most - 1)].decode("utf-16-le", "ignore").rstrip() + "…"


def _is_first(db: Any, digest: str) -> bool:
    connection = db.get_connection()
    fresh = connection.execute("INSERT OR IGNORE INTO taken (digest) VALUES (?)", (digest,)).rowcount > 0
    connection.execute("DELETE FROM taken WHERE id <= (SELECT max(id) FROM taken) - ?", (REMEMBERED,))
    return bool(fresh)


def _insert(db: Any, chat: int, draft: Draft, run: str) -> None:
    db.get_connection().execute(
        "INSERT INTO message (chat, title, text, severity, rank, source, at, at_ns, run, count)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            chat,
            draft.title,
            draft.text,
            draft.severity.value,
            draft.severity.rank,
            draft.source,
            draft.at,
            draft.at_ns,
            run,
            draft.count,
        ),
    )


def _bound(db: Any, chat: int) -> None:
    connection = db.get_connection()
    (waiting,) = connection.execute("SELECT count(*) FROM message WHERE chat = ?", (chat,)).fetchone()
    excess = waiting - MOST_WAITING
    if excess <= 0:
        return
    connection.execute(
        "DELETE FROM message WHERE id IN (SELECT id FROM message WHERE chat = ? ORDER BY rank, id LIMIT ?)", (chat, excess)
    )
    connection.execute(
        "INSERT INTO loss (chat, number) VALUES (?, ?) ON CONFLICT (chat) DO UPDATE SET number = number + excluded.number",
        (chat, excess),
    )


def _letter(row: Any) -> Letter:
    draft = Draft(row.title, row.text, Severity(row.severity), row.source, row.at, row.at_ns, row.count)
    return Letter(row.id, draft, row.run)

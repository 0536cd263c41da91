"""Who may: users, their sessions and their API tokens. The command line uses it too, beside a running gateway.

A checked token is trusted for at most a second, so that what the command line or another page revokes is seen by then.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pony import orm

from autocore.auth import tokens
from autocore.auth.limiter import Limiter
from autocore.auth.passwords import check_password, hash_password, is_password
from autocore.core.clock import NS, Clock
from autocore.core.errors import InvalidData, NameTaken, NotAuthenticated, StorageError, TooManyAttempts, UnknownName
from autocore.core.model import Caller, Cause, Role
from autocore.core.names import nearest
from autocore.core.storage.database import Database

TRUSTED_NS = NS // 2  # decisions.md: changes beside a running gateway are seen within 1 s
TRUSTED_WITHOUT_DISK_NS = 600 * NS  # who was known stays known for so long while state.db cannot be read
CACHED = 1_000
NAME_CHARS = 64
HOUR_S = 3600
MOST_SESSIONS = 1_000  # beyond it the oldest end
NO_BOOT = 0  # the command line is no start of the gateway: what it makes ages by wall time


class OneTimeCode(Protocol):
    """Lets in who makes the first administrator."""

    def check(self, code: str) -> None:
        """Let the right code pass; raises NotAuthenticated."""

    def close(self) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class User:
    """A person."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in that holds; `token` is known only to whoever just logged in."""

    id: str
    user: str
    address: str
    boot: int
    started_ns: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token for a program; its text is known only to whoever just made it.

    Args:
        ends_ns: wall time at which it ends, None when it does not, or nobody knows the time.
        used: start and monotonic time of about the last use, to the day; None when it never was used.
    """

    id: str
    name: str
    user: str
    scopes: tuple[str, ...]
    text: str = ""
    ends_ns: int | None = None
    used: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was checked: who, in which role, limited to what, until when."""

    user: str
    role: Role
    scopes: frozenset[str] | None
    session: str
    checked_ns: int


class Accounts:
    """Users, sessions and API tokens in state.db.

    Args:
        database: state.db.
        clock: on which sessions age.
        boot: the present start of the gateway; 0 for the command line.
        key: signs the session tokens.
        session_s: how long a session lasts.
        setup: the one-time code for the first administrator.
    """

    def __init__(self, database: Database, clock: Clock, *, boot: int, key: bytes, session_s: int, setup: OneTimeCode) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot
        self._began_ns = clock.monotonic_ns()
        self._key = key
        self.session_s = session_s
        self._setup = setup
        self._limiter = Limiter(clock)
        self._checked: dict[str, _Known] = {}
        self._hashing = asyncio.Semaphore(1)  # one at a time: 19 MiB each, and a flood of log-ins must not take every core
        self._has_administrator = False

    async def has_administrator(self) -> bool:
        """Say whether anybody can administer the gateway; once true it is not asked of the disk again."""
        if not self._has_administrator:
            db = self._database.pony
            self._has_administrator = await self._database.read(lambda: db.User.exists(role="admin"))
        return self._has_administrator

    async def set_up(self, code: str, name: str, password: str, peer: str) -> None:
        """Make the first administrator.

        Raises:
            NotAuthenticated: the code is wrong or its time is over, or there is an administrator already.
            InvalidData: the name or the password will not do.
            TooManyAttempts: too many wrong codes.
        """
        if await self.has_administrator():
            raise NotAuthenticated("there is an administrator already; log in")
        self._limiter.check("setup", peer)
        try:
            self._setup.check(code)
        except NotAuthenticated:
            self._limiter.failed("setup", peer)
            raise
        await self.add_user(name, password, Role.ADMIN)
        self._setup.close()
        self._has_administrator = True

    async def log_in(self, name: str, password: str, peer: str) -> Session:
        """Begin a session; raises as `check_password`."""
        name = name.strip()
        await self.check_password(name, password, peer)
        return await self._begin_session(name, peer)

    async def check_password(self, name: str, password: str, peer: str) -> None:
        """Let a right password pass.

        Raises:
            NotAuthenticated: the name or the password is wrong; it does not say which.
            TooManyAttempts: too many wrong ones.
        """
        name = name.strip()  # Pony would, and find the user: the limiter must count for the same name
        try:
            await self._check(name, password, peer)
        except (NotAuthenticated, TooManyAttempts) as error:
            await self._turned_away(name, peer, error)
            raise

    async def _turned_away(self, name: str, peer: str, error: NotAuthenticated | TooManyAttempts) -> None:
        """Hear that somebody gave a wrong password, or has to wait."""

    async def _check(self, name: str, password: str, peer: str) -> None:
        self._limiter.check(name, peer)
        hashed = await self._database.read(lambda: getattr(self._find(name), "password", None))
        async with self._hashing:
            self._limiter.check(name, peer)  # again: those who asked at the same moment have failed meanwhile
            is_right = await asyncio.to_thread(is_password, password, hashed)
            if not is_right:
                self._limiter.failed(name, peer)
        if not is_right:
            raise NotAuthenticated("the name or the password is wrong")
        self._limiter.succeeded(name, peer)

    async def _begin_session(self, name: str, peer: str) -> Session:
        db = self._database.pony
        session_id = secrets.token_urlsafe(16)
        started_ns = self._clock.monotonic_ns()
        expires_wall_ns = self._wall_after(self.session_s)

        def keep() -> None:
            db.Session(
                id=session_id,
                user=name,
                boot=self._boot,
                started_ns=started_ns,
                lasts_s=self.session_s,
                expires_wall_ns=expires_wall_ns,
                address=peer,
            )
            too_many = db.Session.select().count() - MOST_SESSIONS
            for row in db.Session.select().order_by(lambda row: (row.boot, row.started_ns))[: max(0, too_many)]:
                row.delete()

        await self._database.run(keep)
        token = tokens.sign(self._key, tokens.SessionClaims(session_id, name))
        return Session(session_id, name, peer, self._boot, started_ns, token)

    async def authenticate(self, token: str, via: str, address: str) -> Caller:
        """Give who bears a session token or an API token.

        Raises:
            NotAuthenticated: nobody, or nobody any more.
        """
        known = self._checked.get(token)
        now = self._clock.monotonic_ns()
        if known is None or now - known.checked_ns > TRUSTED_NS:
            self._checked.pop(token, None)
            try:
                known = await self._look_up(token, now)
            except StorageError:  # a dying disk must not take the relays out of their owner's hands
                if known is None or now - known.checked_ns > TRUSTED_WITHOUT_DISK_NS:
                    raise
            if len(self._checked) >= CACHED:
                self._checked.clear()
            self._checked[token] = known
        is_person = not token.startswith(tokens.API_PREFIX)
        return Caller(Cause(via, known.user, address), known.role, known.scopes, known.session, is_person)

    async def end_session(self, session_id: str) -> None:
        """End a session; raises UnknownName when there is none with that id."""
        db = self._database.pony

        def work() -> bool:
            row = db.Session.get(id=session_id)
            if row is not None:
                row.delete()
            return row is not None

        if not await self._database.run(work):
            raise UnknownName("session", session_id)
        self._checked.clear()

    async def sessions(self, user: str | None = None) -> list[Session]:
        """Give the sessions of a user, or all, newest first; those that are surely over are deleted on the way."""
        db = self._database.pony

        def work() -> list[Session]:
            rows = db.Session.select()[:] if user is None else db.Session.select(lambda row: row.user == user)[:]
            alive = []
            for row in rows:
                if self._is_surely_over(row.boot, row.started_ns, row.lasts_s):
                    row.delete()
                else:
                    alive.append(Session(row.id, row.user, row.address, row.boot, row.started_ns))
            return sorted(alive, key=lambda one: (one.boot, one.started_ns), reverse=True)

        return await self._database.run(work)

    async def add_token(self, name: str, user: str, scopes: Sequence[str] = (), lasts_s: int | None = None) -> ApiToken:
        """Make an API token; its text is in the answer and nowhere else.

        Raises:
            UnknownName: no such user.
            InvalidData: the name is empty or too long, or a scope is not like `read:*` or `services:switch.*`.
        """
        _check_name(name, "name")
        for scope in scopes:
            if ":" not in scope:
                raise InvalidData(f"a scope is like read:* or services:switch.*, not {scope!r}", field="scope")
        text, kept = tokens.new_api_token()
        token_id = secrets.token_hex(6)
        db = self._database.pony
        created_ns = self._clock.monotonic_ns()
        expires_wall_ns = None if lasts_s is None else self._wall_after(lasts_s)

        def work() -> None:
            self._user(user)
            db.ApiToken(
                id=token_id,
                name=name,
                user=user,
                digest=kept,
                scopes=json.dumps(list(scopes)),
                boot=self._boot,
                created_ns=created_ns,
                lasts_s=lasts_s,
                expires_wall_ns=expires_wall_ns,
            )

        await self._database.run(work)
        return ApiToken(token_id, name, user, tuple(scopes), text)

    async def tokens(self, user: str | None = None) -> list[ApiToken]:
        """Give the API tokens of a user, or all, by name."""
        db = self._database.pony

        def work() -> list[ApiToken]:
            rows = db.ApiToken.select()[:] if user is None else db.ApiToken.select(lambda row: row.user == user)[:]
            return sorted((self._token(row) for row in rows), key=lambda one: (one.name, one.id))

        return await self._database.read(work)

    async def remove_token(self, token_id: str) -> None:
        """Revoke an API token; raises UnknownName when there is none with that id."""
        db = self._database.pony

        def work() -> bool:
            row = db.ApiToken.get(id=token_id)
            if row is not None:
                row.delete()
            return row is not None

        if not await self._database.run(work):
            raise UnknownName("token", token_id)
        self._checked.clear()

    async def add_user(self, name: str, password: str, role: Role) -> None:
        """Make a user.

        Raises:
            InvalidData: the name or the password will not do.
            NameTaken: there is a user of that name.
        """
        _check_name(name, "username")
        check_password(password, name)
        async with self._hashing:
            hashed = await asyncio.to_thread(hash_password, password)
        db = self._database.pony
        created_ns = self._clock.monotonic_ns()

        def work() -> None:
            if db.User.exists(name=name):
                raise NameTaken(f"there is a user {name} already; choose another name")
            db.User(name=name, role=role.name.lower(), password=hashed, boot=self._boot, created_ns=created_ns)

        await self._database.run(work)

    async def users(self) -> list[User]:
        """Give all users, sorted by name."""
        db = self._database.pony
        rows = await self._database.read(lambda: [(row.name, row.role) for row in db.User.select()])
        return [User(name, Role.parse(role)) for name, role in sorted(rows)]

    async def set_role(self, name: str, role: Role) -> None:
        """Give a user another role.

        Raises:
            UnknownName: no such user.
            InvalidData: it is the last administrator.
        """

        def work() -> None:
            row = self._user(name)
            if role is not Role.ADMIN:
                self._check_not_last(row, "role")
            row.role = role.name.lower()

        await self._database.run(work)
        self._checked.clear()

    async def set_password(self, name: str, password: str, *, keep: str | None = None) -> None:
        """Give a user another password and end the user's sessions, but for `keep`; raises UnknownName or InvalidData."""
        check_password(password, name)
        async with self._hashing:
            hashed = await asyncio.to_thread(hash_password, password)
        db = self._database.pony

        def work() -> None:
            self._user(name).password = hashed
            db.Session.select(lambda row: row.user == name and row.id != (keep or "")).delete()

        await self._database.run(work)
        self._checked.clear()

    async def remove_user(self, name: str) -> None:
        """Remove a user with all sessions and tokens.

        Raises:
            UnknownName: no such user.
            InvalidData: it is the last administrator.
        """
        db = self._database.pony

        def work() -> None:
            row = self._user(name)
            self._check_not_last(row, "username")
            db.Session.select(lambda one: one.user == name).delete()
            db.ApiToken.select(lambda one: one.user == name).delete()
            row.delete()

        await self._database.run(work)
        self._checked.clear()

    def _check_not_last(self, row: Any, field: str) -> None:
        if row.role == "admin" and self._database.pony.User.select(lambda one: one.role == "admin").count() == 1:
            raise InvalidData("this is the last administrator; make another one first", field=field)

    def _token(self, row: Any) -> ApiToken:
        ends_ns = row.lasts_s and self._until_ns(row.boot, row.created_ns, row.lasts_s, row.expires_wall_ns)
        used = None if row.used_boot is None else (row.used_boot, row.used_ns)
        return ApiToken(row.id, row.name, row.user, tuple(json.loads(row.scopes or "[]")), ends_ns=ends_ns, used=used)

    def _find(self, name: str) -> Any:
        return self._database.pony.User.get(name=name) if name.strip() else None  # Pony raises for an empty key

    def _user(self, name: str) -> Any:
        row, db = self._find(name), self._database.pony
        if row is None:
            raise UnknownName("user", name, nearest(name, orm.select(one.name for one in db.User)[:]))
        return row

    async def _look_up(self, token: str, now_ns: int) -> _Known:
        db = self._database.pony
        if token.startswith(tokens.API_PREFIX):
            kept = tokens.digest(token)
            found = await self._database.read(lambda: self._token_row(db.ApiToken.get(digest=kept)))
        else:
            session_id = tokens.read(self._key, token).session
            found = await self._database.read(lambda: self._session_row(db.Session.get(id=session_id)))
        user, role, scopes, session = found
        return _Known(user, Role.parse(role), frozenset(scopes) or None, session, now_ns)

    def _token_row(self, row: Any) -> tuple[str, str, list[str], str]:
        if row is None or (row.lasts_s and self._is_over(row.boot, row.created_ns, row.lasts_s, row.expires_wall_ns)):
            raise NotAuthenticated("this token is unknown, revoked or too old; make another one")
        return row.user, self._user(row.user).role, json.loads(row.scopes or "[]"), row.id

    def _session_row(self, row: Any) -> tuple[str, str, list[str], str]:
        if row is None or self._is_over(row.boot, row.started_ns, row.lasts_s, row.expires_wall_ns):
            raise NotAuthenticated("the session is over; log in again")
        return row.user, self._user(row.user).role, [], row.id

    def _is_over(self, boot: int, started_ns: int, lasts_s: int, expires_wall_ns: int | None) -> bool:
        is_surely_over = self._is_surely_over(boot, started_ns, lasts_s)
        if is_surely_over or boot == self._boot:
            return is_surely_over
        wall_ns, _ = self._clock.wall_ns()
        until_ns = self._until_ns(boot, started_ns, lasts_s, expires_wall_ns)
        return wall_ns is not None and until_ns is not None and wall_ns > until_ns

    def _until_ns(self, boot: int, started_ns: int, lasts_s: int, expires_wall_ns: int | None) -> int | None:
        began_ns = self._dated(boot, started_ns)
        return expires_wall_ns if began_ns is None else began_ns + lasts_s * NS

    def _is_surely_over(self, boot: int, started_ns: int, lasts_s: int) -> bool:
        """Say whether it is over by the monotonic clock of this start, which nothing sets: a clock that jumps logs nobody out.

        What began in an earlier start has lasted at least as long as this one. The command line (start 0) may have made it now.
        """
        since_ns = started_ns if boot == self._boot else self._began_ns
        return boot != NO_BOOT and self._clock.monotonic_ns() - since_ns > lasts_s * NS

    def _dated(self, boot: int, monotonic_ns: int) -> int | None:
        """Give the wall time of a moment of an earlier start as it is known today; None where it is not."""
        del boot, monotonic_ns
        return None

    def _wall_after(self, seconds: int) -> int | None:
        wall_ns, _ = self._clock.wall_ns()
        return None if wall_ns is None else wall_ns + seconds * NS


def _check_name(name: str, field: str) -> None:
    if not name.strip() or len(name) > NAME_CHARS or not name.isprintable() or name != name.strip():
        raise InvalidData(f"a name has 1 to {NAME_CHARS} characters, none of them a control character", field=field)

"""Accounts whose changes are told as events, those that the command line makes beside the gateway too.

What changed is found by comparing: what users and tokens there are with what was seen last, which is kept in state.db. So also
what was changed while the gateway did not run is told, by whatever means it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from autocore.auth.accounts import Accounts, ApiToken, Session
from autocore.auth.tokens import API_PREFIX
from autocore.builtin.pins import Pins
from autocore.builtin.setupcode import SetupCode
from autocore.core.bus import Bus
from autocore.core.clock import NS, Clock, Timeline
from autocore.core.errors import NotAuthenticated, PermissionDenied, StorageError, TooManyAttempts
from autocore.core.model import GATEWAY, Caller, Cause, Role
from autocore.core.scheduler import Every
from autocore.core.storage.database import Database

LOOK_S = 5.0
SLOWED_NS = 60 * NS  # one address that goes on trying is one event in this time
COMMAND_LINE = Cause("cli", "command line")
WEB = "web"
OWNER, SEEN = "people", "seen"  # the setting that keeps what was seen last
DAY_NS = 86_400 * NS
MOST_TOKENS = 1_000  # whose day is remembered; beyond it some are noted anew
MOST_SLOWED = 100  # addresses; who comes from more of them at once is told by those

Seen = Mapping[str, Mapping[str, str]]

log = logging.getLogger("autocore.auth")


class People(Accounts):
    """The accounts of a running gateway.

    Args:
        bus: where changes, log-ins and failures are told.
        database: state.db.
        clock: on which sessions age.
        boot: the present start of the gateway.
        key: signs the session tokens.
        session_s: how long a session lasts.
        setup: the one-time code for the first administrator.
    """

    def __init__(
        self, bus: Bus, database: Database, clock: Clock, *, boot: int, key: bytes, session_s: int, setup: SetupCode
    ) -> None:
        super().__init__(database, clock, boot=boot, key=key, session_s=session_s, setup=setup)
        self._bus = bus
        self.pins = Pins(database, clock)
        self._used: dict[str, int] = {}  # the day on which each API token was used last, as far as it is noted
        self._timeline: Timeline | None = None
        self._turn = asyncio.Lock()  # one change and its event at a time: who did it is known
        self._slowed: dict[str, int] = {}
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, timeline: Timeline | None = None) -> None:
        """Tell what changed since the gateway was last here, and watch from now on; `timeline` dates earlier starts."""
        self._timeline = timeline
        await self.look()
        self._timer = Every(self._clock, LOOK_S, self._ask)

    async def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task

    async def look(self) -> None:
        """Tell what somebody else changed."""
        async with self._turn:
            await self._tell(COMMAND_LINE)

    async def set_up(self, code: str, name: str, password: str, peer: str) -> None:
        """Make the first administrator; see `Accounts.set_up`."""
        try:
            await super().set_up(code, name, password, peer)
        except (NotAuthenticated, TooManyAttempts) as error:
            self._tell_failure("", peer, error)
            raise
        self._bus.emit("auth.set_up", {"user": name, "address": peer}, Cause(WEB, name, peer))

    async def log_in(self, name: str, password: str, peer: str) -> Session:
        """Begin a session; see `Accounts.log_in`."""
        try:
            session = await super().log_in(name, password, peer)
        except (NotAuthenticated, TooManyAttempts) as error:
            # What is typed into the wrong field may be a password, so only the name of a user is told.
            is_known = any(one.name == name for one in await self.users())
            self._tell_failure(name if is_known else "", peer, error)
            raise
        self._bus.emit("auth.logged_in", {"user": name, "address": peer}, Cause(WEB, name, peer))
        return session

    async def authenticate(self, token: str, via: str, address: str) -> Caller:
        """Give who bears a token; see `Accounts.authenticate`. The day on which an API token is used is noted."""
        caller = await super().authenticate(token, via, address)
        if caller.session is not None and token.startswith(API_PREFIX):
            self._note_use(caller.session)
        return caller

    async def check_pin(self, user: str, pin: str, peer: str) -> None:
        """Let the right PIN of a user pass; see `Pins.check`. A wrong one is told of, without it."""
        try:
            await self.pins.check(user, pin, peer)
        except (PermissionDenied, TooManyAttempts):
            self._bus.emit("auth.pin_failed", {"user": user, "address": peer}, Cause(WEB, user, peer))
            raise

    async def set_pin(self, user: str, pin: str | None, by: Cause = GATEWAY) -> None:
        """Give a user another PIN, or none; see `Pins.set`. `by` is who does."""
        await self.pins.set(user, pin)
        self._bus.emit("user.pin", {"user": user}, by)

    async def end_session(self, session_id: str, by: Cause = GATEWAY) -> None:
        """End a session; see `Accounts.end_session`. `by` is who ends it."""
        user = next((one.user for one in await self.sessions() if one.id == session_id), "")
        await super().end_session(session_id)
        self._bus.emit("session.ended", {"user": user}, by)

    async def add_token(
        self, name: str, user: str, scopes: Sequence[str] = (), lasts_s: int | None = None, by: Cause = GATEWAY
    ) -> ApiToken:
        """Make an API token; see `Accounts.add_token`. `by` is who makes it."""
        async with self._change(by):
            return await super().add_token(name, user, scopes, lasts_s)

    async def remove_token(self, token_id: str, by: Cause = GATEWAY) -> None:
        """Revoke an API token; see `Accounts.remove_token`. `by` is who revokes it."""
        async with self._change(by):
            await super().remove_token(token_id)

    async def add_user(self, name: str, password: str, role: Role, by: Cause | None = None) -> None:
        """Make a user; see `Accounts.add_user`. `by` is who makes it; None is the user: the set-up makes the first one."""
        async with self._change(by or Cause(WEB, name)):
            await super().add_user(name, password, role)

    async def set_role(self, name: str, role: Role, by: Cause = GATEWAY) -> None:
        """Give a user another role; see `Accounts.set_role`. `by` is who gives it."""
        async with self._change(by):
            await super().set_role(name, role)

    async def set_password(self, name: str, password: str, by: Cause = GATEWAY, *, keep: str | None = None) -> None:
        """Give a user another password; see `Accounts.set_password`. `by` is who gives it."""
        async with self._change(by):
            await super().set_password(name, password, keep=keep)

    async def remove_user(self, name: str, by: Cause = GATEWAY) -> None:
        """Remove a user; see `Accounts.remove_user`. `by` is who removes it."""
        async with self._change(by):
            await super().remove_user(name)

    def _dated(self, boot: int, monotonic_ns: int) -> int | None:
        # A start's clock may have been put right after somebody logged in: what was worked out then is worth less.
        return None if self._timeline is None else self._timeline.wall_ns(boot, monotonic_ns)

    def _note_use(self, token_id: str) -> None:
        now_ns = self._clock.monotonic_ns()
        wall_ns, _ = self._clock.wall_ns()
        day = (now_ns if wall_ns is None else wall_ns) // DAY_NS
        if self._used.get(token_id) == day:
            return
        if len(self._used) >= MOST_TOKENS:
            self._used.clear()
        self._used[token_id] = day
        db = self._database.pony

        def work() -> None:
            row = db.ApiToken.get(id=token_id)
            if row is not None:
                row.set(used_boot=self._boot, used_ns=now_ns)

        self._database.submit(work)  # nobody waits for it

    def _ask(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_quietly())

    async def _look_quietly(self) -> None:
        try:
            await self.look()
        except StorageError as error:
            log.warning("whether users or tokens were changed cannot be seen: %s", error)

    @asynccontextmanager
    async def _change(self, by: Cause) -> AsyncIterator[None]:
        """Tell what others changed before, and what the block changes as the change of `by`."""
        async with self._turn:
            await self._tell(COMMAND_LINE)
            yield
            await self._tell(by)

    async def _tell(self, by: Cause) -> None:
        """Tell everything that is not as it was seen last, and remember what is seen."""
        now, before = await self._database.run(self._compare)
        if before is None:  # nobody looked yet: on the first start all is new, else all was there
            before = {} if self._boot == 1 else now
        for name in sorted({*before, *now}):
            was, is_now = before.get(name), now.get(name)
            if was != is_now:
                self._emit(name.partition(":")[0], was, is_now, by)

    def _compare(self) -> tuple[Seen, Seen | None]:
        """Give who there is and what was seen last, and keep the first; in the writer's thread."""
        db = self._database.pony
        now: dict[str, dict[str, str]] = {}
        for user in db.User.select():
            mark = hashlib.sha256(user.password.encode()).hexdigest()[:16]
            now[f"user:{user.name}"] = {"user": user.name, "role": user.role, "mark": mark}
        for token in db.ApiToken.select():
            now[f"token:{token.id}"] = {"user": token.user, "name": token.name}
        row = db.Setting.get(owner=OWNER, name=SEEN)
        text = json.dumps(now, sort_keys=True)
        if row is None:
            db.Setting(owner=OWNER, name=SEEN, value=text)
            return now, None
        before: Seen = json.loads(row.value)
        if row.value != text:
            row.value = text
        return now, before

    def _emit(self, kind: str, was: Mapping[str, str] | None, now: Mapping[str, str] | None, by: Cause) -> None:
        facts = {name: value for name, value in (now or was or {}).items() if name != "mark"}
        if kind == "token":
            self._bus.emit("token.added" if was is None else "token.removed", facts, by)
        elif was is None:
            self._bus.emit("user.added", facts, by)
        elif now is None:
            self._bus.emit("user.removed", facts, by)
        else:
            if was["role"] != now["role"]:
                self._bus.emit("user.changed", facts, by)
            if was["mark"] != now["mark"]:
                self._bus.emit("user.password", {"user": now["user"]}, by)

    def _tell_failure(self, user: str, peer: str, error: Exception) -> None:
        cause = Cause(WEB, user or "somebody", peer)
        if isinstance(error, NotAuthenticated):
            self._bus.emit("auth.failed", {"user": user or "nobody known", "address": peer}, cause)
            return
        now_ns = self._clock.monotonic_ns()
        self._slowed = {one: at_ns for one, at_ns in self._slowed.items() if now_ns - at_ns < SLOWED_NS}
        if peer not in self._slowed and len(self._slowed) < MOST_SLOWED:
            self._slowed[peer] = now_ns
            self._bus.emit("auth.slowed", {"user": user, "address": peer}, cause)

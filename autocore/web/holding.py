"""The hands of one client of the live socket: while one holds, a tick goes out ten times a second, and beats come back with it.

A tick that could not be sent is not sent later. When the socket is gone, so are its hands.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from autocore.core.errors import AutocoreError
from autocore.core.holds import BEAT_EVERY_MS, Ending, Holds
from autocore.core.model import Caller
from autocore.core.services import ServiceRegistry
from autocore.web.errors import problem_of

FINGERS = 10  # that one client holds with

Id = int | str
Send = Callable[[Any], Awaitable[None]]


class HoldWord(msgspec.Struct):
    """A hand is laid on an entity."""

    id: Id
    entity: str
    confirm: bool = False
    pin: str | None = None
    tick: int | None = None


class BeatWord(msgspec.Struct):
    """It is still there: `tick` is the newest that the client has seen."""

    id: Id
    tick: int


class Hands:
    """The hands of one client.

    Args:
        holds: where the gateway keeps every hold.
        services: offers `<kind>.hold`.
        caller: whose they are.
        send: sends the client a word.
    """

    def __init__(self, holds: Holds, services: ServiceRegistry, caller: Caller, send: Send) -> None:
        self._holds = holds
        self._services = services
        self._caller = caller
        self._send = send
        self._leases: dict[Id, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None

    async def hold(self, word: HoldWord) -> None:
        """Begin to hold; the client hears whether it does."""
        if word.id in self._leases or len(self._leases) >= FINGERS:
            many = f"a client holds at most {FINGERS} at once, each under a number of its own"
            await self._send({"result": {"id": word.id, "ok": False, "code": "busy", "detail": many}})
            return
        lease = self._leases[word.id] = secrets.token_urlsafe(16)
        self._holds.follow(lease, lambda ending: self._over(word.id, lease, ending))
        self._begin(self._carry_out(word, lease))
        if self._ticking is None or self._ticking.done():
            self._ticking = self._begin(self._tick())

    def beat(self, word: BeatWord) -> None:
        """Pass a beat on; one of a hold that is over is nothing: the client has heard, or will."""
        lease = self._leases.get(word.id)
        if lease is not None:
            with contextlib.suppress(AutocoreError):
                self._holds.beat(lease, word.tick, self._caller)

    def release(self, number: Id) -> None:
        """Let go; harmless when it is over."""
        lease = self._leases.get(number)
        if lease is not None:
            with contextlib.suppress(AutocoreError):
                self._holds.release(lease, self._caller)

    def close(self) -> None:
        """Let everything go: the client is gone."""
        for lease in list(self._leases.values()):
            with contextlib.suppress(AutocoreError):
                self._holds.release(lease, self._caller, Ending.GONE)
            self._holds.forget(lease)  # one that did not begin yet
        for task in self._tasks:
            task.cancel()

    async def _carry_out(self, word: HoldWord, lease: str) -> None:
        data = {"entity": word.entity, "lease": lease, "confirm": word.confirm}
        data |= {name: said for name, said in (("pin", word.pin), ("tick", word.tick)) if said is not None}
        service = f"{word.entity.partition('.')[0]}.hold"
        try:
            answer = dict(await self._services.call(service, data, self._caller))
            answer.pop("lease", None)  # the number is enough here
            outcome = {"ok": True, **answer}
        except AutocoreError as error:
            outcome = {"ok": False, **problem_of(error)}
            self._forget(word.id, lease)
        with contextlib.suppress(OSError):
            await self._send({"result": {"id": word.id, **outcome}})

    def _over(self, number: Id, lease: str, ending: Ending) -> None:
        if self._leases.get(number) == lease:
            del self._leases[number]
        if ending is not Ending.REFUSED:  # the result of the hold says that
            self._begin(self._tell({"released": {"id": number, "reason": ending.value}}))

    def _forget(self, number: Id, lease: str) -> None:
        self._holds.forget(lease)
        if self._leases.get(number) == lease:
            del self._leases[number]

    async def _tell(self, word: Any) -> None:
        with contextlib.suppress(OSError):
            await self._send(word)

    async def _tick(self) -> None:
        with contextlib.suppress(OSError):  # the client left: whoever serves it lets go
            while self._leases:
                await self._send({"tick": self._holds.tick_ms})
                await asyncio.sleep(BEAT_EVERY_MS / 1_000)

    def _begin(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

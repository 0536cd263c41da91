"""The answers to calls that carried an Idempotency-Key: whoever asks again with that key gets the first call's answer.

The newest are in memory. On disk stands, for as long, that a call was begun and what it answered: a client that asks again
because the gateway died must not turn a winch twice. What the disk cannot keep is remembered until the gateway ends.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from autocore.core.cache import Cache
from autocore.core.clock import NS, Clock
from autocore.core.errors import InvalidData, PermissionDenied, Refused, UnknownName

REMEMBERED_S = 600.0
REMEMBERED = 1_000
OWNER = "answers"

REFUSALS = (InvalidData, PermissionDenied, Refused, UnknownName)

Outcome = Mapping[str, Any]
Act = Callable[[], Awaitable[Outcome]]


class _Call(msgspec.Struct):
    began_ns: int
    print: str
    task: asyncio.Task[Outcome]


class Answers:
    """What was asked in the last ten minutes.

    Args:
        clock: tells how long that is ago.
        cache: survives the gateway.
    """

    def __init__(self, clock: Clock, cache: Cache) -> None:
        self._clock = clock
        self._cache = cache
        self._known: OrderedDict[str, _Call] = OrderedDict()

    async def once(self, who: str, key: str, call: tuple[str, Mapping[str, Any]], act: Act) -> Outcome:
        """Give the outcome of `act`, or that of the first call of `who` with this key.

        Args:
            who: keys of different callers have nothing to do with each other.
            key: the client's word for this one intention.
            call: what is asked for: the service and its data.
            act: asks for it.

        Raises:
            InvalidData: the key was used for another call.
            Refused: the call was begun before the gateway was started again, and nobody knows what became of it (`unfinished`).
        """
        name, print_ = _digest([who, key]), _digest(call)
        self._forget_old()
        known = self._known.get(name)
        if known is None:
            task = asyncio.get_running_loop().create_task(self._first(name, print_, act))
            known = self._known[name] = _Call(self._clock.monotonic_ns(), print_, task)
        if known.print != print_:
            raise _used()
        return await asyncio.shield(known.task)

    async def _first(self, name: str, print_: str, act: Act) -> Outcome:
        kept = await asyncio.to_thread(self._cache.get, OWNER, name)
        if kept is not None:
            return _recalled(kept, print_)
        await self._keep(name, {"print": print_, "answer": None})
        try:
            answer = await act()
        except REFUSALS:  # nothing was done; whatever else was raised leaves that open
            await self._keep(name, None)
            raise
        await self._keep(name, {"print": print_, "answer": msgspec.to_builtins(answer)})
        return answer

    async def _keep(self, name: str, entry: dict[str, Any] | None) -> None:
        await asyncio.to_thread(self._cache.set, OWNER, name, entry, REMEMBERED_S)

    def _forget_old(self) -> None:
        limit_ns = self._clock.monotonic_ns() - round(REMEMBERED_S * NS)
        while self._known and (next(iter(self._known.values())).began_ns < limit_ns or len(self._known) > REMEMBERED):
            self._known.popitem(last=False)


def _recalled(kept: dict[str, Any], print_: str) -> Outcome:
    if kept["print"] != print_:
        raise _used()
    if kept["answer"] is None:
        raise Refused(
            "this call was begun before the gateway was started again, and what became of it is not known;"
            " look at the state, and call with a new Idempotency-Key",
            code="unfinished",
        )
    answer: Outcome = kept["answer"]
    return answer


def _used() -> InvalidData:
    return InvalidData("this Idempotency-Key was used for another call; use a new one for each call", field="Idempotency-Key")


def _digest(what: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(what, order="sorted"), digest_size=16).hexdigest()

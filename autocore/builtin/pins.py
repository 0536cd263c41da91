"""PINs: 4 to 8 digits that a person types before something protected moves. Which are refused, and how they are tried.

A PIN opens nothing by itself: whoever is asked for one is logged in already. It has a limiter of its own, so that wrong ones
shut nobody out of the log-in, and wrong passwords nobody out of the relays.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

from autocore.auth.limiter import Limiter
from autocore.auth.passwords import hash_password, is_password
from autocore.core.clock import Clock
from autocore.core.errors import InvalidData, PermissionDenied, Refused, UnknownName
from autocore.core.storage.database import Database

LEAST_DIGITS, MOST_DIGITS = 4, 8  # security.md 2
DIGITS = frozenset("0123456789")
KEYPAD = frozenset({"2580", "0852", "1470", "1590", "3570", "7531", "9513", "147258", "258147", "147369", "159357"})
"""Lines and corners of a keypad: the first that anybody tries after the runs."""


def check_pin(pin: str) -> None:
    """Refuse what is no PIN, and one that is tried at once: 0000, 1234, 9876, 1212, 2580.

    Raises:
        InvalidData: with what to do instead.
    """
    if not (DIGITS.issuperset(pin) and LEAST_DIGITS <= len(pin) <= MOST_DIGITS):
        raise InvalidData("a PIN has 4 to 8 digits and nothing else", field="pin")
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    is_run = steps in ({1}, {9})
    is_repeated = any(pin == (pin[:width] * len(pin))[: len(pin)] for width in range(1, len(pin) // 2 + 1))
    if is_run or is_repeated or pin in KEYPAD:
        raise InvalidData("this PIN is one of the first that anybody tries; choose another", field="pin")


class Pins:
    """The PINs of users, in state.db.

    Args:
        database: state.db.
        clock: times who must wait.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._limiter = Limiter(clock)
        self._turn = asyncio.Lock()  # one at a time: those who guess in parallel wait for each other's failures

    async def has(self, user: str) -> bool:
        """Say whether a user has one."""
        return bool(await self._find(user))

    async def set(self, user: str, pin: str | None) -> None:
        """Keep the hash of a user's PIN; None takes it away.

        Raises:
            InvalidData: the PIN will not do.
            UnknownName: no such user.
        """
        hashed = ""
        if pin is not None:
            check_pin(pin)
            hashed = await asyncio.to_thread(hash_password, pin)
        db = self._database.pony

        def work() -> None:
            row = db.User.get(name=user)
            if row is None:
                raise UnknownName("user", user)
            row.pin = hashed

        await self._database.run(work)

    async def check(self, user: str, pin: str, peer: str) -> None:
        """Let the right PIN pass.

        Raises:
            PermissionDenied: it is wrong.
            Refused: the user has none (`pin_required`).
            TooManyAttempts: too many wrong ones, from this peer or for this user.
        """
        user = user.strip()  # Pony would, and find the user: the limiter must count for the same name
        async with self._turn:
            self._limiter.check(user, peer)
            hashed = await self._find(user)
            if not hashed:
                raise Refused(f"{user} has no PIN; set one under Settings first", code="pin_required")
            if not await asyncio.to_thread(is_password, pin, hashed):
                self._limiter.failed(user, peer)
                raise PermissionDenied("the PIN is wrong")
            self._limiter.succeeded(user, peer)

    async def _find(self, user: str) -> str:
        db = self._database.pony

        def work() -> str:
            row = db.User.get(name=user) if user.strip() else None
            return row.pin if row else ""

        return await self._database.read(work)

"""A hand on something that is on only while it is held."""

from __future__ import annotations

import asyncio

from autocore.core.errors import UnknownName
from autocore.core.holds import BEAT_EVERY_MS, Ending
from autocore.core.model import Caller, Cause, Role
from autocore.testing.car import Car


class Hand:
    """A hand that `Hand.lay` laid on an entity of a car.

    Args:
        car: the vehicle.
        lease: of its hold.
        caller: whose it is.
    """

    def __init__(self, car: Car, lease: str, caller: Caller) -> None:
        self.ending: Ending | None = None
        """Why the hold is over, None while it lives."""
        self._car = car
        self._holds = car.core.holds
        self._lease = lease
        self._caller = caller
        self._holds.follow(lease, self._end)

    @classmethod
    async def lay(cls, car: Car, entity: str, user: str = "test") -> Hand:
        """Lay a user's hand on an entity that is on while it is held; raises what the gateway would answer."""
        caller = Caller(Cause("rest", user), Role.OPERATOR, session=user)
        call = asyncio.ensure_future(car.core.services.call(f"{entity.partition('.')[0]}.hold", {"entity": entity}, caller))
        await car.settle()
        return cls(car, (await call)["lease"], caller)

    async def keep(self, s: float) -> None:
        """Stay for `s` seconds: a beat every 100 ms, with the newest tick, as long as the hold lives."""
        for _ in range(round(s * 1_000 / BEAT_EVERY_MS)):
            await self._car.advance(BEAT_EVERY_MS / 1_000)
            self.beat(self._holds.tick_ms)

    def beat(self, tick_ms: int) -> bool:
        """Send one beat with a tick of your own, old or invented; say whether it went on to the board."""
        try:
            return self._holds.beat(self._lease, tick_ms, self._caller)
        except UnknownName:
            return False

    def let_go(self) -> None:
        """Let go; harmless when the hold is over."""
        if self.ending is None:
            self._holds.release(self._lease, self._caller)

    def _end(self, ending: Ending) -> None:
        self.ending = ending

"""The servers' certificate, kept good while the gateway runs: it runs out, and the machine gets other addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from autocore.core.clock import Clock
from autocore.core.errors import StorageError
from autocore.core.scheduler import Every
from autocore.tls.authority import Authority

LOOK_EVERY_S = 3_600.0

log = logging.getLogger("autocore.tls")


class Renewal:
    """Looks once an hour.

    Args:
        authority: makes the certificate.
        names: gives what it has to name now.
        clock: wakes it.
    """

    def __init__(self, authority: Authority, names: Callable[[], Iterable[str]], clock: Clock) -> None:
        self.authority = authority
        self._names = names
        self._clock = clock
        self._told: list[Callable[[], None]] = []
        self._timer: Every | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Make the certificate when there is none that is good, and look again from now on; raises StorageError."""
        await asyncio.to_thread(self.authority.keep, self._names())
        self._timer = Every(self._clock, LOOK_EVERY_S, self._on_turn)

    async def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await self._task

    def on_new(self, told: Callable[[], None]) -> None:
        """Call `told` whenever there is a new certificate in the files."""
        self._told.append(told)

    async def look(self) -> bool:
        """Renew what has to be, and say whether it was; raises StorageError."""
        is_new = await asyncio.to_thread(self.authority.keep, self._names())
        for told in self._told if is_new else ():
            told()
        return is_new

    def _on_turn(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        try:
            await self.look()
        except StorageError as error:
            log.error("the certificate could not be renewed and is tried again: %s", error)  # noqa: TRY400  # a sentence

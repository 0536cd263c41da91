"""Keeps the certificate of the gateway's ports good while it runs: renewed in time, and when the machine has other addresses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autocore.core.bus import Bus
from autocore.core.clock import NS, Clock
from autocore.core.errors import StorageError
from autocore.core.model import GATEWAY, Cause
from autocore.core.scheduler import Every
from autocore.damage import Damages
from autocore.tls import certificates
from autocore.tls.authority import Authority
from autocore.tls.names import Names
from autocore.tls.validity import Span

LOOK_EVERY_S = 60.0  # a vehicle's Wi-Fi comes and goes; whether it is time for a new certificate is a comparison of two dates

LAST = timedelta(days=7)

log = logging.getLogger("autocore.tls")


class CertificateKeeper:
    """Holds the authority and the certificate of a running gateway.

    Args:
        folder: `<data>/ca`.
        clock: the gateway's: while it does not know the time nothing expires and nothing is renewed because of it.
        names: gives the names of the gateway now.
        damages: hears of files that could not be used.
    """

    def __init__(self, folder: Path, clock: Clock, names: Callable[[], Names], damages: Damages) -> None:
        self.authority = Authority(folder, lambda: moment(clock), damages)
        self._clock = clock
        self._names = names
        self._bus: Bus | None = None
        self._on_renewed: list[Callable[[], object]] = []
        self._on_ending: list[Callable[[], object]] = []
        self._shown: Span | None = None
        self._lock = asyncio.Lock()
        self._timer: Every | None = None
        self._undo: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate, by which people know that it is this gateway's."""
        return certificates.fingerprint(self.authority.certificate)

    async def start(self) -> None:
        """Have an authority and a certificate.

        Raises:
            StorageError: there is none, and the disk takes none.
        """
        await asyncio.to_thread(self.authority.open)
        try:
            await asyncio.to_thread(self.authority.serve, self._names())
        except StorageError as error:
            if self.authority.server is None:
                raise
            log.warning("the certificate is not renewed: %s", error)
        self._shown = self._span

    def follow(self, bus: Bus) -> None:
        """Look from now on whether it is still good, and tell `bus` when there is another one."""
        log.info("the authority of this gateway has the SHA-256 %s", self.fingerprint)
        self._bus = bus
        self._timer = Every(self._clock, LOOK_EVERY_S, self._look)
        self._undo = [bus.on(event, lambda _event: self._look()) for event in ("clock.set", "clock.corrected")]

    async def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        for undo in self._undo:
            undo()
        if self._task is not None:
            await self._task

    def on_renewed(self, action: Callable[[], object]) -> None:
        """Call `action` when another certificate stands in the file."""
        self._on_renewed.append(action)

    def on_ending(self, action: Callable[[], object]) -> None:
        """Call `action` when the certificate of the start nears its end: for a port that shows that one until it is closed."""
        self._on_ending.append(action)

    async def renew(self, by: Cause = GATEWAY) -> None:
        """Issue another certificate now.

        Raises:
            StorageError: the disk takes none.
        """
        await self._serve(by, anew=True)

    def _look(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_once())

    async def _look_once(self) -> None:
        try:
            await self._serve(GATEWAY, anew=False)
            self._is_failing = False
            self._end_old()
        except StorageError as error:
            if not self._is_failing:  # one line for one outage; the next look tries again
                log.warning("the certificate is not renewed: %s", error)
            self._is_failing = True

    @property
    def _span(self) -> Span | None:
        server = self.authority.server
        return None if server is None else certificates.span_of(server)

    def _end_old(self) -> None:
        now = moment(self._clock)
        is_ending = now is not None and self._shown is not None and now > self._shown.end - LAST
        if is_ending and self._shown != self._span:
            self._shown = self._span
            for action in self._on_ending:
                action()

    async def _serve(self, by: Cause, *, anew: bool) -> None:
        async with self._lock:
            names = self._names()
            if not anew and self.authority.is_good(names):  # nearly always: no thread is asked for it
                return
            await asyncio.to_thread(self.authority.serve, names, anew=anew)
        for action in self._on_renewed:
            action()
        server = self.authority.server
        if self._bus is not None and server is not None:
            until = certificates.span_of(server).end.date().isoformat()
            self._bus.emit("tls.renewed", {"until": until, "fingerprint": certificates.fingerprint(server)}, by)


def moment(clock: Clock) -> datetime | None:
    """Give the time of a clock, None when it cannot be believed."""
    wall_ns, _ = clock.wall_ns()
    return None if wall_ns is None else datetime.fromtimestamp(wall_ns / NS, UTC)

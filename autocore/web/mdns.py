"""The gateway's name in the local network, `autocore.local` (multicast DNS, RFC 6762), with its web as a service (RFC 6763)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from autocore import __version__
from autocore.core.clock import Clock

LOOK_EVERY_S = 30.0  # a vehicle's Wi-Fi comes and goes
SERVICES = {"http": "_http._tcp.local.", "https": "_https._tcp.local."}
LONGEST_LABEL = 63  # RFC 1035

log = logging.getLogger("autocore.web")


class NameInNetwork:
    """Answers for `<hostname>.local` while the gateway runs; follows the machine's addresses.

    Args:
        clock: wakes it to look whether the addresses changed.
        hostname: the name without `.local`.
        vehicle: what the service is called.
        entrance: scheme and port of the web.
        addresses: gives the addresses now.
    """

    def __init__(
        self,
        clock: Clock,
        hostname: str,
        vehicle: str,
        entrance: tuple[str, int],
        addresses: Callable[[], Sequence[str]],
    ) -> None:
        self._clock = clock
        self._hostname = hostname
        self._vehicle = vehicle
        self._scheme, self._port = entrance
        self._addresses = addresses
        self._told: list[str] = []
        self._responder: Any = None
        self._task: asyncio.Task[None] | None = None
        self._has_failed = False

    def start(self) -> None:
        """Answer from now on."""
        self._task = asyncio.get_running_loop().create_task(self._follow(), name="mDNS")

    async def stop(self) -> None:
        """Say goodbye, so that nobody looks for it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._leave()

    async def _follow(self) -> None:
        while True:
            addresses = list(self._addresses())
            if addresses != self._told:
                await self._leave()
                if addresses:
                    await self._join(addresses)
            await self._clock.sleep(LOOK_EVERY_S)

    async def _join(self, addresses: list[str]) -> None:
        from zeroconf import Error, IPVersion  # noqa: PLC0415  # a megabyte that a gateway on loopback does not need
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf  # noqa: PLC0415  # the same

        label = self._vehicle.encode()[:LONGEST_LABEL].decode(errors="ignore").replace(".", " ")
        service = SERVICES[self._scheme]
        info = AsyncServiceInfo(
            service,
            f"{label}.{service}",
            parsed_addresses=addresses,
            port=self._port,
            server=f"{self._hostname}.local.",
            properties={"path": "/", "version": __version__},
        )
        try:
            self._responder = AsyncZeroconf(interfaces=addresses, ip_version=IPVersion.V4Only)
            await self._responder.async_register_service(info, allow_name_change=True)
        except (OSError, Error, RuntimeError) as error:
            if not self._has_failed:
                log.warning("%s.local is not announced, the address works all the same: %s", self._hostname, error)
            self._has_failed = True
            await self._leave()
            return
        self._told, self._has_failed = addresses, False
        log.info("the web is %s://%s.local:%s at %s", self._scheme, self._hostname, self._port, ", ".join(addresses))

    async def _leave(self) -> None:
        responder, self._responder, self._told = self._responder, None, []
        if responder is not None:
            await responder.async_unregister_all_services()
            await responder.async_close()

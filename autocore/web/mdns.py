"""The gateway's name in the local network, `autocore.local` (multicast DNS, RFC 6762), with its web as a service (RFC 6763)."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from autocore import __version__
from autocore.core.clock import Clock

LOOK_EVERY_S = 30.0  # a vehicle's Wi-Fi comes and goes
SERVICE = "_http._tcp.local."
LONGEST_LABEL = 63  # RFC 1035

log = logging.getLogger("autocore.web")


def addresses_of(host: str) -> list[str]:
    """Give the IPv4 addresses at which others reach what listens on `host`: those of all interfaces for `0.0.0.0` and `::`."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104  # it is compared, nothing is bound
        return [host]
    states = psutil.net_if_stats()
    found = [
        one.address
        for name, all_of_it in psutil.net_if_addrs().items()
        if name in states and states[name].isup
        for one in all_of_it
        if one.family is socket.AF_INET and not ipaddress.ip_address(one.address).is_loopback
    ]
    return sorted(found)


class NameInNetwork:
    """Answers for `<hostname>.local` while the gateway runs; follows the machine's addresses.

    Args:
        clock: wakes it to look whether the addresses changed.
        hostname: the name without `.local`.
        vehicle: what the service is called.
        port: of the web.
        addresses: gives the addresses now.
    """

    def __init__(self, clock: Clock, hostname: str, vehicle: str, port: int, addresses: Callable[[], Sequence[str]]) -> None:
        self._clock = clock
        self._hostname = hostname
        self._vehicle = vehicle
        self._port = port
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
        info = AsyncServiceInfo(
            SERVICE,
            f"{label}.{SERVICE}",
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
        log.info("the web is http://%s.local:%s at %s", self._hostname, self._port, ", ".join(addresses))

    async def _leave(self) -> None:
        responder, self._responder, self._told = self._responder, None, []
        if responder is not None:
            await responder.async_unregister_all_services()
            await responder.async_close()

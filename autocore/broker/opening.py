"""The broker that the configuration names: one of the gateway's own, started here, or another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autocore.broker.accounts import Account
from autocore.broker.mosquitto import Mosquitto, Network
from autocore.core.clock import Clock
from autocore.core.config.sections import Sections, is_loopback
from autocore.core.mqtt.endpoint import Endpoint, parse_broker_url
from autocore.damage import Damages
from autocore.tls.authority import Authority
from autocore.tls.names import names_of
from autocore.tls.renewal import Renewal


@dataclass(frozen=True, slots=True)
class Place:
    """Where devices find the broker; a host of None is the address under which they found the gateway."""

    host: str | None
    port: int
    tls: bool
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker of this run.

    Args:
        endpoint: how the gateway itself enters.
        place: where devices find it.
        own: the one that the gateway started, None for another's.
        renewal: of the certificate that it shows on the network, None when it listens on this machine only.
    """

    endpoint: Endpoint
    place: Place
    own: Mosquitto | None = None
    renewal: Renewal | None = None

    def pid(self) -> int | None:
        """Give the process id of the own one while it runs."""
        return None if self.own is None else self.own.pid


def elsewhere(endpoint: Endpoint) -> Broker:
    """Give a broker that somebody else runs."""
    return Broker(endpoint, Place(endpoint.host, endpoint.port, endpoint.tls))


async def open_broker(
    stack: AsyncExitStack,
    core: Sections,
    data: Path,
    *,
    port: int,
    clock: Clock,
    damages: Damages,
    accounts: Callable[[], Sequence[Account]],
) -> Broker:
    """Start the own broker when the configuration wants one; `stack` stops it.

    Args:
        stack: of what is stopped at the end.
        core: the sections of the core.
        data: the data folder.
        port: for MQTT on this machine.
        clock: judges certificates.
        damages: hears of files that could not be used.
        accounts: gives the accounts of the devices.

    Raises:
        BrokerError: it does not start.
        StorageError: its certificate cannot be made.
    """
    section = core.mqtt
    if section.broker != "auto":
        return elsewhere(parse_broker_url(section.broker))
    network = renewal = None
    place = Place(None, port, tls=False)
    if not is_loopback(section.host):
        authority = Authority(data, clock, core.autocore.name, damages.set_aside)
        renewal = Renewal(authority, partial(names_of, section.host, core.web.hostname), clock)
        await renewal.begin()
        stack.push_async_callback(renewal.stop)
        files = authority.files
        network = Network(section.host, section.tls_port, section.websockets_port, files.certificate, files.key)
        place = Place(None, section.tls_port, tls=True, ca=authority.ca_pem)
    own = Mosquitto(
        data / "broker",
        port=port,
        allows_anonymous=section.anonymous == "loopback",
        damages=damages,
        accounts=accounts,
        network=network,
    )
    endpoint = await own.start()
    stack.push_async_callback(own.stop)
    if renewal is not None:
        renewal.on_new(own.read_certificate_again)
    return Broker(endpoint, place, own, renewal)

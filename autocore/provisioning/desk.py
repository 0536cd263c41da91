"""Everything about letting boards in, put together and started as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from autocore.broker.security import BrokerSecurity
from autocore.core.config import Sections
from autocore.core.host import Core
from autocore.provisioning.credentials import Credentials
from autocore.provisioning.distribution import Asks, Distribution
from autocore.provisioning.joining import Joining
from autocore.provisioning.provisioner import Provisioner
from autocore.provisioning.wire import EnrolBroker
from autocore.rates.gate import Gate, Rates
from autocore.rates.watch import FloodWatch


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The parts.

    Args:
        security: the broker's accounts.
        provisioner: who takes part.
        joining: join mode.
        distribution: configuration on its way to devices.
        floods: how much each sends.
        broker: where boards find the broker, and the certificate of its CA.
    """

    security: BrokerSecurity
    provisioner: Provisioner
    joining: Joining
    distribution: Distribution
    floods: FloodWatch
    broker: Callable[[], tuple[EnrolBroker, str | None]]

    async def start(self) -> None:
        """Begin, before the hub connects; raises StorageError."""
        self.security.start()
        self.provisioner.start()
        self.joining.start()
        self.floods.start(self.provisioner)
        await self.distribution.start()

    async def stop(self) -> None:
        """End what is under way, while the hub is still connected."""
        await self.distribution.stop()
        await self.joining.stop()
        await self.floods.stop()
        self.security.stop()
        await self.provisioner.stop()


def provisioning(
    core: Core,
    credentials: Credentials,
    plugins: Asks,
    sections: Sections,
    *,
    saved: Callable[[], Awaitable[None]],
    broker: Callable[[], tuple[EnrolBroker, str | None]],
) -> Provisioning:
    """Put the parts together.

    Args:
        core: the hub, the devices and the bus.
        credentials: who has a password.
        plugins: contribute to the configuration of devices.
        sections: what the configuration says.
        saved: returns once the registry is on disk.
        broker: where boards find the broker, and the certificate of its CA.
    """
    hub, devices, bus = core.hub, core.devices, core.bus
    security = BrokerSecurity(hub)
    has_strangers = sections.mqtt.anonymous == "loopback"
    provisioner = Provisioner(hub, security, credentials, devices, bus, saved, has_strangers=has_strangers)
    joining = Joining(hub, security, provisioner, devices, bus, core.clock, broker)
    distribution = Distribution(core, plugins, sections.devices.config_bytes)
    rates = Rates(sections.devices.messages_per_s, sections.devices.burst)
    notify = core.notify if sections.notifications.devices else None
    floods = FloodWatch(Gate(hub.root, rates, devices.find), hub, devices, bus, core.clock, notify)
    return Provisioning(security, provisioner, joining, distribution, floods, broker)

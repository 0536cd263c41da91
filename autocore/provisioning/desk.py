"""Everything about letting boards in, put together and started as one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from autocore.broker.security import BrokerSecurity
from autocore.core.bus import Bus
from autocore.core.clock import Clock
from autocore.core.devices import DeviceRegistry
from autocore.core.mqtt.hub import MqttHub
from autocore.provisioning.credentials import Credentials
from autocore.provisioning.joining import Joining
from autocore.provisioning.provisioner import Provisioner
from autocore.provisioning.wire import EnrolBroker


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The parts.

    Args:
        security: the broker's accounts.
        provisioner: who takes part.
        joining: join mode.
        broker: where boards find the broker, and the certificate of its CA.
    """

    security: BrokerSecurity
    provisioner: Provisioner
    joining: Joining
    broker: Callable[[], tuple[EnrolBroker, str | None]]

    def start(self) -> None:
        """Begin, before the hub connects."""
        self.security.start()
        self.provisioner.start()
        self.joining.start()

    async def stop(self) -> None:
        """End what is under way, while the hub is still connected."""
        await self.joining.stop()
        self.security.stop()
        await self.provisioner.stop()


def provisioning(
    hub: MqttHub,
    devices: DeviceRegistry,
    credentials: Credentials,
    bus: Bus,
    clock: Clock,
    *,
    saved: Callable[[], Awaitable[None]],
    broker: Callable[[], tuple[EnrolBroker, str | None]],
) -> Provisioning:
    """Put the parts together.

    Args:
        hub: the way to the broker and the boards.
        devices: who is known.
        credentials: who has a password.
        bus: told of what happens.
        clock: times the window.
        saved: returns once the registry is on disk.
        broker: where boards find the broker, and the certificate of its CA.
    """
    security = BrokerSecurity(hub)
    provisioner = Provisioner(hub, security, credentials, devices, bus, saved)
    return Provisioning(security, provisioner, Joining(hub, security, provisioner, devices, bus, clock, broker), broker)

"""Whoever watches the broker, put together: its figures, and at another's broker what it does not hold."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from autocore.broker.figures import BrokerFigures
from autocore.broker.inspection import Inspection
from autocore.broker.mosquitto import Mosquitto
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import MqttHub


@dataclass(frozen=True, slots=True)
class BrokerWatch:
    """The parts; of `own` and `inspection` one is None: the gateway's own broker, and what looks at somebody's."""

    figures: BrokerFigures
    own: Mosquitto | None
    inspection: Inspection | None

    @property
    def thrown_off(self) -> int:
        """How often a client was, because it did not read."""
        return 0 if self.own is None else self.own.thrown_off


def watch_broker(stack: AsyncExitStack, hub: MqttHub, own: Mosquitto | None, somebodys: Endpoint | None) -> BrokerWatch:
    """Begin to watch, before the hub connects, until `stack` is closed; `somebodys` is a broker that is not the gateway's own."""
    if own is not None:
        own.on_return = hub.retry
    figures = BrokerFigures(hub)
    figures.start()
    stack.callback(figures.stop)
    inspection = None
    if somebodys is not None:
        inspection = Inspection(hub, somebodys)
        inspection.start()
        stack.push_async_callback(inspection.stop)
    return BrokerWatch(figures, own, inspection)

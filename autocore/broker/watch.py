"""Whoever watches the broker, put together: its figures, and at another's broker what it does not hold."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from autocore.broker.figures import BrokerFigures
from autocore.broker.inspection import Inspection
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.mqtt.hub import MqttHub


@dataclass(frozen=True, slots=True)
class BrokerWatch:
    """The parts; `inspection` is None at the gateway's own broker."""

    figures: BrokerFigures
    inspection: Inspection | None


def watch_broker(stack: AsyncExitStack, hub: MqttHub, somebodys: Endpoint | None) -> BrokerWatch:
    """Begin to watch, before the hub connects, until `stack` is closed; `somebodys` is a broker that is not the gateway's own."""
    figures = BrokerFigures(hub)
    figures.start()
    stack.callback(figures.stop)
    inspection = None
    if somebodys is not None:
        inspection = Inspection(hub, somebodys)
        inspection.start()
        stack.push_async_callback(inspection.stop)
    return BrokerWatch(figures, inspection)

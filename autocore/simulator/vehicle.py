"""The demonstration vehicle: an engine, a relay board and a node in the living area, each its own MQTT client."""

from __future__ import annotations

import asyncio

from autocore.simulator import cabin
from autocore.simulator.connection import Broker
from autocore.simulator.engine import Engine
from autocore.simulator.link import Card, DeviceLink
from autocore.simulator.relay_board import RelayBoard
from autocore.simulator.rules import BoardRules
from autocore.simulator.sensor_node import SensorNode
from autocore.simulator.wobble import wobble

ENGINE = Card("engine", "engine", "Engine", ("telemetry",), mac="02:ac:00:00:00:01")
BOARD = Card(
    "relay_board_1",
    "relay_board",
    "Relay board",
    ("relays", "telemetry"),
    mac="02:ac:00:00:00:02",
    channels=16,
)
LIVING = Card("living", "sensor_node", "Living area", ("telemetry",), mac="02:ac:00:00:00:03")  # `cabin` stays free

ENGINE_INTERVAL_S = 0.5
BEGAN_S = 14.0  # cranking and the cold idle are over
_PROFILE = Engine()
BOARD_INTERVAL_S = 1.0
LIVING_INTERVAL_S = 2.0
LOAD_A = 3.5  # what each channel of the demonstration draws


async def run_vehicle(
    host: str,
    port: int,
    *,
    username: str | None = None,
    password: str | None = None,
    stop: asyncio.Event,
    root: str = "autocore",
) -> None:
    """Keep the vehicle on the air until `stop` is set; then every device says that it goes offline.

    It needs no broker to start: each device comes when the broker is there, and comes back when it was away.
    """
    broker = Broker(host, port, username, password)
    engine = DeviceLink(ENGINE, broker, root=root)
    board = DeviceLink(BOARD, broker, root=root)
    living = DeviceLink(LIVING, broker, root=root)
    relays = RelayBoard(board, BoardRules(count=16))
    supply = BoardSupply(relays)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.run(stop))
        tasks.create_task(relays.run(stop))
        tasks.create_task(living.run(stop))
        tasks.create_task(SensorNode(engine, _under_way, ENGINE_INTERVAL_S).run(stop))
        tasks.create_task(SensorNode(board, supply.readings, BOARD_INTERVAL_S).run(stop))
        tasks.create_task(SensorNode(living, cabin.Cabin().readings, LIVING_INTERVAL_S, cabin.UNITS).run(stop))


def _under_way(time_s: float) -> dict[str, float]:
    """Give the engine's readings of a drive that began a moment ago, so that whoever looks sees it move at once."""
    return _PROFILE.readings(time_s + BEGAN_S)


class BoardSupply:
    """What the board measures of itself: each channel that is on draws its current, and the supply sags by it."""

    def __init__(self, relays: RelayBoard) -> None:
        self._relays = relays

    def readings(self, time_s: float) -> dict[str, float]:
        """Give the supply voltage in V, the current in A and the temperature in °C."""
        current_a = 0.12 + LOAD_A * sum(self._relays.board.channels.values())
        return {
            "supply_voltage": round(13.9 - 0.012 * current_a + 0.05 * wobble(time_s, "supply"), 2),
            "current": round(current_a + 0.04 * wobble(time_s, "current"), 2),
            "temperature": round(31.0 + 0.06 * current_a + 0.5 * wobble(time_s, "board"), 1),
        }

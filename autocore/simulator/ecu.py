"""A virtual engine computer: the readings of the virtual engine as CAN frames, on a python-can bus or through an MQTT bridge.

The frames are those of the demonstration's DBC file (`EngineData`, `VehicleMotion`, `Temperatures`); its own description of
them is below, because a computer in a vehicle has never heard of the gateway either.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from autocore.simulator.engine import Engine
from autocore.simulator.link import Card, DeviceLink, wait_for

TICK_S = 0.05  # engine data come every tick, motion every second one, temperatures once a second
MOTION_EVERY = 2
TEMPERATURES_EVERY = 20
ENGINE_DATA, VEHICLE_MOTION, TEMPERATURES = 0x100, 0x1A0, 0x3D0
STANDSTILL_KPH = 0.5
COUNTER_VALUES = 16

BRIDGE = Card("can_bridge_1", "can_bridge", "CAN bridge", ("can_bridge",), mac="02:ac:00:00:00:04")
BRIDGE_INTERVAL_S = 0.25  # a bridge gathers frames, so that it does not send twenty messages a second

MOST_TICKS = 40  # of one message; what a bridge did not get rid of for longer is old

ENGINE = Engine()
Readings = Mapping[str, float | int]


@dataclass(frozen=True, slots=True)
class CanFrame:
    """One frame with an 11-bit identifier."""

    id: int
    data: bytes


class Sender(Protocol):
    """What of a python-can bus is needed here."""

    def send(self, msg: Any, timeout: float | None = None) -> None:
        """Send a `can.Message`."""


def frames(readings: Readings, tick: int) -> Iterator[CanFrame]:
    """Give what the computer sends at a tick.

    Args:
        readings: what the engine's sensors show, in the units of `autocore.simulator.engine.UNITS`.
        tick: counts from 0; it says which frames are due.
    """
    counter = tick % COUNTER_VALUES
    rpm, throttle, load = (readings[name] for name in ("rpm", "throttle", "load"))
    yield CanFrame(ENGINE_DATA, struct.pack(">HBBxxxB", _whole(rpm, 0.25, 16), _whole(throttle, 0.4), _whole(load, 1), counter))
    if tick % MOTION_EVERY == 0:
        speed, gear = readings["speed"], int(readings["gear"])
        stands = int(speed < STANDSTILL_KPH)
        yield CanFrame(VEHICLE_MOTION, struct.pack("<HBBxxxx", _whole(speed, 0.01, 16), gear, stands))
    if tick % TEMPERATURES_EVERY == 0:
        coolant, oil = (_whole(readings[name] + 40, 1) for name in ("coolant", "oil_temperature"))
        volts, fuel = _whole(readings["battery"], 0.001, 16), _whole(readings["fuel_level"], 0.5)
        yield CanFrame(TEMPERATURES, struct.pack("<BBHBxxx", coolant, oil, volts, fuel))


def bridge_document(sent: list[CanFrame]) -> list[dict[str, object]]:
    """Give the payload of `can/{id}/data` for frames that a bridge heard."""
    return [{"bus": BRIDGE.id, "id": frame.id, "data": frame.data.hex()} for frame in sent]


async def run_on_bus(bus: Sender, stop: asyncio.Event, read: Callable[[float], Readings] = ENGINE.readings) -> None:
    """Send on a python-can bus until `stop` is set; it stays open.

    Args:
        bus: e.g. `can.Bus(interface="virtual", channel=…)`, whose frames reach every bus of this process on that channel.
        stop: ends it.
        read: gives the readings at a time, in seconds since the start; with the virtual engine's own it keeps in step.
    """
    import can  # noqa: PLC0415  # 18 MB, and a load generator needs none of them

    tick = 0
    while not stop.is_set():
        for frame in frames(read(tick * TICK_S), tick):
            bus.send(can.Message(arbitration_id=frame.id, data=frame.data, is_extended_id=False))
        tick += 1
        await wait_for(stop, TICK_S)


class BridgeNode:
    """A bridge device that heard the computer's frames and passes them on over MQTT.

    Args:
        link: how it speaks; its card has the capability `can_bridge`.
        read: gives the readings at a time, in seconds since the device was built.
    """

    def __init__(self, link: DeviceLink, read: Callable[[float], Readings] = ENGINE.readings) -> None:
        self._link = link
        self._read = read

    async def run(self, stop: asyncio.Event) -> None:
        """Pass frames on until `stop` is set; what is heard without a link is lost."""
        tick = self._link.clock_ms() // round(TICK_S * 1_000)
        while not stop.is_set():
            now = self._link.clock_ms() // round(TICK_S * 1_000)
            heard = [frame for one in range(max(tick, now - MOST_TICKS), now) for frame in frames(self._read(one * TICK_S), one)]
            tick = now
            if heard and self._link.is_linked:
                self._link.publish("can/{id}/data", bridge_document(heard))
            await wait_for(stop, BRIDGE_INTERVAL_S)


def _whole(value: float, scale: float, bits: int = 8) -> int:
    """Give the raw number of a value, kept within its bits as a sensor's converter keeps it."""
    return max(0, min((1 << bits) - 1, round(value / scale)))

"""A small vehicle for the demonstration: pure arithmetic, and a sender on a virtual bus of this very process.

It is the only place of the plugin that sends, and what it opens is always python-can's `virtual` interface: no wire
is ever behind it. The frames are those of `demo.dbc`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any

from autocore.api import PluginHost

from .section import BusSection

TICK_S = 0.05
ENGINE_ID, MOTION_ID, WARMTH_ID = 0x100, 0x1A0, 0x3D0  # every tick, every second one, every twentieth
MOTION_EVERY, WARMTH_EVERY = 2, 20
IDLE_RPM = 820.0
SWING_KPH = 128.0  # the two waves together reach three quarters of it
_SHIFT_UP_KPH = (18.0, 36.0, 55.0, 76.0)
_KPH_PER_1000_RPM = (8.2, 14.5, 22.0, 30.5, 38.0)
_LAP_S = 180.0

Frame = tuple[int, bytes]


def frames(tick: int) -> Iterator[Frame]:
    """Give the frames of a tick, `TICK_S` seconds after the one before."""
    time_s = tick * TICK_S
    speed_kph = _speed_kph(time_s)
    gear = 0 if speed_kph < 1.0 else 1 + sum(speed_kph >= limit for limit in _SHIFT_UP_KPH)
    turned = 1_000.0 * speed_kph / _KPH_PER_1000_RPM[gear - 1] if gear else 0.0
    rpm = max(IDLE_RPM, turned) + 18.0 * math.sin(1.7 * time_s)
    throttle = max(0.0, min(100.0, 0.3 * speed_kph + 55.0 * (_speed_kph(time_s + 1.0) - speed_kph) / 10.0))
    warmth = 1.0 - math.exp(-time_s / 180.0)
    yield ENGINE_ID, struct.pack(">HBBxxxB", round(rpm / 0.25), round(throttle / 0.4), round(20 + 0.7 * throttle), tick % 16)
    if tick % MOTION_EVERY == 0:
        yield MOTION_ID, struct.pack("<HBBxxxx", round(speed_kph / 0.01), gear, int(speed_kph < 1.0))
    if tick % WARMTH_EVERY == 0:
        coolant_c, oil_c, volts = 24.0 + 64.0 * warmth, 24.0 + 72.0 * warmth**1.4, 14.1 + 0.1 * math.sin(time_s / 3.0)
        yield WARMTH_ID, struct.pack("<BBHBxxx", round(coolant_c + 40), round(oil_c + 40), round(volts / 0.001), round(60 / 0.5))


def _speed_kph(time_s: float) -> float:
    """Give a speed that rises, falls, rises again and comes to rest twice a lap, without a jump."""
    angle = math.tau * time_s / _LAP_S
    return abs(SWING_KPH * (0.62 * math.sin(angle) + 0.38 * math.sin(3 * angle)))


class DemoVehicle:
    """Sends the frames on the virtual bus of a section; they stay within this process."""

    def __init__(self, host: PluginHost, section: BusSection) -> None:
        self._host = host
        self._channel = section.channel

    async def run(self) -> None:
        """Send until the plugin stops."""
        import can  # noqa: PLC0415  # 18 MB, and only where there is a bus

        bus: Any = can.Bus(interface="virtual", channel=self._channel, ignore_config=True)
        tick = 0
        try:
            while True:
                for frame_id, data in frames(tick):
                    bus.send(can.Message(arbitration_id=frame_id, data=data, is_extended_id=False))
                tick += 1
                await self._host.clock.sleep(TICK_S)
        finally:
            bus.shutdown()

"""What a small sensor node in the living area shows: climate, water, the door. A pure function of time and a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autocore.simulator.wobble import wobble

UNITS = {
    "temperature": "°C",
    "humidity": "%",
    "pressure": "hPa",
    "co2": "ppm",
    "illuminance": "lx",
    "water_level": "%",
    "house_battery": "V",
}

DOOR_EVERY_S = 90.0
DOOR_OPEN_S = 8.0
WATER_FULL = 91.0
WATER_USED_PER_HOUR = 3.0
WATER_REFILLED_AT = 20.0


@dataclass(frozen=True, slots=True)
class Cabin:
    """One living area; two with the same seed go through the same course."""

    seed: int = 0

    def readings(self, time_s: float) -> dict[str, float | int | bool]:
        """Give what the sensors show at `time_s` seconds; the units are `UNITS`; the door is True when open."""
        since_door_s = time_s % DOOR_EVERY_S
        is_open = time_s >= DOOR_EVERY_S and since_door_s < DOOR_OPEN_S
        stuffiness = 1.0 - math.exp(-since_door_s / 60.0)  # the door airs the room
        used = time_s / 3_600.0 * WATER_USED_PER_HOUR % (WATER_FULL - WATER_REFILLED_AT)
        return {
            "temperature": round(22.4 + 0.8 * stuffiness + self._noise(time_s, "t", 0.4), 1),
            "humidity": round(48.0 + 4.0 * stuffiness + self._noise(time_s, "h", 1.5), 1),
            "pressure": round(953.2 + self._noise(time_s, "p", 0.6), 1),
            "co2": round(520.0 + 260.0 * stuffiness + self._noise(time_s, "co2", 14.0)),
            "illuminance": round(310.0 + (240.0 if is_open else 0.0) + self._noise(time_s, "lx", 25.0)),
            "water_level": round(WATER_FULL - used + self._noise(time_s, "w", 0.5), 1),
            "house_battery": round(13.1 + self._noise(time_s, "v", 0.06), 2),
            "door": is_open,
        }

    def _noise(self, time_s: float, name: str, size: float) -> float:
        return size * wobble(time_s, f"cabin {name} {self.seed}")

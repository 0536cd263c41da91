"""What the sensors of an engine show along a drive that never ends. A pure function of time and a seed.

The key is turned at 0 s: cranking, a cold fast idle, then town, a stop with the engine running, country road, another
stop, and so on. The figures are those of a small off-road petrol engine with five gears: plausible,
not measured.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass

from autocore.simulator.wobble import wobble

UNITS = {
    "rpm": "rpm",
    "speed": "km/h",
    "throttle": "%",
    "load": "%",
    "coolant": "°C",
    "oil_temperature": "°C",
    "intake_temperature": "°C",
    "oil_pressure": "bar",
    "intake_pressure": "bar",
    "battery": "V",
    "fuel_level": "%",
    "consumption": "L/h",
    "distance": "km",
}

AMBIENT_C = 24.0
THERMOSTAT_C = 88.0
CRANKING_S = 1.5
IDLE_BEFORE_DRIVE_S = 12.0  # long enough to be seen, short enough that nobody waits for the drive
IDLE_RPM = 820.0
ROLLING_KPH = 0.5  # slower than that the clutch is down
TANK_FULL = 82.0
TANK_REFUELLED_AT = 14.0
DRAIN_PER_LAP = 0.9  # % of the tank: it lasts some hours

# The lap: (seconds, the speed in km/h at its end).
_LAP = (
    (10, 32), (14, 38), (7, 12), (6, 30), (9, 48), (16, 52), (9, 0), (12, 0),  # town, and a traffic light
    (14, 58), (12, 84), (34, 92), (12, 68), (10, 88), (26, 80), (16, 34), (10, 0), (15, 0),  # country road, and a gate
)  # fmt: skip
_ENDS_S = tuple(itertools.accumulate(float(seconds) for seconds, _ in _LAP))
_SPEEDS_KPH = (0.0, *(float(speed) for _, speed in _LAP))
LAP_S = _ENDS_S[-1]
_STARTS_S = (0.0, *_ENDS_S[:-1])
_METRES = (
    0.0,
    *itertools.accumulate(
        (end - start) * (before + after) / 2 / 3.6
        for start, end, before, after in zip(_STARTS_S, _ENDS_S, _SPEEDS_KPH, _SPEEDS_KPH[1:], strict=False)
    ),
)
LAP_KM = _METRES[-1] / 1_000

_SHIFT_UP_KPH = (18.0, 36.0, 55.0, 76.0)  # from each gear to the next
_KPH_PER_1000_RPM = (8.2, 14.5, 22.0, 30.5, 38.0)


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine; two with the same seed go through the same course."""

    seed: int = 0

    def readings(self, time_s: float) -> dict[str, float | int]:
        """Give what the sensors show `time_s` seconds after the key was turned; the units are `UNITS`."""
        driving_s = max(0.0, time_s - CRANKING_S - IDLE_BEFORE_DRIVE_S)
        motion = _motion(driving_s)
        rpm = self._rpm(time_s, motion)
        warmth = 1.0 - math.exp(-time_s / 180.0)  # to the thermostat in about ten minutes
        wanted = 4.0 + 0.28 * motion.speed_kph + 9.0 * motion.pull_kph_s  # none for rolling out
        throttle = max(0.0, min(100.0, wanted)) if motion.speed_kph > 0.0 else 0.0
        load = 17.0 + 0.72 * throttle + self._noise(time_s, "load", 1.6)
        intake_bar = min(1.0, 0.30 + 0.0066 * throttle) + self._noise(time_s, "intake", 0.03)
        return {
            "rpm": round(rpm),
            "speed": round(motion.speed_kph, 1),
            "throttle": round(throttle, 1),
            "load": round(max(0.0, min(100.0, load)), 1),
            "coolant": round(AMBIENT_C + (THERMOSTAT_C - AMBIENT_C) * warmth + self._noise(time_s, "coolant", 0.8), 1),
            "oil_temperature": round(AMBIENT_C + 72.0 * warmth**1.4 + self._noise(time_s, "oil_t", 0.7), 1),
            "intake_temperature": round(AMBIENT_C + 14.0 * warmth + self._noise(time_s, "intake_t", 0.9), 1),
            "oil_pressure": round(self._oil_bar(time_s, rpm, warmth), 2),
            "intake_pressure": round(intake_bar, 2),
            "battery": round(self._battery_v(time_s), 2),
            "fuel_level": round(self._fuel(time_s, driving_s), 1),
            "consumption": round(max(0.0, 0.00042 * rpm * max(8.0, load) / 8.0 + self._noise(time_s, "rate", 0.06)), 2),
            "lambda": round(1.0 + self._noise(time_s, "lambda", 0.025), 3),
            "gear": motion.gear,
            "distance": round(motion.distance_km, 2),
        }

    def _noise(self, time_s: float, name: str, size: float) -> float:
        return size * wobble(time_s, f"{name} {self.seed}")

    def _rpm(self, time_s: float, motion: _Motion) -> float:
        if time_s < CRANKING_S:
            return max(0.0, 220.0 + self._noise(time_s, "rpm", 40.0))
        fast_idle = 420.0 * math.exp(-(time_s - CRANKING_S) / 40.0)  # a cold engine idles higher
        idle = IDLE_RPM + fast_idle
        turned = 0.0 if motion.gear == 0 else 1_000.0 * motion.speed_kph / _KPH_PER_1000_RPM[motion.gear - 1]
        return max(idle, turned) + self._noise(time_s, "rpm", 22.0)

    def _oil_bar(self, time_s: float, rpm: float, warmth: float) -> float:
        if time_s < CRANKING_S:
            return 0.4 + 0.3 * time_s
        pumped = 0.95 + 0.00105 * rpm + 0.9 * (1.0 - warmth)  # cold oil is thick
        return min(4.7, pumped) + self._noise(time_s, "oil", 0.06)  # the relief valve opens

    def _battery_v(self, time_s: float) -> float:
        if time_s < CRANKING_S:
            return 10.4 + self._noise(time_s, "volt", 0.25)
        charging = 14.2 - 1.5 * math.exp(-(time_s - CRANKING_S) / 3.0)  # the alternator takes over
        return charging + self._noise(time_s, "volt", 0.08)

    def _fuel(self, time_s: float, driving_s: float) -> float:
        drained = driving_s / LAP_S * DRAIN_PER_LAP % (TANK_FULL - TANK_REFUELLED_AT)
        return TANK_FULL - drained + self._noise(time_s, "fuel", 0.5)  # the fuel sloshes


@dataclass(frozen=True, slots=True)
class _Motion:
    speed_kph: float
    pull_kph_s: float
    gear: int
    distance_km: float


def _motion(driving_s: float) -> _Motion:
    laps, lap_s = divmod(driving_s, LAP_S)
    number = min(bisect.bisect_right(_ENDS_S, lap_s), len(_LAP) - 1)
    length_s = _ENDS_S[number] - _STARTS_S[number]
    into_s = lap_s - _STARTS_S[number]
    before, after = _SPEEDS_KPH[number], _SPEEDS_KPH[number + 1]
    pull_kph_s = (after - before) / length_s
    speed_kph = before + pull_kph_s * into_s
    metres = _METRES[number] + (before + speed_kph) / 2 / 3.6 * into_s
    gear = 0 if speed_kph < ROLLING_KPH else 1 + bisect.bisect_right(_SHIFT_UP_KPH, speed_kph)
    return _Motion(speed_kph, pull_kph_s, gear, laps * LAP_KM + metres / 1_000)

"""The unrest of real sensors, repeatable: a smooth signal that is a pure function of time and a name."""

from __future__ import annotations

import math
import zlib

_PERIODS_S = (1.7, 4.3, 11.9)  # no two share a beat, and the shortest moves every reading within a second
_SHARES = (0.4, 0.35, 0.25)


def wobble(time_s: float, name: str) -> float:
    """Give a value between -1 and 1; another name, another course."""
    phase = zlib.crc32(name.encode()) / 2**32 * math.tau
    return sum(
        share * math.sin(math.tau * time_s / period_s + phase * (number + 1))
        for number, (period_s, share) in enumerate(zip(_PERIODS_S, _SHARES, strict=True))
    )

"""Units at the edge: inside everything is metric, people read what they chose. Pure functions and one table."""

from __future__ import annotations

from collections.abc import Mapping

SYSTEMS = ("metric", "imperial")

Conversion = tuple[str, float, float]
"""(the other unit, factor, offset): shown = value * factor + offset."""

IMPERIAL: Mapping[str, Conversion] = {
    "°C": ("°F", 1.8, 32.0),
    "km/h": ("mph", 0.621371, 0.0),
    "m/s": ("mph", 2.236936, 0.0),
    "km": ("mi", 0.621371, 0.0),
    "m": ("ft", 3.280840, 0.0),
    "bar": ("psi", 14.503774, 0.0),
    "kPa": ("psi", 0.1450377, 0.0),
    "L": ("gal", 0.264172, 0.0),
    "L/h": ("gal/h", 0.264172, 0.0),
    "kg": ("lb", 2.204623, 0.0),
}
"""US customary units; the factors are those of NIST Special Publication 811, appendix B.8."""


def conversions(system: str) -> Mapping[str, Conversion]:
    """Give what a system of units changes; metric changes nothing."""
    return IMPERIAL if system == "imperial" else {}


def converted(value: float, unit: str | None, system: str) -> tuple[float, str | None]:
    """Give a value and its unit as people of that system read them."""
    found = conversions(system).get(unit or "")
    if found is None:
        return value, unit
    return value * found[1] + found[2], found[0]

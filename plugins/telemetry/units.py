"""Units as boards write them: one spelling for each, and those of other systems converted. Inside the gateway all is metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_SPELLINGS: Mapping[str, str] = {
    **dict.fromkeys(("c", "°c", "degc", "celsius", "ºc", "℃"), "°C"),
    **dict.fromkeys(("f", "°f", "degf", "fahrenheit", "ºf", "℉"), "°F"),
    **dict.fromkeys(("v", "volt", "volts"), "V"),
    **dict.fromkeys(("a", "amp", "amps", "ampere"), "A"),
    **dict.fromkeys(("w", "watt", "watts"), "W"),
    **dict.fromkeys(("kmh", "kph", "km/h", "kmph"), "km/h"),
    **dict.fromkeys(("percent", "pct", "%"), "%"),
    **dict.fromkeys(("l", "liter", "litre", "liters", "litres"), "L"),
    **dict.fromkeys(("mph", "mi/h"), "mph"),
    **dict.fromkeys(("rpm", "1/min"), "rpm"),
    **dict.fromkeys(("psi",), "psi"),
    **dict.fromkeys(("bar",), "bar"),
    **dict.fromkeys(("gal", "gallon", "gallons"), "gal"),
    **dict.fromkeys(("mi", "mile", "miles"), "mi"),
}

_METRIC: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "°F": ("°C", lambda value: (value - 32) / 1.8),
    "mph": ("km/h", lambda value: value * 1.609344),  # the international mile
    "mi": ("km", lambda value: value * 1.609344),
    "psi": ("kPa", lambda value: value * 6.894757293168),  # NIST SP 811
    "gal": ("L", lambda value: value * 3.785411784),  # the US gallon
}


def spelt(unit: str | None) -> str | None:
    """Give a unit in the gateway's spelling; one that is not known stays as it is written."""
    return None if unit is None else _SPELLINGS.get(unit.strip().lower(), unit.strip())


def metric(value: float, unit: str | None) -> tuple[float, str | None]:
    """Give a value and its unit as the gateway keeps them: `(212, "F")` is `(100.0, "°C")`."""
    known = spelt(unit)
    if known is None or known not in _METRIC:
        return value, known
    name, convert = _METRIC[known]
    return convert(value), name

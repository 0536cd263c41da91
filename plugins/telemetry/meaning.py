"""What a reading's name says about it: unit, device class and icon. A table with the words that boards use.

Device classes and units are Home Assistant's (https://www.home-assistant.io/integrations/sensor), so both sides agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from autocore.api import N_


@dataclass(frozen=True, slots=True)
class Meaning:
    """What is known of a quantity by its name."""

    unit: str | None = None
    device_class: str | None = None
    icon: str | None = None
    precision: int | None = None


_BY_WORD = {
    "rpm": Meaning("rpm", None, "engine", 0),
    "speed": Meaning("km/h", "speed", "gauge", 0),
    "coolant": Meaning("°C", "temperature", "temperature", 0),
    "temperature": Meaning("°C", "temperature", "temperature", 1),
    "temp": Meaning("°C", "temperature", "temperature", 1),
    "humidity": Meaning("%", "humidity", "droplet", 0),
    "voltage": Meaning("V", "voltage", "battery", 2),
    "battery": Meaning("V", "voltage", "battery", 2),
    "current": Meaning("A", "current", "bolt", 1),
    "power": Meaning("W", "power", "bolt", 0),
    "pressure": Meaning("bar", "pressure", "gauge", 2),
    "throttle": Meaning("%", None, "gauge", 0),
    "load": Meaning("%", None, "gauge", 0),
    "consumption": Meaning("L/h", "volume_flow_rate", "gas-station", 1),
    "fuel": Meaning("%", None, "gas-station", 0),
    "level": Meaning("%", None, "droplet", 0),
    "odometer": Meaning("km", "distance", "road", 0),
    "distance": Meaning("km", "distance", "road", 1),
    "rssi": Meaning("dBm", "signal_strength", "wifi", 0),
    "door": Meaning(None, "door", "door"),
    "ignition": Meaning(None, "power", "key"),
}
NOTHING = Meaning()


def meaning_of(key: str) -> Meaning:
    """Give what the last word of `key` means (`oil_pressure` is a pressure, `temperature_2` a temperature), or nothing.

    Only the last word: a fuel rate is no fuel level.
    """
    words = [word for word in key.split("_") if not word.isdecimal()]
    return _BY_WORD.get(words[-1], NOTHING) if words else NOTHING


NAMES = (
    N_("Ambient temperature"),
    N_("Battery"),
    N_("Battery voltage"),
    N_("Consumption"),
    N_("Coolant"),
    N_("Coolant temperature"),
    N_("Current"),
    N_("Distance"),
    N_("Door"),
    N_("Fuel"),
    N_("Fuel level"),
    N_("Gear"),
    N_("Humidity"),
    N_("Ignition"),
    N_("Level"),
    N_("Oil pressure"),
    N_("Oil temperature"),
    N_("Power"),
    N_("Pressure"),
    N_("RPM"),
    N_("Running"),
    N_("Speed"),
    N_("Supply voltage"),
    N_("Temperature"),
    N_("Throttle"),
    N_("Voltage"),
    N_("Water"),
)
"""What readings are mostly called, for translation; any other name is shown as the device says it."""

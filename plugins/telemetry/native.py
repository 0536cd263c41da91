"""Native telemetry: `{root}/telemetry/{id}/data` becomes one entity per device and reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autocore.api import BinarySensor, Description, Entity, Event, InvalidData, Message, PluginHost, Sensor, slug

from .meaning import meaning_of
from .readings import Reading, native
from .units import metric

READINGS_PER_DEVICE = 500  # what a stranger can make grow is bounded (security.md 13)
READINGS = 10_000  # of all devices together: about 30 MB; ten times what the largest vehicle here has


_ABBREVIATIONS = {"rpm": "RPM", "co2": "CO₂", "rssi": "RSSI", "gps": "GPS", "cpu": "CPU"}


def readable(key: str) -> str:
    """Give what people read for a reading's key: `oil_pressure` is `Oil pressure`, `rpm` is `RPM`."""
    words = [_ABBREVIATIONS.get(word, word) for word in key.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


class NativeTelemetry:
    """Turns what devices say into entities; remembers which entity a device's reading is.

    Args:
        host: the plugin's host.
        expires_after_s: silence that makes a reading unavailable.
        wishes: what the owner says of readings, by `<device>/<key>`.
    """

    def __init__(self, host: PluginHost, expires_after_s: float, wishes: Mapping[str, Mapping[str, Any]]) -> None:
        self._host = host
        self._expires_after_s = expires_after_s
        self._wishes = wishes
        self._by_device: dict[str, dict[str, Entity | None]] = {}
        """None stands for a reading that the owner wants to be ignored."""

    def start(self) -> None:
        """Listen to every device."""
        self._host.mqtt.subscribe("{root}/telemetry/+/data", self.on_data, qos=1)
        self._host.events.on("device.offline", self.on_offline)

    def on_data(self, message: Message) -> None:
        """Take one message; a reading that is wrong is refused by itself, the others count."""
        device, said = message.topic.split("/")[-2], message.json()
        if not self._host.devices.admit(device):
            return

        def reject(field: str, reason: str) -> None:
            self._host.mqtt.reject(message, device, field, reason)

        known = self._by_device.setdefault(device, {})
        for reading in native(said, reject):
            if reading.key not in known:
                if len(known) >= READINGS_PER_DEVICE:
                    reject(reading.key, f"a device has at most {READINGS_PER_DEVICE} readings")
                    continue
                if sum(map(len, self._by_device.values())) >= READINGS:
                    reject(reading.key, f"all devices together have at most {READINGS} readings; forget some that are not used")
                    continue
                known[reading.key] = self._adopt(device, reading)
            entity = known[reading.key]
            if entity is None:
                continue
            try:
                entity.set(self._value(device, reading))
            except InvalidData as error:
                reject(reading.key, error.message)

    def forget(self, entity_id: str) -> bool:
        """Take a reading away for good, until its device sends it again; say whether there was one of that id."""
        for known in self._by_device.values():
            for key, entity in known.items():
                if entity is not None and entity.id == entity_id:
                    del known[key]
                    self._host.entities.remove(entity)
                    return True
        return False

    def on_offline(self, event: Event) -> None:
        """Show the last values of a device that went away as what they are: not live."""
        for entity in self._by_device.get(event.data["device"], {}).values():
            if entity is not None:
                entity.lose()

    def _adopt(self, device: str, reading: Reading) -> Entity | None:
        wish = self._wishes.get(_wished(device, reading), {})
        return None if wish.get("ignore") else self._host.entities.add(self._describe(device, reading, wish))

    def _value(self, device: str, reading: Reading) -> float | int | str | bool:
        value = reading.value
        if isinstance(value, (bool, str)):
            return value
        if reading.unit is not None:
            value, _ = metric(value, reading.unit)
        wish = self._wishes.get(_wished(device, reading))
        return value if wish is None or wish["scale"] is None else value * wish["scale"]

    def _describe(self, device: str, reading: Reading, wish: Mapping[str, Any]) -> Description:
        meaning = meaning_of(reading.key)
        is_number = not isinstance(reading.value, (str, bool))
        face: dict[str, Any] = {
            "unique": reading.key,
            "name": wish.get("name") or readable(reading.key),
            "device": device,
            "device_class": wish.get("device_class") or (None if isinstance(reading.value, str) else meaning.device_class),
            "icon": wish.get("icon") or meaning.icon,
            "area": wish.get("area"),
            "expires_after_s": wish.get("expires_after") or self._expires_after_s,
            "written": self._host.written("readings", _wished(device, reading)) if wish else None,
        }
        key = f"{slug(device)}_{reading.key}"
        if isinstance(reading.value, bool):
            return BinarySensor(key, **face)
        precision = wish.get("precision")
        _, unit = metric(0.0, reading.unit)
        return Sensor(
            key,
            unit=wish.get("unit") or unit or (meaning.unit if is_number else None),
            state_class="measurement" if is_number else None,
            precision=meaning.precision if precision is None and is_number else precision,
            limits=wish.get("limits"),
            **face,
        )


def _wished(device: str, reading: Reading) -> str:
    return f"{device}/{reading.key}"

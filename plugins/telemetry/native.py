"""Native telemetry: `{root}/telemetry/{id}/data` becomes one entity per device and reading."""

from __future__ import annotations

from autocore.api import BinarySensor, Description, Entity, Event, InvalidData, Message, PluginHost, Sensor, slug

from .meaning import meaning_of
from .readings import Reading, native

READINGS_PER_DEVICE = 500  # what a stranger can make grow is bounded (security.md 13)


_ABBREVIATIONS = {"rpm": "RPM", "co2": "CO₂", "rssi": "RSSI", "gps": "GPS", "cpu": "CPU"}


def readable(key: str) -> str:
    """Give what people read for a reading's key: `oil_pressure` is `Oil pressure`, `rpm` is `RPM`."""
    words = [_ABBREVIATIONS.get(word, word) for word in key.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


class NativeTelemetry:
    """Turns what devices say into entities; remembers which entity a device's reading is."""

    def __init__(self, host: PluginHost, expires_after_s: float) -> None:
        self._host = host
        self._expires_after_s = expires_after_s
        self._by_device: dict[str, dict[str, Entity]] = {}

    def start(self) -> None:
        """Listen to every device."""
        self._host.mqtt.subscribe("{root}/telemetry/+/data", self.on_data)
        self._host.events.on("device.offline", self.on_offline)

    def on_data(self, message: Message) -> None:
        """Take one message; a reading that is wrong is refused by itself, the others count."""
        device = message.topic.split("/")[-2]
        if not self._host.devices.admit(device):
            return

        def reject(field: str, reason: str) -> None:
            self._host.mqtt.reject(message, device, field, reason)

        known = self._by_device.setdefault(device, {})
        for reading in native(message.json(), reject):
            entity = known.get(reading.key)
            if entity is None:
                if len(known) >= READINGS_PER_DEVICE:
                    reject(reading.key, f"a device has at most {READINGS_PER_DEVICE} readings")
                    continue
                entity = known[reading.key] = self._host.entities.add(self._describe(device, reading))
            try:
                entity.set(reading.value)
            except InvalidData as error:
                reject(reading.key, error.message)

    def on_offline(self, event: Event) -> None:
        """Show the last values of a device that went away as what they are: not live."""
        for entity in self._by_device.get(event.data["device"], {}).values():
            entity.lose()

    def _describe(self, device: str, reading: Reading) -> Description:
        meaning = meaning_of(reading.key)
        key = f"{slug(device)}_{reading.key}"
        name = readable(reading.key)
        if isinstance(reading.value, bool):
            return BinarySensor(
                key,
                unique=reading.key,
                name=name,
                device=device,
                device_class=meaning.device_class,
                icon=meaning.icon,
                expires_after_s=self._expires_after_s,
            )
        is_number = not isinstance(reading.value, str)
        return Sensor(
            key,
            unique=reading.key,
            name=name,
            device=device,
            device_class=meaning.device_class if is_number else None,
            icon=meaning.icon,
            unit=reading.unit or (meaning.unit if is_number else None),
            state_class="measurement" if is_number else None,
            precision=meaning.precision if is_number else None,
            expires_after_s=self._expires_after_s,
        )

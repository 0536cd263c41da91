"""Foreign topics: what a board of another make says, mapped in YAML by topic and path to one sensor each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autocore.api import Entity, InvalidData, Message, PluginHost, Sensor, slug

from .readings import at_path, parse_path


class ForeignSensor:
    """One mapping of the section `telemetry.sensors`.

    Args:
        host: the plugin's host.
        mapping: `{topic, path, id, name, unit, device_class, icon, area, precision, scale, limits, expires_after}`.
        written: which of it the configuration owns.
    """

    def __init__(self, host: PluginHost, mapping: Mapping[str, Any], written: Mapping[str, str]) -> None:
        self._host = host
        self._topic: str = mapping["topic"]
        self._path = parse_path(mapping["path"])
        self._scale: float | None = mapping["scale"]
        key = mapping["id"] or slug(mapping["name"])
        self._entity: Entity = host.entities.add(
            Sensor(
                key,
                name=mapping["name"],
                unit=mapping["unit"],
                device_class=mapping["device_class"],
                state_class="measurement",
                icon=mapping["icon"],
                area=mapping["area"],
                limits=mapping["limits"],
                precision=mapping["precision"],
                expires_after_s=mapping["expires_after"],
                written=written,
            )
        )

    def start(self) -> None:
        """Listen to the topic."""
        self._host.mqtt.subscribe(self._topic, self.on_message, qos=1)

    def on_message(self, message: Message) -> None:
        """Take one message: JSON when the mapping has a path or the payload is a number, else text.

        Raises:
            InvalidData: nothing stands at the path, or what stands there is no reading.
        """
        value = at_path(message.json(), self._path) if self._path else plain(message.text())
        if isinstance(value, bool):
            value = int(value)
        if self._scale is not None:
            if not isinstance(value, (int, float)):
                raise InvalidData(f"scale needs a number, not {type(value).__name__}", field="value")
            value = float(self._entity.description.read(value)) * self._scale  # type: ignore[arg-type]  # it is a number
        self._entity.set(value)


def plain(text: str) -> float | int | str:
    """Give what a plain payload holds: a whole number, a decimal number, or the text itself."""
    stripped = text.strip()
    for kind in (int, float):
        try:
            return kind(stripped)
        except ValueError:
            continue
    return stripped

"""The section `telemetry` of the configuration."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from autocore.api import device_id, duration, entity_id, limits, slug_key, topic_filter

_FACE: dict[Any, Any] = {
    vol.Optional("unit", default=None): vol.Any(vol.All(str, vol.Length(max=20)), None),
    vol.Optional("device_class", default=None): vol.Any(str, None),
    vol.Optional("icon", default=None): vol.Any(str, None),
    vol.Optional("area", default=None): vol.Any(str, None),
    vol.Optional("precision", default=None): vol.Any(vol.All(int, vol.Range(0, 6)), None),
    vol.Optional("scale", default=None): vol.Any(vol.Coerce(float), None),
    vol.Optional("limits", default=None): vol.Any(limits, None),
    vol.Optional("expires_after", default=None): vol.Any(duration, None),
}


def reading(value: Any) -> str:
    """Give the name of a device's reading, `<device>/<key>`, as the section's `readings` knows it."""
    if isinstance(value, str):
        device, _, key = value.partition("/")
        try:
            return f"{device_id(device)}/{slug_key(key)}"
        except vol.Invalid:
            pass
    raise vol.Invalid("expected a device and its reading; write e.g. engine/coolant")


READING = vol.Schema(
    {
        vol.Optional("name", default=None): vol.Any(vol.All(str, vol.Length(min=1, max=60)), None),
        vol.Optional("ignore", default=False): bool,
        **_FACE,
    }
)

SENSOR = vol.Schema(
    {
        vol.Required("topic"): topic_filter,
        vol.Required("name"): vol.All(str, vol.Length(min=1)),
        vol.Optional("path", default=""): str,
        vol.Optional("id", default=None): vol.Any(slug_key, None),
        **_FACE,
    }
)

SCHEMA = vol.Schema(
    {
        vol.Optional("expires_after", default=600.0): duration,
        vol.Optional("sensors", default=list): [SENSOR],
        vol.Optional("readings", default=dict): {reading: READING},
        vol.Optional("dashboard", default=list): [entity_id],
    }
)

"""The section `telemetry` of the configuration."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from autocore.api import N_, device_id, duration, entity_id, label, limits, slug_key, topic_filter

_FACE: dict[Any, Any] = {
    vol.Optional("unit", default=None, description="instead of the one that it says, or that its name means"): vol.Any(
        vol.All(str, vol.Length(max=20)), None
    ),
    vol.Optional("device_class", default=None, description="Home Assistant's word, e.g. temperature"): vol.Any(str, None),
    vol.Optional("icon", default=None, description="a Tabler icon"): vol.Any(str, None),
    vol.Optional("area", default=None, description="where in the vehicle"): vol.Any(label, None),
    vol.Optional("precision", default=None, description="digits after the point worth showing"): vol.Any(
        vol.All(int, vol.Range(0, 6)), None
    ),
    vol.Optional("scale", default=None, description="what the value is multiplied by"): vol.Any(vol.Coerce(float), None),
    vol.Optional("limits", default=None, description="where a warning and an alarm begin"): vol.Any(limits, None),
    vol.Optional("expires_after", default=None, description="instead of the section's"): vol.Any(duration, None),
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
        vol.Optional("name", default=None, description="what people read"): vol.Any(label, None),
        vol.Optional("ignore", default=False, description="true: it becomes no sensor"): bool,
        **_FACE,
    }
)

SENSOR = vol.Schema(
    {
        vol.Required("topic", description="where the board of another make publishes"): topic_filter,
        vol.Required("name", description="what people read"): label,
        vol.Optional("path", default="", description="where in its JSON, e.g. ENERGY.Power; empty for a plain number"): str,
        vol.Optional("id", default=None, description="the entity is sensor.<id>; made from the name otherwise"): vol.Any(
            slug_key, None
        ),
        **_FACE,
    }
)

SCHEMA = vol.Schema(
    {
        vol.Optional("expires_after", default=600.0, description=N_("silence that makes a sensor unavailable")): duration,
        vol.Optional("sensors", default=list, description=N_("boards of another make")): [SENSOR],
        vol.Optional("readings", default=dict, description=N_("what you call native readings, by <device>/<key>")): {
            reading: READING
        },
        vol.Optional("dashboard", default=list, description=N_("sensors on the live chart; else the first measured")): [
            entity_id
        ],
    }
)

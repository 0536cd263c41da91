"""The section `telemetry` of the configuration."""

from __future__ import annotations

import voluptuous as vol

from autocore.api import duration, entity_id, slug_key, topic_filter

SENSOR = vol.Schema(
    {
        vol.Required("topic"): topic_filter,
        vol.Required("name"): vol.All(str, vol.Length(min=1)),
        vol.Optional("path", default=""): str,
        vol.Optional("id", default=None): vol.Any(slug_key, None),
        vol.Optional("unit", default=None): vol.Any(str, None),
        vol.Optional("device_class", default=None): vol.Any(str, None),
        vol.Optional("icon", default=None): vol.Any(str, None),
        vol.Optional("precision", default=None): vol.Any(vol.All(int, vol.Range(0, 6)), None),
        vol.Optional("scale", default=None): vol.Any(vol.Coerce(float), None),
        vol.Optional("expires_after", default=None): vol.Any(duration, None),
    }
)

SCHEMA = vol.Schema(
    {
        vol.Optional("expires_after", default=600.0): duration,
        vol.Optional("sensors", default=list): [SENSOR],
        vol.Optional("dashboard", default=list): [entity_id],
    }
)

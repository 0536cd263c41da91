"""The section `system` of the configuration, with the limits that hold when it says none."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from autocore.api import N_, Limits, duration, limits

DEFAULTS = {
    # A Raspberry Pi slows itself down from 80 °C on, and more at 85 °C (its documentation, frequency management).
    "cpu_temperature": Limits(warn_above=75, critical_above=82, hysteresis=3),
    "memory": Limits(warn_above=85, critical_above=95, hysteresis=3),
    "disk": Limits(warn_above=85, critical_above=95, hysteresis=1),
    # The default policy writes at most 20 MB in an hour at 100 messages a second; at three times that something else writes.
    "disk_written": Limits(warn_above=60, hysteresis=10),
    "plugin": Limits(warn_above=25, critical_above=75, hysteresis=5),
}
MEANS = {
    "cpu_temperature": "of the processor, in °C",
    "memory": "in use, in percent",
    "disk": "in use where the data lie, in percent",
    "disk_written": "written to the disk in an hour, in MB",
    "plugin": "what one plugin takes of one processor, in percent",
}


def _limit(name: str) -> dict[Any, Any]:
    return {vol.Optional(name, default=DEFAULTS[name], description=MEANS[name]): vol.Any(Limits, limits, None)}


SCHEMA = vol.Schema(
    {
        vol.Optional("every", default=10.0, description=N_("how often the gateway measures itself")): vol.All(
            duration, vol.Range(1, 3600, msg="use 1s to 1h")
        ),
        vol.Optional("limits", default=dict, description=N_("where a warning and an alarm begin")): {
            key: value for name in DEFAULTS for key, value in _limit(name).items()
        },
    }
)

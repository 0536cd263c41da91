"""The section `power` of the configuration."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from autocore.api import N_, duration, entity_id

LOW_FOR_S = (1.0, 3600.0)
THENS = ("power_off", "exit", "nothing")
POWER_OFF = ("systemctl", "poweroff")


def _input(value: Any) -> str:
    found: str = entity_id(value)
    if not found.startswith("binary_sensor."):
        raise vol.Invalid("the ignition is a binary sensor, e.g. binary_sensor.ignition")
    return found


SCHEMA = vol.Schema(
    {
        vol.Required("ignition", description=N_("the binary sensor that is on while the ignition is")): _input,
        vol.Optional("low_for", default=5.0, description=N_("it must be off for so long: cranking is ignored")): vol.All(
            duration, vol.Range(*LOW_FOR_S, msg="use 1s to 1h")
        ),
        vol.Optional("then", default="power_off", description=N_("what follows once everything is on the disk")): vol.In(
            THENS, msg=f"use one of {', '.join(THENS)}"
        ),
        vol.Optional(
            "command", default=list(POWER_OFF), description=N_("the program that powers the machine off, word by word; no shell")
        ): vol.All([vol.All(str, vol.Length(min=1))], vol.Length(min=1, msg="name a program")),
    }
)

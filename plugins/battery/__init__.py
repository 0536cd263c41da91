"""Batteries: three levels by voltage; people are told, loads are turned off by priority and turned on again in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Panel, PluginHost, Slot, hookimpl

from .battery import Battery
from .section import SCHEMA, batteries_of


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `battery`."""
    return SCHEMA


@hookimpl
async def setup(host: PluginHost, config: list[Mapping[str, Any]]) -> None:
    """Add the batteries as an earlier start left them, and show them."""
    batteries = [Battery(host, section, await host.store.get(section.key)) for section in batteries_of(config)]
    for battery in batteries:
        battery.start()
    host.data = batteries

    def context() -> Mapping[str, Any]:
        return {"batteries": batteries}

    host.panels.add(Panel(N_("Battery"), icon="battery", template="battery.html", context=context, order=30))
    host.panels.add(Panel(N_("Battery"), icon="battery", template="level.html", context=context, slot=Slot.DASHBOARD, order=25))


@hookimpl
def diagnostics(host: PluginHost) -> Mapping[str, Any]:
    """Tell what each battery is, and what is off for it."""
    return {
        one.section.key: {"volts": one.gauge.volts, "is_stale": one.gauge.is_stale, **one.shedding.snapshot()}
        for one in host.data
    }

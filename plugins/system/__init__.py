"""The gateway itself: temperature, supply, memory, disk, message rates and what each plugin costs, with limits that warn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Panel, PluginHost, Role, ServiceCall, Slot, hookimpl

from .gauges import Gauges
from .machine import undervoltage_file
from .section import SCHEMA


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `system`."""
    return SCHEMA


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Add the sensors, measure now and then every `every` seconds, and show cards on the dashboard and under monitoring."""
    gauges = Gauges(host, config["limits"], host.data_folder, undervoltage_file())

    async def measure(_call: ServiceCall) -> Mapping[str, Any]:
        await gauges.measure()
        return {}

    host.services.add("measure", measure, role=Role.VIEWER, description=N_("Measure the gateway now."))
    host.schedule.after(0, gauges.measure)
    host.schedule.every(config["every"], gauges.measure)
    for title, icon, template, order in (
        (N_("CPU temperature"), "cpu", "temperature.html", 30),
        (N_("Uptime"), "clock", "uptime.html", 40),
    ):
        host.panels.add(Panel(title, icon=icon, template=template, slot=Slot.DASHBOARD, order=order))
    for title, icon, template, order in (
        (N_("Temperature and load"), "cpu", "machine.html", 10),
        (N_("Messages a second"), "activity", "messages.html", 20),
    ):
        host.panels.add(Panel(title, icon=icon, template=template, slot=Slot.MONITORING, order=order, wide=True))

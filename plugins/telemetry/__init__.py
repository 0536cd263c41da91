"""Telemetry: what devices measure becomes typed sensors, with history; native topics by themselves, foreign ones by mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Entity, InvalidData, Panel, PluginHost, Role, ServiceCall, Slot, entity_id, hookimpl

from .foreign import ForeignSensor
from .native import NativeTelemetry
from .section import SCHEMA

CHART_LINES = 3  # more lines on one small chart cannot be told apart


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `telemetry`."""
    return SCHEMA


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Listen to the native topics and the mapped ones, and show a page and a live chart."""
    native = NativeTelemetry(host, config["expires_after"], config["readings"])
    native.start()
    for number, mapping in enumerate(config["sensors"]):
        ForeignSensor(host, mapping, host.written("sensors", number)).start()

    async def forget(call: ServiceCall) -> Mapping[str, Any]:
        if not native.forget(call.data["entity"]):
            raise InvalidData(f"{call.data['entity']} is no reading that a device sent since the start", field="entity")
        return {"entity": call.data["entity"]}

    host.services.add(
        "forget",
        forget,
        schema=vol.Schema({vol.Required("entity"): entity_id}),
        role=Role.TECHNICIAN,
        description=N_("Forget a reading that its device sends no more; its history stays."),
    )

    def sensors() -> list[Entity]:
        return sorted(host.entities.own, key=lambda entity: entity.id)

    def page() -> Mapping[str, Any]:
        return {"entities": sensors(), "lines": chart_lines(sensors(), config["dashboard"])}

    host.panels.add(Panel(N_("Telemetry"), icon="chart-line", template="telemetry.html", context=page, order=30))
    host.panels.add(
        Panel(
            N_("Live telemetry"),
            icon="chart-line",
            template="chart.html",
            context=page,
            slot=Slot.DASHBOARD,
            order=90,
            wide=True,
        )
    )


def chart_lines(entities: list[Entity], chosen: list[str]) -> list[str]:
    """Give the ids of the sensors on the live chart: the chosen ones, else the first few measured numbers."""
    if chosen:
        return chosen
    measured = [one.id for one in entities if getattr(one.description, "state_class", None) == "measurement"]
    return measured[:CHART_LINES]

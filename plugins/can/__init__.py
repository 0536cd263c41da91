"""CAN: what the vehicle's buses say becomes sensors. It listens and never sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Panel, PluginHost, Role, hookimpl

from .choices import CHOOSE, DBC_NAME
from .section import SCHEMA, section_of
from .station import Station


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `can`."""
    return SCHEMA


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Listen to the buses, and offer the services and the panel."""
    station = host.data = Station(host, section_of(config, lambda at: host.written("signals", at)))
    host.services.add(
        "choose",
        station.choose,
        schema=CHOOSE,
        role=Role.TECHNICIAN,
        description=N_("Make a signal of a DBC file an entity, or no longer."),
    )
    host.services.add(
        "forget_dbc",
        station.forget_dbc,
        schema=vol.Schema({vol.Required("dbc"): DBC_NAME}),
        role=Role.ADMIN,
        description=N_("Delete an uploaded DBC file and what was chosen of it."),
    )
    host.panels.add(Panel(N_("CAN"), icon="router", template="can.html", context=station.context, order=40))
    station.start()


@hookimpl
def routes(host: PluginHost) -> list[Any]:
    """Give the routes for DBC files, frames and signals."""
    from .rest import handlers  # noqa: PLC0415  # Litestar takes a while, and `autocore check` needs no routes

    return handlers(host.data)


@hookimpl
def diagnostics(host: PluginHost) -> Mapping[str, Any]:
    """Give the state of buses and files."""
    station: Station = host.data
    return station.facts()

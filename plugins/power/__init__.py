"""The power of the gateway: the ignition goes off, everything is brought to the disk, boards are told, the machine powers off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Panel, PluginHost, Slot, hookimpl

from .power import ARMED, LAST, PowerWatch
from .section import SCHEMA


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `power`."""
    return SCHEMA


@hookimpl
async def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Follow the ignition, and show the last way down."""
    watch = PowerWatch(host, config, is_armed=bool(await host.store.get(ARMED)), last=await host.store.get(LAST))
    watch.start()
    host.panels.add(
        Panel(
            N_("Power"),
            icon="bolt",
            template="power.html",
            context=lambda: {"watch": watch},
            slot=Slot.MONITORING,
            order=60,
        )
    )

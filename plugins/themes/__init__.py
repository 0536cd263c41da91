"""Themes: colours, shapes and fonts for the admin and for every display, one active at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Panel, PluginHost, hookimpl

from . import services
from .dresser import Dresser
from .panel import context
from .section import SCHEMA, section_of


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `themes`."""
    return SCHEMA


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Wear the active theme, tell displays, and offer the services, the entity and the panel."""
    dresser = host.data = Dresser(host, section_of(config))
    services.offer(host, dresser)
    host.panels.add(Panel(N_("Themes"), icon="palette", template="themes.html", context=lambda: context(dresser), order=60))
    dresser.start()


@hookimpl
def routes(host: PluginHost) -> list[Any]:
    """Give the routes for the list, the editor, the preview, import and export."""
    from .rest import handlers  # noqa: PLC0415  # Litestar takes a while, and `autocore check` needs no routes

    return handlers(host, host.data)


@hookimpl
def diagnostics(host: PluginHost) -> Mapping[str, Any]:
    """Give what is worn, what was told, and what is not used."""
    dresser: Dresser = host.data
    return dresser.facts()

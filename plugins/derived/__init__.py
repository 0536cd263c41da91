"""Entities made of other entities: groups, templates, statistics over a window, and the best of several sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from autocore.api import N_, Panel, PluginHost, hookimpl

from .group import Group
from .section import SCHEMA
from .source import BestSource
from .statistic import Statistic
from .template import TemplateEntity

MAKERS: Mapping[str, type[Group | TemplateEntity | Statistic | BestSource]] = {
    "groups": Group,
    "templates": TemplateEntity,
    "statistics": Statistic,
    "sources": BestSource,
}


@hookimpl
def config_schema() -> vol.Schema:
    """Give the schema of the section `derived`."""
    return SCHEMA


@hookimpl
def setup(host: PluginHost, config: Mapping[str, Any]) -> None:
    """Add what the section describes, in its order, and a page that shows what is made of what."""
    made = [
        make(host, item, host.written(part, number)) for part, make in MAKERS.items() for number, item in enumerate(config[part])
    ]
    for one in made:
        one.start()
    host.panels.add(
        Panel(
            N_("Calculated"),
            icon="calculator",
            template="derived.html",
            context=lambda: {"made": made},
            order=60,
        )
    )

"""`autocore asyncapi` and `autocore schema`: documents made from the code itself."""

from __future__ import annotations

import json

import click

from autocore.builtin import asyncapi as api
from autocore.builtin.dbml import document
from autocore.check import load_checked
from autocore.cli.options import Common, common
from autocore.core.config import config_of
from autocore.core.host import Core
from autocore.core.plugins import Plugins


@click.command()
@common
def asyncapi(shared: Common) -> None:
    """Print AsyncAPI for everything on MQTT: the core's topics, and those of the plugins that are configured."""
    from autocore.rehearsal import rehearse  # noqa: PLC0415  # the whole gateway: only for this

    config = load_checked(shared.config) if (shared.config / "config.yaml").exists() else config_of("")

    def look(core: Core, plugins: Plugins) -> dict[str, object]:
        return api.document(core.hub.root, plugins.topics())

    click.echo(json.dumps(rehearse(config, look), indent=2, ensure_ascii=False))


@click.command()
@common
def schema(_shared: Common) -> None:
    """Print the tables of the databases as DBML."""
    click.echo(document())

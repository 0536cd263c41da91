"""`autocore plugin` and `autocore reload`: asked of the running gateway."""

from __future__ import annotations

import click

from autocore.cli.control import ask
from autocore.cli.options import Common, common


@click.group()
def plugin() -> None:
    """See and reload plugins."""


@plugin.command("list")
@common
def list_plugins(shared: Common) -> None:
    """List the plugins of the running gateway."""
    rows = ask(shared.data, "GET", "/api/v1/plugins")["items"]
    lines = [f"{row['name']:<16}{row['status']:<12}{row['reason'] or ''}".rstrip() for row in rows]
    shared.show(rows, "\n".join(lines) or "no plugin is switched on")


@plugin.command("reload")
@click.argument("name")
@common
def reload_plugin(shared: Common, name: str) -> None:
    """Stop a plugin, read its code again and start it."""
    row = ask(shared.data, "POST", f"/api/v1/plugins/{name}/reload")
    shared.show(row, f"{name} is {row['status']}{': ' + row['reason'] if row['reason'] else ''}")


@click.command()
@common
def reload(shared: Common) -> None:
    """Let the running gateway read its configuration again."""
    changed = ask(shared.data, "POST", "/api/v1/reload")["changed"]
    shared.show({"changed": changed}, f"reloaded: {', '.join(changed)}" if changed else "nothing changed")

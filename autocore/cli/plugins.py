"""`autocore plugin` and `autocore reload`: asked of the running gateway."""

from __future__ import annotations

from pathlib import Path

import click

from autocore.cli.options import Common, common
from autocore.cli.scaffold import write_plugin
from autocore.control import ask


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


@plugin.command("new")
@click.argument("name")
@click.option("--single-file", is_flag=True, help="One file and its test, for <config>/plugins/, instead of a package.")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=".", show_default=True, help="Where to write.")
@common
def new_plugin(shared: Common, name: str, single_file: bool, into: Path) -> None:  # noqa: FBT001  # click's flag
    """Write a new plugin with a topic, a sensor, a service, a page and tests that pass."""
    files = write_plugin(name, into, is_single_file=single_file)
    shared.show([str(file) for file in files], "\n".join(f"wrote {file}" for file in files))


@click.command()
@common
def reload(shared: Common) -> None:
    """Let the running gateway read its configuration again."""
    changed = ask(shared.data, "POST", "/api/v1/reload")["changed"]
    shared.show({"changed": changed}, f"reloaded: {', '.join(changed)}" if changed else "nothing changed")

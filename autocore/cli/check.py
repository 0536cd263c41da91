"""`autocore check`: the loader itself, nothing started, so that "valid" means that it will run."""

from __future__ import annotations

import click

from autocore.cli.options import Common, common


@click.command()
@common
def check(shared: Common) -> None:
    """Check the configuration and say every fault with its place."""
    from autocore.check import check_folder  # noqa: PLC0415  # the loader is imported when it is asked for

    names = check_folder(shared.config)
    shared.show({"valid": True, "plugins": names}, f"valid: {', '.join(names) or 'no plugin'} would run")

"""`autocore check`: the loader, every plugin's schema, and a rehearsal of the start with nothing connected."""

from __future__ import annotations

import click

from autocore.check import check_folder, load_checked
from autocore.cli.options import Common, common
from autocore.core.errors import ConfigError, ConfigFaults


@click.command()
@common
def check(shared: Common) -> None:
    """Check the configuration; what is valid here starts."""
    names = check_folder(shared.config)
    from autocore.rehearsal import failures  # noqa: PLC0415  # the whole gateway: only once the files are right

    problems = failures(load_checked(shared.config))
    if problems:
        raise ConfigFaults([ConfigError(sentence) for sentence in problems])
    shared.show({"valid": True, "plugins": names}, f"valid: {', '.join(names) or 'no plugin'} would run")

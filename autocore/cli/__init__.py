"""The command line: `autocore COMMAND`. Commands are imported when they are called, so that help is instant.

Exit codes: 0 done, 1 the input is wrong (every fault said on standard error), 2 the call is wrong or something failed.
"""

from __future__ import annotations

import importlib
import sys

import click

from autocore import __version__
from autocore.core.errors import AutocoreError, ConfigError, ConfigFaults, InvalidData

COMMANDS = {
    "asyncapi": "autocore.cli.documents:asyncapi",
    "audit": "autocore.cli.audit:audit",
    "backup": "autocore.cli.backups:backup",
    "check": "autocore.cli.check:check",
    "demo": "autocore.cli.run:demo",
    "doctor": "autocore.cli.doctor:doctor",
    "notify": "autocore.cli.notify:notify",
    "device": "autocore.cli.devices:device",
    "plugin": "autocore.cli.plugins:plugin",
    "reference": "autocore.cli.reference:reference",
    "reload": "autocore.cli.plugins:reload",
    "restore": "autocore.cli.backups:restore",
    "run": "autocore.cli.run:run",
    "schema": "autocore.cli.documents:schema",
    "simulate": "autocore.cli.simulate:simulate",
    "tls": "autocore.cli.tls:tls",
    "token": "autocore.cli.tokens:token",
    "user": "autocore.cli.users:user",
}


class Commands(click.Group):
    """The commands by name, each imported at its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Give the names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import one command."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="autocore")
def commands() -> None:
    """AutoCore, the gateway of a vehicle."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    try:
        commands(prog_name="autocore")
    except (ConfigError, ConfigFaults, InvalidData) as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except AutocoreError as error:
        click.echo(f"autocore: {error}", err=True)
        sys.exit(2)

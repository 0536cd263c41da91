"""`autocore doctor`: what is wrong with a vehicle's gateway, and what to do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from autocore.cli.options import Common, common
from autocore.doctor.finding import Finding, Level
from autocore.doctor.visit import visit

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command()
@common
def doctor(shared: Common) -> None:
    """Look at data, configuration, clock, broker and disk; nothing is changed. Exit code 1 when something is wrong."""
    found = []
    for one in visit(shared.config, shared.data):
        found.append(one)
        if not shared.as_json:
            _show(one)
    wrong = sum(one.level is Level.PROBLEM for one in found)
    doubtful = sum(one.level is Level.WARNING for one in found)
    if shared.as_json:
        click.echo(json.dumps({"problems": wrong, "warnings": doubtful, "findings": [asdict(one) for one in found]}))
    else:
        counts = f"{_counted(wrong, 'problem')}, {_counted(doubtful, 'warning')}"
        click.echo(counts if wrong or doubtful else "everything is as it should be")
    sys.exit(1 if wrong else 0)


def _counted(amount: int, word: str) -> str:
    return f"{amount} {word}{'' if amount == 1 else 's'}"


def _show(one: Finding) -> None:
    word = click.style(f"{one.level.value:8}", fg=COLOURS[one.level])
    click.echo(f"{word} {one.part}: {one.text}")
    if one.todo:
        click.echo(f"         do: {one.todo}")

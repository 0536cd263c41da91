"""`autocore token`: API tokens for programs."""

from __future__ import annotations

from typing import Any

import click
import voluptuous as vol

from autocore.auth.accounts import Accounts
from autocore.cli.options import Common, common
from autocore.cli.store import with_accounts
from autocore.core.config.types import duration
from autocore.core.errors import InvalidData


@click.group()
def token() -> None:
    """Make, list and revoke API tokens."""


@token.command()
@click.argument("name")
@click.option("--user", "owner", required=True, help="In whose name the program acts.")
@click.option("--scope", "scopes", multiple=True, help="Limit it, e.g. read:* or services:switch.*; may be repeated.")
@click.option("--expires", help="How long it holds, e.g. 30d; for ever when left out.")
@common
def create(shared: Common, name: str, *, owner: str, scopes: tuple[str, ...], expires: str | None) -> None:
    """Make a token and print it, this once."""
    lasts_s = None if expires is None else _seconds(expires)
    made = with_accounts(shared.data, lambda accounts: accounts.add_token(name, owner, scopes, lasts_s))
    shared.show({"id": made.id, "name": name, "user": owner, "scopes": list(scopes), "token": made.text}, made.text)


@token.command("list")
@common
def list_tokens(shared: Common) -> None:
    """List the tokens; their texts are not kept."""
    rows: list[dict[str, Any]] = [
        {"id": one.id, "name": one.name, "user": one.user, "scopes": list(one.scopes)}
        for one in with_accounts(shared.data, Accounts.tokens)
    ]
    lines = [f"{row['id']}  {row['name']}  {row['user']}  {' '.join(row['scopes'])}".rstrip() for row in rows]
    shared.show(rows, "\n".join(lines) or "no token yet")


@token.command()
@click.argument("token_id", metavar="ID")
@common
def revoke(shared: Common, token_id: str) -> None:
    """Revoke a token by its id."""
    with_accounts(shared.data, lambda accounts: accounts.remove_token(token_id))
    shared.show({"id": token_id}, f"{token_id} is revoked")


def _seconds(text: str) -> int:
    try:
        seconds = duration(text)
    except vol.Invalid as error:
        raise InvalidData(str(error), field="--expires") from error
    if seconds < 1:
        raise InvalidData("a token holds at least a second", field="--expires")
    return round(seconds)

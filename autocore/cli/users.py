"""`autocore user`: people."""

from __future__ import annotations

import sys

import click

from autocore.auth.accounts import Accounts
from autocore.cli.options import Common, common
from autocore.cli.store import with_accounts
from autocore.core.model import Role

ROLES = click.Choice([role.name.lower() for role in Role])


@click.group()
def user() -> None:
    """Add, list and remove users, and change roles and passwords."""


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="What the user may do.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@common
def add(shared: Common, name: str, *, role: str, password_stdin: bool) -> None:
    """Make a user."""
    password = _password(from_stdin=password_stdin)
    with_accounts(shared.data, lambda accounts: accounts.add_user(name, password, Role.parse(role)))
    shared.show({"username": name, "role": role}, f"{name} is {role}")


@user.command("list")
@common
def list_users(shared: Common) -> None:
    """List the users."""
    users = with_accounts(shared.data, Accounts.users)
    rows = [{"username": one.name, "role": one.role.name.lower()} for one in users]
    shared.show(rows, "\n".join(f"{row['username']}  {row['role']}" for row in rows) or "no user yet")


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@common
def passwd(shared: Common, name: str, *, password_stdin: bool) -> None:
    """Change a password; the user's sessions end."""
    password = _password(from_stdin=password_stdin)
    with_accounts(shared.data, lambda accounts: accounts.set_password(name, password))
    shared.show({"username": name}, f"{name} has a new password")


@user.command("role")
@click.argument("name")
@click.argument("role", type=ROLES)
@common
def set_role(shared: Common, name: str, *, role: str) -> None:
    """Change what a user may; the last administrator stays one."""
    with_accounts(shared.data, lambda accounts: accounts.set_role(name, Role.parse(role)))
    shared.show({"username": name, "role": role}, f"{name} is {role}")


@user.command()
@click.argument("name")
@common
def remove(shared: Common, name: str) -> None:
    """Remove a user with all sessions and tokens."""
    with_accounts(shared.data, lambda accounts: accounts.remove_user(name))
    shared.show({"username": name}, f"{name} is removed")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer

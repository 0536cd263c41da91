"""`/api/v1/users`, and what people change of themselves: password and PIN. Each change asks for the own password again."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, delete, get, patch, post, put

from autocore.builtin.people import People
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.matrix import matrix
from autocore.web.parts import Parts
from autocore.web.proof import prove
from autocore.web.routes.auth import Text


class Proof(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The password of whoever asks."""

    own_password: Text = ""


class NewUser(Proof):
    """A user to be made."""

    username: Text
    password: Text
    role: Text = "viewer"


class NewRole(Proof):
    """Another role."""

    role: Text


class NewPassword(Proof):
    """Another password."""

    password: Text


class NewPin(Proof):
    """A PIN of 4 to 8 digits, none of the first that anybody tries."""

    pin: Text


@get("/users", opt=needs(Role.ADMIN, "users:read"), summary="List users")
async def list_users(accounts: People) -> dict[str, Any]:
    """Give every user."""
    return {
        "items": [{"username": one.name, "role": one.role.name.lower()} for one in await accounts.users()],
        "next": None,
    }


@post("/users", opt=needs(Role.ADMIN, "users:write"), status_code=201, summary="Make a user")
async def add_user(request: Request[Any, Any, Any], accounts: People, caller: Caller, data: NewUser) -> dict[str, Any]:
    """Make a user."""
    role = Role.parse(data.role)
    await prove(request, accounts, caller, data.own_password)
    await accounts.add_user(data.username, data.password, role, caller.cause)
    return {"username": data.username, "role": role.name.lower()}


@patch("/users/{username:str}", opt=needs(Role.ADMIN, "users:write"), summary="Change a role")
async def set_role(
    request: Request[Any, Any, Any], accounts: People, caller: Caller, username: str, data: NewRole
) -> dict[str, Any]:
    """Give a user another role; the last administrator keeps it."""
    role = Role.parse(data.role)
    await prove(request, accounts, caller, data.own_password)
    await accounts.set_role(username, role, caller.cause)
    return {"username": username, "role": role.name.lower()}


@post("/users/{username:str}/password", opt=needs(Role.ADMIN, "users:write"), status_code=204, summary="Set a password")
async def set_password(
    request: Request[Any, Any, Any], accounts: People, caller: Caller, username: str, data: NewPassword
) -> None:
    """Give a user another password and end the user's sessions."""
    await prove(request, accounts, caller, data.own_password)
    keep = caller.session if username == caller.cause.who else None
    await accounts.set_password(username, data.password, caller.cause, keep=keep)


@delete("/users/{username:str}", opt=needs(Role.ADMIN, "users:write"), summary="Remove a user")
async def remove_user(request: Request[Any, Any, Any], accounts: People, caller: Caller, username: str, data: Proof) -> None:
    """Remove a user with all sessions and tokens; the last administrator stays."""
    await prove(request, accounts, caller, data.own_password)
    await accounts.remove_user(username, caller.cause)


@get("/auth/permissions", opt=needs(Role.ADMIN, "users:read"), summary="Who may what")
async def get_permissions(parts: Parts) -> dict[str, Any]:
    """Give for each panel and service what each role may: true, false, or the entities for which it may."""
    return matrix(parts)


@put("/auth/password", opt=needs(Role.VIEWER, "auth:password"), status_code=204, summary="Change my password")
async def change_password(request: Request[Any, Any, Any], accounts: People, caller: Caller, data: NewPassword) -> None:
    """Change the caller's own password and end the caller's other sessions."""
    await prove(request, accounts, caller, data.own_password)
    await accounts.set_password(caller.cause.who, data.password, caller.cause, keep=caller.session)


@put("/auth/pin", opt=needs(Role.VIEWER, "auth:pin"), status_code=204, summary="Set my PIN")
async def set_pin(request: Request[Any, Any, Any], accounts: People, caller: Caller, data: NewPin) -> None:
    """Set the caller's PIN: it is asked for before something protected moves."""
    await prove(request, accounts, caller, data.own_password)
    await accounts.set_pin(caller.cause.who, data.pin, caller.cause)


@delete("/auth/pin", opt=needs(Role.VIEWER, "auth:pin"), summary="Take my PIN away")
async def remove_pin(request: Request[Any, Any, Any], accounts: People, caller: Caller, data: Proof) -> None:
    """Take the caller's PIN away."""
    await prove(request, accounts, caller, data.own_password)
    await accounts.set_pin(caller.cause.who, None, caller.cause)


ROUTES = [list_users, get_permissions, add_user, set_role, set_password, remove_user, change_password, set_pin, remove_pin]

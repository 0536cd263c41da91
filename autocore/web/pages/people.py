"""Users and tokens: who may come in, what is open, and what programs may."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from autocore.builtin.people import People
from autocore.core.clock import Timeline
from autocore.core.errors import AutocoreError, InvalidData
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.rendering import Pages

DAY_S = 86_400


class UserForm(msgspec.Struct):
    """A user to be made."""

    username: str = ""
    password: str = ""
    role: str = "viewer"


class TokenForm(msgspec.Struct):
    """A token to be made; scopes stand one a line."""

    name: str = ""
    scopes: str = ""
    days: str = ""


@get("/users", opt=needs(Role.ADMIN, "users:read"), include_in_schema=False)
async def people_page(
    request: Request[Any, Any, Any], pages: Pages, accounts: People, timeline: Timeline, caller: Caller
) -> Response[str]:
    """Show users, sessions and tokens."""
    return await pages.page(request, "people.html", await _facts(accounts, timeline, caller))


@post("/users", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def add_user(
    request: Request[Any, Any, Any],
    pages: Pages,
    accounts: People,
    timeline: Timeline,
    caller: Caller,
    data: Annotated[UserForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Make a user, or say at the field what is wrong."""
    more: dict[str, Any] = {}
    status = 200
    try:
        await accounts.add_user(data.username.strip(), data.password, Role.parse(data.role), caller.cause)
        more["what"] = {"ok": True, "message": pages.translate(request, "The user is made.")}
    except AutocoreError as error:
        more |= {"user": data, "error": _error(pages, request, error)}
        status = status_of(error)
    return await pages.page(request, "people.html", await _facts(accounts, timeline, caller) | more, status=status)


@post("/tokens", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def add_token(
    request: Request[Any, Any, Any],
    pages: Pages,
    accounts: People,
    timeline: Timeline,
    caller: Caller,
    data: Annotated[TokenForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Make a token for the caller and show its text, this once."""
    more: dict[str, Any] = {}
    status = 200
    try:
        if data.days.strip() and not data.days.strip().isdecimal():
            raise InvalidData("expected a whole number of days, or nothing", field="days")
        lasts_s = int(data.days) * DAY_S if data.days.strip() else None
        scopes = [line.strip() for line in data.scopes.splitlines() if line.strip()]
        made = await accounts.add_token(data.name.strip(), caller.cause.who, scopes, lasts_s, caller.cause)
        more["made"] = made.text
    except AutocoreError as error:
        more |= {"token": data, "token_error": _error(pages, request, error)}
        status = status_of(error)
    return await pages.page(request, "people.html", await _facts(accounts, timeline, caller) | more, status=status)


@post("/users/{name:str}/remove", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def remove_user(
    request: Request[Any, Any, Any], pages: Pages, accounts: People, timeline: Timeline, caller: Caller, name: str
) -> Response[str]:
    """Remove a user with all sessions and tokens; the last administrator stays."""
    more: dict[str, Any] = {}
    try:
        await accounts.remove_user(name, caller.cause)
    except AutocoreError as error:
        more["what"] = {"ok": False, "message": pages.translate(request, str(error))}
    return await pages.page(request, "people.html", await _facts(accounts, timeline, caller) | more)


@post("/tokens/{token_id:str}/remove", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def remove_token(
    request: Request[Any, Any, Any], pages: Pages, accounts: People, timeline: Timeline, caller: Caller, token_id: str
) -> Response[str]:
    """Revoke a token."""
    await accounts.remove_token(token_id, caller.cause)
    return await pages.page(request, "people.html", await _facts(accounts, timeline, caller))


@post("/sessions/{session_id:str}/end", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def end_session(
    request: Request[Any, Any, Any], pages: Pages, accounts: People, timeline: Timeline, caller: Caller, session_id: str
) -> Response[str]:
    """End a session."""
    await accounts.end_session(session_id, caller.cause)
    return await pages.page(request, "people.html", await _facts(accounts, timeline, caller))


async def _facts(accounts: People, timeline: Timeline, caller: Caller) -> dict[str, Any]:
    sessions = await accounts.sessions()
    return {
        "users": await accounts.users(),
        "tokens": await accounts.tokens(),
        "sessions": [
            {
                "session": one,
                "at_ns": timeline.wall_ns(one.boot, one.started_ns),
                "is_this": one.id == caller.session,
            }
            for one in sessions
        ],
        "roles": [one.name.lower() for one in Role],
        "user": UserForm(),
        "token": TokenForm(),
        "error": None,
        "token_error": None,
        "made": None,
        "what": None,
    }


def _error(pages: Pages, request: Request[Any, Any, Any], error: AutocoreError) -> dict[str, str]:
    field = error.field if isinstance(error, InvalidData) else ""
    message = error.message if isinstance(error, InvalidData) else str(error)
    return {"field": field, "message": pages.translate(request, message)}


ROUTES = [people_page, add_user, add_token, remove_user, remove_token, end_session]

"""Users and tokens: who may come in and what each may, what is open, and what programs may."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from autocore.auth.accounts import ApiToken, Session
from autocore.core.clock import Timeline
from autocore.core.errors import AutocoreError, InvalidData, PermissionDenied, TooManyAttempts
from autocore.core.model import Caller, Role
from autocore.core.names import N_
from autocore.web.access import needs
from autocore.web.again import ask_again
from autocore.web.errors import status_of
from autocore.web.matrix import matrix
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts

DAY_S = 86_400
MOST_DAYS = 36_500

Form = Body(media_type=RequestEncodingType.URL_ENCODED)


class UserForm(msgspec.Struct):
    """A user to be made or changed, and the password of whoever does."""

    username: str = ""
    password: str = ""
    role: str = "viewer"
    own_password: str = ""


class TokenForm(msgspec.Struct):
    """A token to be made; scopes stand one a line."""

    name: str = ""
    scopes: str = ""
    days: str = ""


@get("/users", opt=needs(Role.ADMIN, "users:read"), include_in_schema=False)
async def people_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[str]:
    """Show users, sessions, tokens, and who may what."""
    return await _page(request, pages, parts, caller)


@post("/users", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def add_user(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[UserForm, Form]
) -> Response[str]:
    """Make a user, or say at the field what is wrong."""

    async def work() -> None:
        await ask_again(request, parts.accounts, caller, data.own_password)
        await parts.accounts.add_user(data.username.strip(), data.password, Role.parse(data.role), caller.cause)

    return await _change(request, pages, parts, caller, work(), N_("The user is made."), {"form": "user", "user": data})


@post("/users/{name:str}/role", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def set_role(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, name: str, data: Annotated[UserForm, Form]
) -> Response[str]:
    """Give a user another role; the last administrator keeps it."""

    async def work() -> None:
        role = Role.parse(data.role)
        await ask_again(request, parts.accounts, caller, data.own_password)
        await parts.accounts.set_role(name, role, caller.cause)

    return await _change(request, pages, parts, caller, work(), N_("The role is changed."), {"form": f"role {name}"})


@post("/users/{name:str}/password", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def set_password(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, name: str, data: Annotated[UserForm, Form]
) -> Response[str]:
    """Give a user another password and end the user's sessions."""

    async def work() -> None:
        await ask_again(request, parts.accounts, caller, data.own_password)
        keep = caller.session if name == caller.cause.who else None
        await parts.accounts.set_password(name, data.password, caller.cause, keep=keep)

    return await _change(request, pages, parts, caller, work(), N_("The password is changed."), {"form": f"password {name}"})


@post("/users/{name:str}/remove", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def remove_user(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, name: str, data: Annotated[UserForm, Form]
) -> Response[str]:
    """Remove a user with all sessions and tokens; the last administrator stays."""

    async def work() -> None:
        await ask_again(request, parts.accounts, caller, data.own_password)
        await parts.accounts.remove_user(name, caller.cause)

    return await _change(request, pages, parts, caller, work(), N_("The user is removed."), {"form": f"remove {name}"})


@post("/tokens", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def add_token(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[TokenForm, Form]
) -> Response[str]:
    """Make a token for the caller and show its text, this once."""
    context: dict[str, Any] = {"form": "token", "token": data}

    async def work() -> None:
        days = data.days.strip()
        if days and not (days.isdecimal() and 0 < int(days) <= MOST_DAYS):
            raise InvalidData("expected a whole number of days, or nothing", field="days")
        scopes = [line.strip() for line in data.scopes.splitlines() if line.strip()]
        if caller.scopes is not None and not set(scopes or ["*"]) <= caller.scopes:
            raise PermissionDenied("a limited token cannot make one that may more")
        lasts_s = int(days) * DAY_S if days else None
        made = await parts.accounts.add_token(data.name.strip(), caller.cause.who, scopes, lasts_s, caller.cause)
        context["made"] = made.text

    return await _change(request, pages, parts, caller, work(), "", context)


@post("/tokens/{token_id:str}/remove", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def remove_token(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, token_id: str
) -> Response[str]:
    """Revoke a token."""
    work = parts.accounts.remove_token(token_id, caller.cause)
    return await _change(request, pages, parts, caller, work, N_("The token is revoked."), {"form": "tokens"})


@post("/sessions/{session_id:str}/end", opt=needs(Role.ADMIN, "users:write"), include_in_schema=False, status_code=200)
async def end_session(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, session_id: str
) -> Response[str]:
    """End a session."""
    work = parts.accounts.end_session(session_id, caller.cause)
    return await _change(request, pages, parts, caller, work, N_("The session is ended."), {"form": "sessions"})


async def _change(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    work: Awaitable[None],
    done: str,
    context: dict[str, Any],
) -> Response[str]:
    """Give the page after a change, or with what is wrong at the field of the form that asked for it."""
    try:
        await work
    except AutocoreError as error:
        context["error"] = error_at(pages, request, error)
        return await _page(request, pages, parts, caller, context, status=status_of(error))
    for typed in ("user", "token"):
        context.pop(typed, None)
    context["what"] = {"ok": True, "message": pages.translate(request, done)} if done else None
    return await _page(request, pages, parts, caller, context)


async def _page(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    more: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> Response[str]:
    accounts, timeline = parts.accounts, parts.timeline
    context = {
        "users": await accounts.users(),
        "tokens": token_rows(await accounts.tokens(), timeline),
        "sessions": session_rows(await accounts.sessions(), timeline, caller),
        "matrix": matrix(parts),
        "roles": [one.name.lower() for one in Role],
        "user": UserForm(),
        "token": TokenForm(),
        "form": None,
        "error": None,
        "made": None,
        "what": None,
    }
    return await pages.page(request, "people.html", context | dict(more or {}), status=status)


def session_rows(sessions: Sequence[Session], timeline: Timeline, caller: Caller) -> list[dict[str, Any]]:
    """Give sessions as pages show them."""
    return [
        {"session": one, "at_ns": timeline.wall_ns(one.boot, one.started_ns), "is_this": one.id == caller.session}
        for one in sessions
    ]


def token_rows(tokens: Sequence[ApiToken], timeline: Timeline) -> list[dict[str, Any]]:
    """Give API tokens as pages show them."""
    return [{"token": one, "used_ns": timeline.wall_ns(*one.used) if one.used else None} for one in tokens]


def error_at(pages: Pages, request: Request[Any, Any, Any], error: AutocoreError) -> dict[str, str]:
    """Give what is wrong, in the reader's language, and the field at which it is said."""
    if isinstance(error, InvalidData):
        return {"field": error.field, "message": pages.translate(request, error.message)}
    if isinstance(error, TooManyAttempts):
        said = pages.translate(request, N_("Too many attempts. Wait %(seconds)s seconds."))
        return {"field": "own_password", "message": said % {"seconds": max(1, round(error.retry_after_s))}}
    field = "own_password" if isinstance(error, PermissionDenied) else ""
    return {"field": field, "message": pages.translate(request, str(error))}


ROUTES = [
    people_page,
    add_user,
    set_role,
    set_password,
    remove_user,
    add_token,
    remove_token,
    end_session,
]

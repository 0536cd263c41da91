"""`/api/v1/auth`: set-up, log-in, sessions, API tokens."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie

from autocore.auth.accounts import ApiToken, Session
from autocore.builtin.people import People
from autocore.core.clock import Timeline
from autocore.core.errors import PermissionDenied, UnknownName
from autocore.core.model import Caller, Role
from autocore.web.access import OPEN, needs
from autocore.web.gate import ENCRYPTED, cookie_name
from autocore.web.views import iso

Text = Annotated[str, msgspec.Meta(max_length=300)]


class SetUp(msgspec.Struct):
    """The first administrator."""

    code: Text
    username: Text
    password: Text


class LogIn(msgspec.Struct):
    """A name and its password."""

    username: Text
    password: Text


class NewToken(msgspec.Struct):
    """An API token to be made; without scopes it may what its user may."""

    name: Text
    scopes: Annotated[list[Text], msgspec.Meta(max_length=100)] = []
    expires_in_s: Annotated[int, msgspec.Meta(ge=60, le=3_200_000_000)] | None = None


def session_cookie(request: Request[Any, Any, Any], token: str, lasts_s: int) -> Cookie:
    """Give the cookie of a session: no script reads it, no other site makes a browser send it; over HTTPS never without it."""
    is_encrypted = request.scope.get("scheme") in ENCRYPTED
    return Cookie(
        key=cookie_name(is_encrypted=is_encrypted),
        value=token,
        httponly=True,
        secure=is_encrypted,
        samesite="strict",
        path="/",
        max_age=lasts_s,
    )


def peer_of(request: Request[Any, Any, Any]) -> str:
    """Give the address that asks."""
    return request.client.host if request.client else ""


@post("/auth/setup", opt=OPEN, status_code=201, summary="Make the first administrator")
async def set_up(request: Request[Any, Any, Any], accounts: People, data: SetUp) -> Response[dict[str, Any]]:
    """Make the first administrator with the one-time code, and log in."""
    await accounts.set_up(data.code, data.username, data.password, peer_of(request))
    return await _logged_in(request, accounts, data.username, data.password, 201)


@post("/auth/login", opt=OPEN, status_code=200, summary="Log in")
async def log_in(request: Request[Any, Any, Any], accounts: People, data: LogIn) -> Response[dict[str, Any]]:
    """Begin a session: the token is in the answer for programs and in a cookie for browsers."""
    return await _logged_in(request, accounts, data.username, data.password, 200)


@post("/auth/logout", opt=needs(Role.VIEWER, "auth:session"), status_code=204, summary="Log out")
async def log_out(request: Request[Any, Any, Any], accounts: People, caller: Caller) -> Response[None]:
    """End this session."""
    if caller.session is not None:
        try:
            await accounts.end_session(caller.session, caller.cause)
        except UnknownName:
            raise PermissionDenied("an API token cannot log out; revoke it instead") from None
    return Response(None, status_code=204, cookies=[session_cookie(request, "", 0)])


@get("/auth/session", opt=needs(Role.VIEWER, "auth:session"), summary="Who am I")
async def get_session(accounts: People, caller: Caller) -> dict[str, Any]:
    """Give who asks, in which role, and whether there is a PIN."""
    return {
        "username": caller.cause.who,
        "role": caller.role.name.lower(),
        "scopes": sorted(caller.scopes) if caller.scopes is not None else None,
        "has_pin": await accounts.pins.has(caller.cause.who),
    }


@get("/auth/sessions", opt=needs(Role.VIEWER, "auth:session"), summary="My sessions")
async def list_sessions(accounts: People, timeline: Timeline, caller: Caller) -> dict[str, Any]:
    """Give the caller's sessions; an administrator sees everybody's."""
    user = None if caller.role is Role.ADMIN else caller.cause.who
    sessions = await accounts.sessions(user)
    return {"items": [_session_view(one, timeline, caller) for one in sessions], "next": None}


@delete("/auth/sessions/{session_id:str}", opt=needs(Role.VIEWER, "auth:session"), summary="End a session")
async def end_session(accounts: People, caller: Caller, session_id: str) -> None:
    """End one of the caller's sessions; an administrator ends anybody's."""
    user = None if caller.role is Role.ADMIN else caller.cause.who
    if not any(one.id == session_id for one in await accounts.sessions(user)):
        raise UnknownName("session", session_id)
    await accounts.end_session(session_id, caller.cause)


@get("/auth/tokens", opt=needs(Role.VIEWER, "auth:tokens"), summary="My API tokens")
async def list_tokens(accounts: People, timeline: Timeline, caller: Caller) -> dict[str, Any]:
    """Give the caller's API tokens, with the day on which each was used last; an administrator sees everybody's."""
    user = None if caller.role is Role.ADMIN else caller.cause.who
    return {"items": [_token_view(one, timeline) for one in await accounts.tokens(user)], "next": None}


@post("/auth/tokens", opt=needs(Role.VIEWER, "auth:tokens"), status_code=201, summary="Make an API token")
async def add_token(accounts: People, timeline: Timeline, caller: Caller, data: NewToken) -> dict[str, Any]:
    """Make an API token for the caller; its text is shown only now. A limited token makes none wider than itself."""
    scopes = data.scopes or sorted(caller.scopes or ())
    if caller.scopes is not None and not set(scopes) <= caller.scopes:
        raise PermissionDenied("a limited token cannot make one that may more")
    made = await accounts.add_token(data.name, caller.cause.who, scopes, data.expires_in_s, caller.cause)
    return _token_view(made, timeline) | {"token": made.text}


@delete("/auth/tokens/{token_id:str}", opt=needs(Role.VIEWER, "auth:tokens"), summary="Revoke an API token")
async def remove_token(accounts: People, caller: Caller, token_id: str) -> None:
    """Revoke one of the caller's tokens; an administrator revokes anybody's."""
    user = None if caller.role is Role.ADMIN else caller.cause.who
    if not any(one.id == token_id for one in await accounts.tokens(user)):
        raise UnknownName("token", token_id)
    await accounts.remove_token(token_id, caller.cause)


async def _logged_in(
    request: Request[Any, Any, Any], accounts: People, name: str, password: str, status: int
) -> Response[dict[str, Any]]:
    session = await accounts.log_in(name, password, peer_of(request))
    body = {"token": session.token, "token_type": "Bearer", "username": name, "expires_in_s": accounts.session_s}
    return Response(body, status_code=status, cookies=[session_cookie(request, session.token, accounts.session_s)])


def _session_view(session: Session, timeline: Timeline, caller: Caller) -> dict[str, Any]:
    return {
        "id": session.id,
        "username": session.user,
        "address": session.address,
        "started_at": iso(timeline.wall_ns(session.boot, session.started_ns)),
        "is_this": session.id == caller.session,
    }


def _token_view(token: ApiToken, timeline: Timeline) -> dict[str, Any]:
    used_at = iso(timeline.wall_ns(*token.used)) if token.used else None
    return {
        "id": token.id,
        "name": token.name,
        "username": token.user,
        "scopes": list(token.scopes),
        "expires_at": iso(token.ends_ns),
        "used_on": used_at and used_at.partition("T")[0],
    }


ROUTES = [
    set_up,
    log_in,
    log_out,
    get_session,
    list_sessions,
    end_session,
    list_tokens,
    add_token,
    remove_token,
]

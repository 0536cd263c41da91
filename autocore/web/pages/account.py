"""Log-in and log-out as plain forms: they work without a script."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from autocore.builtin.people import People
from autocore.core.errors import NotAuthenticated, TooManyAttempts, UnknownName
from autocore.core.model import Caller, Role
from autocore.core.names import N_
from autocore.web.access import OPEN, needs
from autocore.web.errors import status_of
from autocore.web.gate import CALLER
from autocore.web.pages.rendering import Pages
from autocore.web.routes.auth import peer_of, session_cookie


class LogInForm(msgspec.Struct):
    """What the log-in page asks for."""

    username: str = ""
    password: str = ""
    next: str = "/"


Form = Body(media_type=RequestEncodingType.URL_ENCODED)


@get("/login", opt=OPEN, include_in_schema=False)
async def log_in_page(request: Request[Any, Any, Any], pages: Pages, next_: str = "/") -> Response[Any]:
    """Ask who it is."""
    target = inside(request.query_params.get("next", next_))
    if request.scope.get(CALLER) is not None:  # the gate's own key
        return Redirect(target)
    return await pages.page(request, "login.html", {"form": LogInForm(next=target), "error": None})


@post("/login", opt=OPEN, include_in_schema=False, status_code=200)
async def log_in(
    request: Request[Any, Any, Any], pages: Pages, accounts: People, data: Annotated[LogInForm, Form]
) -> Response[Any]:
    """Begin a session, or say what is wrong."""
    try:
        session = await accounts.log_in(data.username.strip(), data.password, peer_of(request))
    except (NotAuthenticated, TooManyAttempts) as error:
        said = pages.translate(request, N_("The name or the password is wrong."))
        if isinstance(error, TooManyAttempts):
            said = pages.translate(request, N_("Too many attempts. Wait %(seconds)s seconds.")) % {
                "seconds": max(1, round(error.retry_after_s))
            }
        form = LogInForm(data.username, "", inside(data.next))
        return await pages.page(request, "login.html", {"form": form, "error": said}, status=status_of(error))
    return Redirect(inside(data.next), status_code=303, cookies=[session_cookie(request, session.token, accounts.session_s)])


@post("/logout", opt=needs(Role.VIEWER, "auth:session"), include_in_schema=False, status_code=303)
async def log_out(request: Request[Any, Any, Any], accounts: People, caller: Caller) -> Redirect:
    """End the session."""
    if caller.session is not None:
        with contextlib.suppress(UnknownName):  # an API token looks at pages too; it has no session to end
            await accounts.end_session(caller.session, caller.cause)
    return Redirect("/login", status_code=303, cookies=[session_cookie(request, "", 0)])


def inside(target: str) -> str:
    """Give where a log-in leads: a page of the gateway, never another site."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and "\n" not in target and "\r" not in target
    return target if is_ours else "/"


ROUTES = [log_in_page, log_in, log_out]

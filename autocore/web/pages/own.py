"""What a person changes of themselves on the settings page: password, PIN, and the sessions that are open."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from autocore.core.errors import AutocoreError, InvalidData, UnknownName
from autocore.core.model import Caller, Role
from autocore.core.names import N_
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.people import error_at
from autocore.web.pages.rendering import Pages
from autocore.web.pages.settings import settings_facts
from autocore.web.parts import Parts
from autocore.web.proof import prove


class OwnForm(msgspec.Struct):
    """A new password, or a new PIN, and the password that is asked again."""

    own_password: str = ""
    password: str = ""
    again: str = ""
    pin: str = ""


Form = Body(media_type=RequestEncodingType.URL_ENCODED)


@post("/settings/password", opt=needs(Role.VIEWER, "auth:password"), include_in_schema=False, status_code=200)
async def change_password(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[OwnForm, Form]
) -> Response[str]:
    """Change the password and end the person's other sessions."""

    async def work() -> None:
        if data.password != data.again:
            raise InvalidData("the two passwords differ", field="again")
        await prove(request, parts.accounts, caller, data.own_password)
        await parts.accounts.set_password(caller.cause.who, data.password, caller.cause, keep=caller.session)

    done = N_("Your password is changed; your other sessions are ended.")
    return await _change(request, pages, parts, caller, work(), done, "own")


@post("/settings/pin", opt=needs(Role.VIEWER, "auth:pin"), include_in_schema=False, status_code=200)
async def set_pin(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[OwnForm, Form]
) -> Response[str]:
    """Set the PIN."""

    async def work() -> None:
        await prove(request, parts.accounts, caller, data.own_password)
        await parts.accounts.set_pin(caller.cause.who, data.pin, caller.cause)

    return await _change(request, pages, parts, caller, work(), N_("Your PIN is set."), "pin")


@post("/settings/pin/remove", opt=needs(Role.VIEWER, "auth:pin"), include_in_schema=False, status_code=200)
async def remove_pin(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[OwnForm, Form]
) -> Response[str]:
    """Take the PIN away."""

    async def work() -> None:
        await prove(request, parts.accounts, caller, data.own_password)
        await parts.accounts.set_pin(caller.cause.who, None, caller.cause)

    return await _change(request, pages, parts, caller, work(), N_("You have no PIN any more."), "pin")


@post("/settings/sessions/{session_id:str}/end", opt=needs(Role.VIEWER, "auth:session"), include_in_schema=False, status_code=200)
async def end_own_session(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, session_id: str
) -> Response[str]:
    """End one of the person's own sessions."""

    async def work() -> None:
        if not any(one.id == session_id for one in await parts.accounts.sessions(caller.cause.who)):
            raise UnknownName("session", session_id)
        await parts.accounts.end_session(session_id, caller.cause)

    return await _change(request, pages, parts, caller, work(), N_("The session is ended."), "sessions")


async def _change(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    work: Awaitable[None],
    done: str,
    form: str,
) -> Response[str]:
    """Give the settings after a change, or with what is wrong at the field of the form that asked for it."""
    more: dict[str, Any] = {"form": form}
    status = 200
    try:
        await work
    except AutocoreError as error:
        more["error"], status = error_at(pages, request, error), status_of(error)
    else:
        more["what"] = {"ok": True, "message": pages.translate(request, done)}
    return await pages.page(request, "settings.html", await settings_facts(request, pages, parts, caller) | more, status=status)


ROUTES = [change_password, set_pin, remove_pin, end_own_session]

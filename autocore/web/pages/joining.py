"""Letting boards in: join mode, a board in another's place, and credentials to flash. Plain forms; the window is polled."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from autocore.core.devices import Device, Standing
from autocore.core.errors import AutocoreError, InvalidData
from autocore.core.model import Caller, Role
from autocore.provisioning.bundles import Bundle
from autocore.provisioning.provisioner import Issued
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.devices import devices_context, known_of
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes.devices import joining_view

Form = Body(media_type=RequestEncodingType.URL_ENCODED)


class ByHand(msgspec.Struct):
    """A board that cannot join by itself."""

    id: str = ""
    name: str = ""
    granted: list[str] | str = []


class InPlace(msgspec.Struct):
    """Whose place a board takes."""

    of: str = ""


@post("/joining/open", opt=needs(Role.ADMIN, "devices:join"), include_in_schema=False, status_code=303)
async def open_window(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[Any]:
    """Open join mode."""
    try:
        await parts.boards.joining.open(caller.cause)
    except AutocoreError as error:
        return await _devices(request, pages, parts, caller, joining_error=error)
    return Redirect("/devices", status_code=303)


@post("/joining/close", opt=needs(Role.ADMIN, "devices:join"), include_in_schema=False, status_code=303)
async def close_window(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[Any]:
    """Close join mode."""
    try:
        await parts.boards.joining.close(caller.cause)
    except AutocoreError as error:
        return await _devices(request, pages, parts, caller, joining_error=error)
    return Redirect("/devices", status_code=303)


@get("/joining/standing", opt=needs(Role.ADMIN, "devices:join"), include_in_schema=False)
async def standing(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[Any]:
    """Give the window alone; when something happened in it the whole page is drawn anew."""
    window = joining_view(parts)
    if request.query_params.get("known") != known_of(window):
        return Response("", headers={"HX-Refresh": "true"})
    return await pages.fragment(request, "joining.html", {"joining": window, "joining_known": known_of(window)})


@post("/devices", opt=needs(Role.ADMIN, "devices:credentials"), include_in_schema=False, status_code=200)
async def add_by_hand(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[ByHand, Form]
) -> Response[str]:
    """Take a board in, and show what is flashed into it, this once."""
    granted = [data.granted] if isinstance(data.granted, str) else data.granted
    name = data.id.strip()
    device = Device(id=name, name=data.name.strip()[:60] or name, granted=tuple(granted), standing=Standing.APPROVED)
    try:
        return await _shown(request, pages, parts, await parts.boards.provisioner.add(device, caller.cause))
    except AutocoreError as error:
        return await _devices(request, pages, parts, caller, by_hand=data, by_hand_error=error)


@post(
    "/devices/{device_id:str}/credentials", opt=needs(Role.ADMIN, "devices:credentials"), include_in_schema=False, status_code=200
)
async def new_credentials(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, device_id: str
) -> Response[str]:
    """Give a device new credentials and show them, this once; whoever uses the old ones is cut off."""
    try:
        return await _shown(request, pages, parts, await parts.boards.provisioner.issue(device_id, caller.cause))
    except AutocoreError as error:
        return await _devices(request, pages, parts, caller, joining_error=error)


@post("/devices/{device_id:str}/place", opt=needs(Role.ADMIN, "devices:credentials"), include_in_schema=False, status_code=303)
async def take_place(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, device_id: str, data: Annotated[InPlace, Form]
) -> Response[Any]:
    """Let the board that waits take the place of another."""
    try:
        await parts.boards.joining.replace(data.of, device_id, caller.cause)
    except AutocoreError as error:
        return await _devices(request, pages, parts, caller, joining_error=error)
    return Redirect(f"/devices/{data.of}", status_code=303)


@post("/devices/{device_id:str}/forget", opt=needs(Role.TECHNICIAN, "devices:retire"), include_in_schema=False, status_code=303)
async def forget(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, device_id: str) -> Response[Any]:
    """Forget a device that does not take part."""
    try:
        await parts.boards.provisioner.forget(device_id, caller.cause)
    except AutocoreError as error:
        return await _devices(request, pages, parts, caller, joining_error=error)
    return Redirect("/devices", status_code=303)


async def _shown(request: Request[Any, Any, Any], pages: Pages, parts: Parts, issued: Issued) -> Response[str]:
    broker, ca = parts.boards.broker()
    files = Bundle(issued.device, issued.password, broker, parts.hub.root, ca).files()
    context = {"device": parts.devices.get(issued.device), "issued": issued, "files": files}
    answer = await pages.page(request, "credentials.html", context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


async def _devices(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, **more: Any) -> Response[str]:
    context = devices_context(parts, caller)
    status = 200
    for name, value in more.items():
        if isinstance(value, AutocoreError):
            status = status_of(value)
            said = value.message if isinstance(value, InvalidData) else str(value)
            field = value.field if isinstance(value, InvalidData) else ""
            context[name] = {"field": field, "message": pages.translate(request, said)}
        else:
            context[name] = value
    return await pages.page(request, "devices.html", context, status=status)


ROUTES = [open_window, close_window, standing, add_by_hand, new_credentials, take_place, forget]

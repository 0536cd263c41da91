"""The stop that stands on every page, and its reset, as plain forms: they work without a script."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from autocore.core.model import Caller, Role
from autocore.core.services import ServiceRegistry
from autocore.safety.stop import RESET, STOP
from autocore.web.access import DELEGATED, needs
from autocore.web.pages.account import inside


class StopForm(msgspec.Struct):
    """Where to go on afterwards."""

    next: str = "/"


Form = Body(media_type=RequestEncodingType.URL_ENCODED)


@post("/stop", opt=needs(Role.VIEWER, DELEGATED), include_in_schema=False, status_code=200)
async def stop(services: ServiceRegistry, caller: Caller, data: Annotated[StopForm, Form]) -> Response[Any]:
    """Stop everything, and go on with the page."""
    await services.call(STOP, {}, caller)
    return Redirect(inside(data.next), status_code=303)


@post("/stop/reset", opt=needs(Role.VIEWER, DELEGATED), include_in_schema=False, status_code=200)
async def reset(services: ServiceRegistry, caller: Caller, data: Annotated[StopForm, Form]) -> Response[Any]:
    """Reset the stop, and go on with the page."""
    await services.call(RESET, {}, caller)
    return Redirect(inside(data.next), status_code=303)


ROUTES = [stop, reset]

"""The buttons of the page that begin and end a test; programs call the services."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from autocore.api import Caller, PluginHost, Refused, Role, needs

REFRESH = {"HX-Refresh": "true"}  # every button of the board becomes another one
CONFLICT = 409
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]


def handlers(host: PluginHost) -> list[Any]:
    """Give the handlers."""

    async def call(service: str, board: str, caller: Caller) -> Response[str]:
        try:
            await host.services.call(service, {"board": board}, caller)
        except Refused as error:
            return Response(str(error), media_type="text/plain; charset=utf-8", status_code=CONFLICT)
        return Response("", headers=REFRESH, media_type="text/plain; charset=utf-8")

    @post("/test", opt=needs(Role.TECHNICIAN, "services:relays.test"), include_in_schema=False, status_code=200)
    async def begin(caller: Caller, data: Form) -> Response[str]:
        """Begin the test of a board."""
        return await call("relays.test", data.get("board", ""), caller)

    @post("/test/end", opt=needs(Role.TECHNICIAN, "services:relays.end_test"), include_in_schema=False, status_code=200)
    async def end(caller: Caller, data: Form) -> Response[str]:
        """End the test of a board."""
        return await call("relays.end_test", data.get("board", ""), caller)

    return [begin, end]

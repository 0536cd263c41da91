"""The web application: routes, pages and the live socket behind one gate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Litestar, Router, WebSocket, websocket
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from autocore import __version__
from autocore.core.errors import AutocoreError
from autocore.core.model import Caller, Role
from autocore.web import access, pages
from autocore.web.errors import on_autocore_error, on_http_error, on_unexpected
from autocore.web.gate import TOKEN, ControlGate, Gate
from autocore.web.live import Live
from autocore.web.pages.documents import SchemaPage
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes import audit, auth, devices, entities, health, plugins, services
from autocore.web.routes.services import Answers

LOOPBACK = ("localhost", "127.0.0.1", "::1")
LARGEST_BODY = 65_536


@websocket("/api/v1/live", opt=access.needs(Role.VIEWER, "read:live"))
async def live_socket(socket: WebSocket[Any, Any, Any], live: Live, caller: Caller) -> None:
    """Serve the live socket."""
    await live.serve(socket, caller, socket.scope.get(TOKEN))  # type: ignore[arg-type]  # the gate's own key


class Web:
    """The application for people (`gate`) and for the command line (`control`).

    Args:
        parts: the parts of the gateway that it shows.
    """

    def __init__(self, parts: Parts) -> None:
        self.live = Live(parts.entities, parts.services, parts.accounts, parts.bus, parts.timeline)
        app = build(parts, self.live)
        self.gate = Gate(app, parts.accounts, frozenset({*LOOPBACK, parts.config.core.web.host}))
        self.control = ControlGate(app)

    def close(self) -> None:
        """Let go of the core."""
        self.live.close()


def build(parts: Parts, live: Live) -> Litestar:
    """Give the application behind the gate."""
    rest = [entities, services, devices, plugins, auth, audit]
    api = Router("/api/v1", route_handlers=[handler for module in rest for handler in module.ROUTES])
    given: dict[str, Any] = {
        "parts": parts,
        "live": live,
        "entities": parts.entities,
        "devices": parts.devices,
        "services": parts.services,
        "plugins": parts.plugins,
        "history": parts.history,
        "accounts": parts.accounts,
        "audit": parts.audit,
        "timeline": parts.timeline,
        "answers": Answers(parts.clock),
        "pages": Pages(parts),
    }
    return Litestar(
        [api, live_socket, *health.ROUTES, *pages.ROUTES],
        dependencies={
            **{name: Provide(_giver(part), sync_to_thread=False, use_cache=True) for name, part in given.items()},
            "caller": Provide(caller, sync_to_thread=False),
        },
        guards=[access.guard],
        exception_handlers={AutocoreError: on_autocore_error, HTTPException: on_http_error, Exception: on_unexpected},
        request_max_body_size=LARGEST_BODY,
        openapi_config=_openapi(),
        logging_config=None,
    )


def caller(request: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Give who asks."""
    return access.caller_of(request)


def _giver(part: Any) -> Callable[[], Any]:
    def give() -> Any:
        return part

    return give


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="AutoCore",
        version=__version__,
        description="The gateway of a vehicle. Log in with `auth/login`, or send an API token.",
        path="/schema",
        render_plugins=[SchemaPage(path="/")],
        openapi_router=Router(
            "/schema", route_handlers=[], opt=access.needs(Role.VIEWER, "read:schema"), include_in_schema=False
        ),
        components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"bearer": []}],
    )

"""The web application: routes, pages and the live socket behind one gate."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Litestar, Router, WebSocket, websocket
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from autocore import __version__
from autocore.core.bus import Event
from autocore.core.errors import AutocoreError
from autocore.core.model import Caller, Role
from autocore.web import access, pages
from autocore.web.answers import Answers
from autocore.web.bodies import CheckedRequest
from autocore.web.door import Door
from autocore.web.errors import on_autocore_error, on_http_error, on_unexpected
from autocore.web.gate import TOKEN, ControlGate, Gate
from autocore.web.hosts import known_hosts
from autocore.web.live import Live
from autocore.web.mqttapi import MqttApi
from autocore.web.pages.documents import SchemaPage
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.pluginroutes import routes_of
from autocore.web.problems import with_problems
from autocore.web.routes import (
    audit,
    auth,
    backup,
    broker,
    config,
    devices,
    entities,
    events,
    health,
    history,
    holds,
    plugins,
    services,
    tls,
    users,
)

LARGEST_BODY = 65_536

log = logging.getLogger("autocore.web")


@websocket("/api/v1/live", opt=access.needs(Role.VIEWER, "read:live"))
async def live_socket(socket: WebSocket[Any, Any, Any], live: Live, caller: Caller) -> None:
    """Serve the live socket."""
    await live.serve(socket, caller, socket.scope.get(TOKEN))  # type: ignore[arg-type]  # the gate's own key


class Web:
    """The application for people (`gate`) and for the command line (`control`), both there after `start`.

    Where the web is encrypted, `door` is what stands on the port that is not.

    Routes of plugins cannot be taken out of a running application, so a plugin that starts or stops has a new one built beside
    it; then the gates are turned to the new one, and what is under way ends in the old one.

    Args:
        parts: the parts of the gateway that it shows.
    """

    def __init__(self, parts: Parts) -> None:
        self.live = Live(parts.entities, parts.services, parts.holds, parts.accounts, parts.bus, parts.timeline)
        self._parts = parts
        self._pages = Pages(parts)
        self._answers = Answers(parts.clock, parts.cache)
        self._mqtt = MqttApi(
            parts.hub,
            parts.services,
            parts.accounts,
            lambda: self._app,
            allows_anonymous=parts.config.core.mqtt.anonymous == "loopback",
        )
        self._undo = [parts.bus.on(event, self._on_plugin) for event in ("plugin.running", "plugin.stopped", "plugin.failed")]
        self._routed: frozenset[str] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self._is_asked = self._is_open = False

    async def start(self) -> None:
        """Build the application, with the routes of the plugins that run."""
        await self._pages.start()
        app = await self._build()
        knows_host = known_hosts(self._parts.config.core.web)
        self.gate = Gate(app, self._parts.accounts, knows_host)
        if self._parts.config.core.web.is_encrypted:
            self.door = Door(self._parts, self._pages, knows_host)
        self.control = ControlGate(app)
        self._is_open = True
        self._rebuild_if_asked()  # a plugin came or went meanwhile
        self._mqtt.start()

    async def close(self) -> None:
        """Let go of the core."""
        for undo in self._undo:
            undo()
        await self._mqtt.stop()
        if self._task is not None:
            await self._task
        self.live.close()

    def _on_plugin(self, event: Event) -> None:
        name = event.data["plugin"]
        self._pages.forget(name)
        if name in self._parts.plugins.owners("routes") or name in self._routed:
            self._is_asked = True
            self._rebuild_if_asked()

    def _rebuild_if_asked(self) -> None:
        if self._is_asked and self._is_open and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._rebuild_while_asked())

    async def _rebuild_while_asked(self) -> None:
        try:
            while self._is_asked:
                app = await self._build()
                self.gate.turn_to(app)
                self.control.turn_to(app)
        except Exception:  # the one that stands answers on, and the next plugin that comes or goes has it tried again
            log.exception("the web goes on without the latest change of the plugins' routes")

    async def _build(self) -> Litestar:
        """Give an application for the plugins that run; begin again when one that goes takes its module from under the work."""
        made = {"live": self.live, "pages": self._pages, "answers": self._answers}
        while True:
            self._is_asked = False
            try:
                routes = await routes_of(self._parts.plugins, self._pages)
                app = await asyncio.to_thread(build, self._parts, made, routes)  # 0.2 s: states and commands go on meanwhile
            except Exception:
                if not self._is_asked:
                    raise
            else:
                self._app = app
                self._routed = frozenset(routes)
                return app


def build(parts: Parts, made: Mapping[str, Any], routes: Mapping[str, Router]) -> Litestar:
    """Give the application behind the gate, with the routers of plugins by their names."""
    rest = [entities, history, services, holds, devices, plugins, config, auth, users, audit, events, backup, broker, tls]
    api = Router("/api/v1", route_handlers=with_problems(handler for module in rest for handler in module.ROUTES))
    given: dict[str, Any] = {
        **made,
        "parts": parts,
        "entities": parts.entities,
        "devices": parts.devices,
        "services": parts.services,
        "holds": parts.holds,
        "plugins": parts.plugins,
        "history": parts.history,
        "accounts": parts.accounts,
        "audit": parts.audit,
        "link": parts.link,
        "timeline": parts.timeline,
    }
    return Litestar(
        [api, live_socket, *health.ROUTES, *pages.ROUTES, *routes.values()],
        dependencies={
            **{name: Provide(_giver(part), sync_to_thread=False, use_cache=True) for name, part in given.items()},
            "caller": Provide(caller, sync_to_thread=False),
        },
        guards=[access.guard_by(parts.permissions)],
        exception_handlers={AutocoreError: on_autocore_error, HTTPException: on_http_error, Exception: on_unexpected},
        request_class=CheckedRequest,
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

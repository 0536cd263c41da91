"""The routes that plugins add to REST, each under its plugin's name; a wrong one costs only its own plugin the routes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from litestar import Litestar, Router
from litestar.exceptions import LitestarException

from autocore.core.errors import PluginError
from autocore.core.model import Role, needs
from autocore.core.plugins import Plugins

LARGEST_UPLOAD = 1_048_576

log = logging.getLogger("autocore.web")


async def routes_of(plugins: Plugins) -> Mapping[str, Router]:
    """Give a router under `/api/v1/<plugin>` for each running plugin with routes: for administrators unless they say else."""
    routers: dict[str, Router] = {}
    for name in plugins.owners("routes"):
        try:
            handlers = await plugins.ask(name, "routes")
            if handlers:
                routers[name] = _router(name, handlers)
        except PluginError as error:
            log.error("%s runs without its routes: %s", name, error)  # noqa: TRY400  # the guard has logged the rest
    return routers


def _router(name: str, handlers: Any) -> Router:
    try:
        router = Router(
            f"/api/v1/{name}",
            route_handlers=list(handlers),
            opt=needs(Role.ADMIN, f"{name}:routes"),
            tags=[name],
            request_max_body_size=LARGEST_UPLOAD,
        )
        Litestar([router], openapi_config=None, logging_config=None, dependencies={})  # what is wrong with them shows here
    except (LitestarException, TypeError, ValueError) as error:
        raise PluginError(name, f"its routes cannot be mounted: {error}") from error
    return router

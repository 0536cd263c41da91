"""The routes that plugins add to REST, each under its plugin's name; a wrong one costs only its own plugin the routes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import LitestarException

from autocore.core.errors import PluginError
from autocore.core.model import Role, needs
from autocore.core.panels import Draw
from autocore.core.plugins import Plugins
from autocore.web.access import PANEL
from autocore.web.pages.rendering import Pages
from autocore.web.problems import with_problems

LARGEST_UPLOAD = 1_048_576

log = logging.getLogger("autocore.web")


class PluginDraw(Draw):
    """Draws the templates in a plugin's folder for one request."""

    def __init__(self, pages: Pages, folder: Path, request: Request[Any, Any, Any]) -> None:
        self._pages = pages
        self._folder = folder
        self._request = request

    async def __call__(
        self,
        template: str,
        context: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response[str]:
        """Give the template as an answer."""
        answer = await self._pages.fragment(self._request, template, context or {}, folder=self._folder, status=status)
        answer.headers.update(headers or {})
        return answer


async def routes_of(plugins: Plugins, pages: Pages) -> Mapping[str, Router]:
    """Give a router under `/api/v1/<plugin>` for each running plugin with routes: for administrators unless they say else."""
    routers: dict[str, Router] = {}
    for name in plugins.owners("routes"):
        try:
            handlers = await plugins.ask(name, "routes")
            if handlers:
                routers[name] = _router(name, handlers, pages, plugins.folders()[name])
        except PluginError as error:
            log.error("%s runs without its routes: %s", name, error)  # noqa: TRY400  # the guard has logged the rest
    return routers


def _router(name: str, handlers: Any, pages: Pages, folder: Path) -> Router:
    def draw(request: Request[Any, Any, Any]) -> Draw:
        return PluginDraw(pages, folder, request)

    try:
        router = Router(
            f"/api/v1/{name}",
            route_handlers=with_problems(handlers),
            opt={**needs(Role.ADMIN, f"{name}:routes"), PANEL: name},
            tags=[name],
            request_max_body_size=LARGEST_UPLOAD,
            dependencies={"draw": Provide(draw, sync_to_thread=False)},
        )
        Litestar([router], openapi_config=None, logging_config=None, dependencies={})  # what is wrong with them shows here
    except (LitestarException, TypeError, ValueError) as error:
        raise PluginError(name, f"its routes cannot be mounted: {error}") from error
    return router

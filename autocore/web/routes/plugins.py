"""`/api/v1/plugins` and `/api/v1/reload`: what runs, what failed, and why."""

from __future__ import annotations

from typing import Any

from litestar import get, post

from autocore.core.model import Role
from autocore.core.plugins import Plugins
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.views import plugin_view


@get("/plugins", opt=needs(Role.VIEWER, "read:plugins"), summary="List plugins")
async def list_plugins(plugins: Plugins) -> dict[str, Any]:
    """Give every plugin that the configuration names."""
    return {"items": [plugin_view(one) for one in plugins], "next": None}


@get("/plugins/{name:str}", opt=needs(Role.VIEWER, "read:plugins"), summary="One plugin")
async def get_plugin(plugins: Plugins, name: str) -> dict[str, Any]:
    """Give a plugin."""
    return plugin_view(plugins.get(name))


@post(
    ["/plugins/{name:str}/reload", "/plugins/{name:str}/retry"],
    opt=needs(Role.ADMIN, "plugins:reload"),
    status_code=200,
    summary="Start a plugin again",
)
async def reload_plugin(plugins: Plugins, name: str) -> dict[str, Any]:
    """Stop a plugin, read its code again and start it; the answer is its status, failed or not."""
    return plugin_view(await plugins.reload(name))


@get("/plugins/{name:str}/diagnostics", opt=needs(Role.ADMIN, "plugins:diagnostics"), summary="What helps to find a fault")
async def get_diagnostics(plugins: Plugins, name: str) -> dict[str, Any]:
    """Give what the plugin tells of itself, without secrets; empty when it tells nothing or does not run."""
    status = plugins.get(name)
    told = await plugins.ask(name, "diagnostics") if name in plugins.owners("diagnostics") else None
    return {"plugin": plugin_view(status), "diagnostics": told or {}}


@post("/reload", opt=needs(Role.ADMIN, "plugins:reload"), status_code=200, summary="Read the configuration again")
async def reload_configuration(parts: Parts) -> dict[str, Any]:
    """Read the configuration again and restart only the plugins whose section changed."""
    return {"changed": await parts.reload()}


ROUTES = [list_plugins, get_plugin, get_diagnostics, reload_plugin, reload_configuration]

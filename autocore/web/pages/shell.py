"""Dashboard, plugins, and every page that a plugin's panel makes."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from autocore.core.devices import DeviceRegistry, Presence
from autocore.core.errors import UnknownName
from autocore.core.model import Caller, Role
from autocore.core.names import nearest
from autocore.core.panels import Slot
from autocore.core.plugins import Plugins
from autocore.web.access import needs
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts


@get("/", opt=needs(Role.VIEWER, "pages:dashboard"), include_in_schema=False)
async def dashboard(request: Request[Any, Any, Any], pages: Pages, devices: DeviceRegistry) -> Response[str]:
    """Show the cards."""
    online = sum(one.presence is Presence.ONLINE for one in devices)
    cards = await pages.cards(request, Slot.DASHBOARD)
    return await pages.page(request, "dashboard.html", {"cards": cards, "online": online, "known": len(devices)})


@get("/plugins", opt=needs(Role.VIEWER, "pages:plugins"), include_in_schema=False)
async def plugins_page(request: Request[Any, Any, Any], pages: Pages, plugins: Plugins, caller: Caller) -> Response[str]:
    """Show what runs, what failed and why."""
    context = {"plugins": list(plugins), "may_reload": caller.may(Role.ADMIN, "plugins:reload")}
    return await pages.page(request, "plugins.html", context)


@post("/plugins/{name:str}/reload", opt=needs(Role.ADMIN, "plugins:reload"), include_in_schema=False, status_code=200)
async def reload_plugin(request: Request[Any, Any, Any], pages: Pages, plugins: Plugins, name: str) -> Response[str]:
    """Start a plugin again and give its new card."""
    status = await plugins.reload(name)
    return await pages.page(request, "plugin.html", {"plugin": status, "may_reload": True})


@get(["/{plugin:str}", "/{plugin:str}/{key:str}"], opt=needs(Role.VIEWER, "pages:panel"), include_in_schema=False)
async def panel_page(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, plugin: str, key: str = ""
) -> Response[str]:
    """Show the page of a plugin's panel."""
    placed = parts.panels.in_slot(Slot.NAVIGATION, caller.role)
    wanted = f"/{plugin}/{key}" if key else f"/{plugin}"
    for one in placed:
        if one.path == wanted:
            return await pages.panel_page(request, one)
    error = UnknownName("page", wanted, nearest(wanted, [one.path for one in placed]))
    return await pages.page(request, "missing.html", {"wanted": wanted, "nearest": error.nearest}, status=404)


ROUTES = [dashboard, plugins_page, reload_plugin, panel_page]

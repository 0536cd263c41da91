"""Configuration: the files as they stand, whether they would run, and plugins switched on, set and off by their forms."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Redirect

from autocore.builtin.configparts import part_of, read_part
from autocore.core.errors import AutocoreError, ConfigFaults, InvalidData, PluginError
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.forms import data_of, fields_of, is_formed
from autocore.web.pages.languages import title_of
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.sections import files_in, home_of, leave_out, take_over


@get("/configuration", opt=needs(Role.ADMIN, "config:read"), include_in_schema=False)
async def configuration_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Show the files, the faults in them, and every plugin that there is."""
    faults = await asyncio.to_thread(parts.check)
    context = {
        "files": await asyncio.to_thread(files_in, parts.folders.config),
        "faults": faults,
        "folder": str(parts.folders.config.resolve()),
        "plugins": _offers(parts),
    }
    return await pages.page(request, "configuration.html", context)


@get("/configuration/{name:str}", opt=needs(Role.ADMIN, "config:read"), include_in_schema=False)
async def plugin_form_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, name: str) -> Response[str]:
    """Show the form of a plugin's section; what stands in a file of the owner's is shown with its place instead."""
    context = await _form(parts, name)
    return await _page(request, pages, parts, context | {"error": None, "what": None})


@post("/configuration/{name:str}", opt=needs(Role.ADMIN, "config:write"), include_in_schema=False, status_code=200)
async def save_plugin(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, name: str) -> Response[Any]:
    """Write a plugin's section from its form, and start it; what does not run is taken back."""
    sent = dict(await request.form())
    context = await _form(parts, name)
    if context["place"] is not None:
        error = {"field": "", "message": f"{name} stands in {context['place']}; change it there"}
        return await _page(request, pages, parts, context | {"error": error, "what": None}, status=409)
    try:
        section = data_of(context["schema"], sent)
        await take_over(parts, name, section, caller.cause)
    except AutocoreError as error:
        shown = {"field": _field_of(error), "message": _sentence(error)}
        context["fields"] = fields_of(context["schema"], sent, is_typed=True)
        return await _page(request, pages, parts, context | {"error": shown, "what": None}, status=status_of(error))
    return Redirect(f"/configuration/{name}", status_code=303)


@post("/configuration/{name:str}/off", opt=needs(Role.ADMIN, "config:write"), include_in_schema=False, status_code=303)
async def switch_off(parts: Parts, caller: Caller, name: str) -> Redirect:
    """Take a plugin's section out, when the admin wrote it."""
    await leave_out(parts, name, caller.cause)
    return Redirect("/configuration", status_code=303)


async def _page(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, context: dict[str, Any], *, status: int = 200
) -> Response[str]:
    """Give the form with its hints in the words of the plugin."""
    home, language = home_of(parts, context["name"]), pages.language_of(request)
    context["fields"] = [replace(one, hint=one.hint and title_of(one.hint, home, language)) for one in context["fields"]]
    return await pages.page(request, "plugin_form.html", context, status=status)


def _offers(parts: Parts) -> list[dict[str, Any]]:
    running = {one.name: one for one in parts.plugins}
    names = sorted({*parts.plugins.available(parts.folders.config), *running})
    return [
        {
            "name": name,
            "status": running.get(name),
            "is_ours": part_of(parts.folders.config, name).exists(),
        }
        for name in names
    ]


async def _form(parts: Parts, name: str) -> dict[str, Any]:
    schema = await asyncio.to_thread(parts.plugins.schema, name, parts.folders.config)
    is_ours = read_part(parts.folders.config, name) is not None
    section = parts.plugins.section(name)
    place = None if is_ours else parts.plugins.place(name)
    values = section if isinstance(section, dict) else {}
    return {
        "name": name,
        "schema": schema,
        "fields": fields_of(schema, values),
        "is_formed": is_formed(schema),
        "is_on": section is not None or place is not None,
        "is_ours": is_ours,
        "place": place,
        "status": next((one for one in parts.plugins if one.name == name), None),
    }


def _field_of(error: AutocoreError) -> str:
    if isinstance(error, InvalidData):
        return error.field
    if isinstance(error, ConfigFaults):
        return error.faults[0].path.partition(".")[2].partition("[")[0].partition(".")[0]
    return ""


def _sentence(error: AutocoreError) -> str:
    if isinstance(error, ConfigFaults):
        return error.faults[0].message
    return error.message if isinstance(error, (InvalidData, PluginError)) else str(error)


ROUTES = [configuration_page, plugin_form_page, save_plugin, switch_off]

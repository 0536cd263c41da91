"""Configuration: the files as they stand, whether they would run, and plugins switched on, set and off by their forms."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect

from autocore.builtin.configparts import part_of, read_part
from autocore.core.errors import AutocoreError, ConfigFaults, InvalidData, PluginError
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.forms import data_of, fields_of, is_formed
from autocore.web.pages.languages import title_of
from autocore.web.pages.nested import collections_in, replaced, schema_at, value_at
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


@get("/configuration/{name:str}/part/{at:path}", opt=needs(Role.ADMIN, "config:read"), include_in_schema=False)
async def part_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, name: str, at: str) -> Response[str]:
    """Show the form of one part of a plugin's section: a board, a channel."""
    context = await _part(parts, name, _steps(at))
    return await _page(request, pages, parts, context | {"error": None}, template="part_form.html")


@post("/configuration/{name:str}/part/{at:path}", opt=needs(Role.ADMIN, "config:write"), include_in_schema=False, status_code=200)
async def save_part(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, name: str, at: str
) -> Response[Any]:
    """Write one part of a plugin's section, or take it out, and start the plugin with it."""
    sent = dict(await request.form())
    context = await _part(parts, name, _steps(at))
    if context["place"] is not None:
        error = {"field": "", "message": f"{name} stands in {context['place']}; change it there"}
        return await _page(request, pages, parts, context | {"error": error}, status=409, template="part_form.html")
    steps, kept = context["steps"], {one.key for one in context["collections"] if one.items}
    try:
        data = None
        if "take_out" not in sent:
            old = {key: value for key, value in (context["part"] or {}).items() if key in kept}
            data = {**data_of(context["schema"], sent, without=kept), **old}
        await take_over(parts, name, replaced(context["section"], steps, data), caller.cause)
    except AutocoreError as error:
        shown = {"field": _field_of(error, len(steps)), "message": _sentence(error)}
        context["fields"] = [one for one in fields_of(context["schema"], sent, is_typed=True) if one.name not in kept]
        status = status_of(error)
        return await _page(request, pages, parts, context | {"error": shown}, status=status, template="part_form.html")
    return Redirect(f"/configuration/{name}/part/{'/'.join(steps)}" if data else _above(name, steps), status_code=303)


@get("/configuration/{name:str}/add/{at:path}", opt=needs(Role.ADMIN, "config:write"), include_in_schema=False)
async def add_part(name: str, at: str, key: Annotated[str, QueryParameter(max_length=64)] = "") -> Redirect:
    """Go to the form of an item that is not there yet, by the key that somebody gave it."""
    steps = "/".join(quote(step, safe="") for step in (*_steps(at), key.strip() or "1"))
    return Redirect(f"/configuration/{quote(name, safe='')}/part/{steps}", status_code=303)


async def _part(parts: Parts, name: str, steps: list[str]) -> dict[str, Any]:
    form = await _form(parts, name)
    section = plain(parts.plugins.section(name)) or {}
    schema, part = schema_at(form["schema"], steps), value_at(section, steps)
    collections = collections_in(schema, part, steps)
    fields = fields_of(schema, part if isinstance(part, dict) else {})
    return form | {
        "steps": steps,
        "above": _above(name, steps),
        "section": section,
        "schema": schema,
        "part": part,
        "collections": collections,
        # What has items has links to them; what has none yet is written as JSON.
        "fields": [one for one in fields if one.name not in {held.key for held in collections if held.items}],
    }


def plain(value: Any) -> Any:
    """Give a section without its places: what YAML can write."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _steps(at: str) -> list[str]:
    return [step for step in at.split("/") if step]


def _above(name: str, steps: list[str]) -> str:
    return f"/configuration/{name}/part/{'/'.join(steps[:-2])}" if len(steps) > 2 else f"/configuration/{name}"  # noqa: PLR2004  # an item is a key and an index


async def _page(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    context: dict[str, Any],
    *,
    status: int = 200,
    template: str = "plugin_form.html",
) -> Response[str]:
    """Give the form with its hints in the words of the plugin."""
    home, language = home_of(parts, context["name"]), pages.language_of(request)
    context["fields"] = [replace(one, hint=one.hint and title_of(one.hint, home, language)) for one in context["fields"]]
    return await pages.page(request, template, context, status=status)


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
        "collections": collections_in(schema, values, []) if is_formed(schema) else [],
        "is_formed": is_formed(schema),
        "is_on": section is not None or place is not None,
        "is_ours": is_ours,
        "place": place,
        "status": next((one for one in parts.plugins if one.name == name), None),
    }


def _field_of(error: AutocoreError, depth: int = 0) -> str:
    """Give the field at which an error stands; `depth` is how many steps below the section the form is."""
    if isinstance(error, InvalidData):
        return error.field
    if isinstance(error, ConfigFaults) and depth:
        steps = error.faults[0].path.replace("[", ".").replace("]", "").split(".")[1:]
        return steps[depth] if len(steps) > depth else ""
    if isinstance(error, ConfigFaults):
        return error.faults[0].path.partition(".")[2].partition("[")[0].partition(".")[0]
    return ""


def _sentence(error: AutocoreError) -> str:
    if isinstance(error, ConfigFaults):
        return error.faults[0].message
    return error.message if isinstance(error, (InvalidData, PluginError)) else str(error)


ROUTES = [configuration_page, plugin_form_page, save_plugin, switch_off, part_page, save_part, add_part]

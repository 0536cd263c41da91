"""Forms that call services: what a person typed becomes data, what went wrong stands at its field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Request, Response, post

from autocore.core.errors import AutocoreError, InvalidData
from autocore.core.model import Caller, Role
from autocore.core.plugins import Plugins
from autocore.core.services import ServiceRegistry
from autocore.web.access import DELEGATED, needs
from autocore.web.errors import status_of
from autocore.web.pages.forms import data_of
from autocore.web.pages.languages import LOCALES, words_in
from autocore.web.pages.rendering import Pages


@post("/services/{domain:str}/{verb:str}", opt=needs(Role.VIEWER, DELEGATED), include_in_schema=False, status_code=200)
async def call_by_two(
    request: Request[Any, Any, Any],
    pages: Pages,
    services: ServiceRegistry,
    plugins: Plugins,
    caller: Caller,
    domain: str,
    verb: str,
) -> Response[str]:
    """Call `<domain>.<verb>`; see `call_by_form`."""
    return await _call(request, pages, services, plugins, caller, f"{domain}.{verb}")


@post("/services/{name:str}", opt=needs(Role.VIEWER, DELEGATED), include_in_schema=False, status_code=200)
async def call_by_form(
    request: Request[Any, Any, Any], pages: Pages, services: ServiceRegistry, plugins: Plugins, caller: Caller, name: str
) -> Response[str]:
    """Call a service with what a form sent, and give the form again with the outcome."""
    return await _call(request, pages, services, plugins, caller, name)


async def _call(
    request: Request[Any, Any, Any], pages: Pages, services: ServiceRegistry, plugins: Plugins, caller: Caller, name: str
) -> Response[str]:
    sent = dict(await request.form())
    service = services.get(name)
    folder = plugins.folders().get(service.owner)
    context: dict[str, Any] = {"service": name, "values": sent, "submit": sent.get("_submit", ""), "error": None, "what": None}
    status = 200
    try:
        answer = await services.call(name, data_of(service.schema, sent), caller)
    except AutocoreError as error:
        field = error.field if isinstance(error, InvalidData) else ""
        message = error.message if isinstance(error, InvalidData) else str(error)
        context["error"] = {"field": field, "message": _translated(pages, request, folder, message)}
        status = status_of(error)
    else:
        context["values"] = {}
        context["what"] = {"ok": True, "message": _said(pages, request, answer)}
    return await pages.fragment(request, "service.html", context, folder=folder, status=status)


def _translated(pages: Pages, request: Request[Any, Any, Any], folder: Path | None, message: str) -> str:
    return words_in(LOCALES if folder is None else folder / "locales", pages.language_of(request)).gettext(message)


def _said(pages: Pages, request: Request[Any, Any, Any], answer: Mapping[str, Any]) -> str:
    done = pages.translate(request, "Done.")
    said = answer.get("message")
    return said if isinstance(said, str) else done


ROUTES = [call_by_form, call_by_two]

"""Developer tools: call a service by a form drawn from its schema, try a template, follow the events."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter

from autocore.builtin.templating import Template
from autocore.core.entities import EntityRegistry
from autocore.core.errors import InvalidData
from autocore.core.model import Caller, Role, State
from autocore.core.services import ServiceRegistry
from autocore.web.access import needs
from autocore.web.pages.forms import is_formed
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts

EXAMPLE = '{{ states("sensor.engine_rpm") }}'


class TemplateForm(msgspec.Struct):
    """A template to try."""

    template: str = ""


@get("/developer", opt=needs(Role.OPERATOR, "pages:developer"), include_in_schema=False)
async def developer_page(
    request: Request[Any, Any, Any],
    pages: Pages,
    services: ServiceRegistry,
    parts: Parts,
    caller: Caller,
    service: Annotated[str, QueryParameter(max_length=200)] = "",
) -> Response[str]:
    """Show the three tools."""
    offered = [one for one in services if parts.permissions.may(one, caller)]
    chosen = next((one for one in offered if one.name == service), None)
    context = {
        "services": offered,
        "chosen": chosen,
        "is_formed": chosen is not None and (chosen.schema is None or is_formed(chosen.schema)),
        "template": EXAMPLE,
        "result": None,
    }
    return await pages.page(request, "developer.html", context)


@post("/developer/template", opt=needs(Role.OPERATOR, "pages:developer"), include_in_schema=False, status_code=200)
async def try_template(
    request: Request[Any, Any, Any],
    pages: Pages,
    entities: EntityRegistry,
    data: Annotated[TemplateForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Give what a template gives now, or why it gives nothing."""

    def lookup(entity_id: str) -> State | None:
        return entities.get(entity_id).state if entity_id in entities else None

    try:
        result = {"ok": True, "text": Template(data.template).render(lookup)}
    except InvalidData as error:
        result = {"ok": False, "text": error.message}
    return await pages.fragment(request, "template_result.html", {"result": result})


ROUTES = [developer_page, try_template]

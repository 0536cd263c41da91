"""Entities: the list with its filters, and one with its value, history, cause, name, area and limits."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter

from autocore.core.clock import NS, Timeline
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import AutocoreError, InvalidData
from autocore.core.kinds import Limits
from autocore.core.model import Caller, Role
from autocore.history.history import History
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.rendering import Pages
from autocore.web.pages.writing import View, written
from autocore.web.parts import Parts

PAGE = 200
LAST = 20
LIMITS = ("warn_above", "warn_below", "critical_above", "critical_below", "hysteresis")
Word = Annotated[str, QueryParameter(max_length=100)]


class EntityForm(msgspec.Struct):
    """What people say of an entity; an empty field takes their word back."""

    name: str = ""
    area: str = ""
    icon: str = ""
    recording: str = ""
    warn_above: str = ""
    warn_below: str = ""
    critical_above: str = ""
    critical_below: str = ""
    hysteresis: str = ""


Form = Body(media_type=RequestEncodingType.URL_ENCODED)


@get("/entities", opt=needs(Role.VIEWER, "pages:entities"), include_in_schema=False)
async def entities_page(  # one parameter for each filter
    request: Request[Any, Any, Any],
    pages: Pages,
    entities: EntityRegistry,
    text: Word = "",
    kind: Word = "",
    area: Word = "",
    plugin: Word = "",
    after: Word = "",
) -> Response[str]:
    """Show every entity, filtered, two hundred to a page."""

    def is_wanted(one: Entity) -> bool:
        about = one.description
        return (
            kind in ("", one.kind)
            and area in ("", about.area or "")
            and plugin in ("", one.owner)
            and text.lower() in f"{one.id} {about.name} {about.device or ''}".lower()
            and one.id > after
        )

    found = [one for one in entities if is_wanted(one)]
    context = {
        "entities": found[:PAGE],
        "total": sum(one.owner != "core" for one in entities),  # the gateway's own make no vehicle
        "next": found[PAGE - 1].id if len(found) > PAGE else None,
        "filters": {"text": text, "kind": kind, "area": area, "plugin": plugin},
        "kinds": sorted({one.kind for one in entities}),
        "areas": sorted({one.description.area for one in entities if one.description.area}),
        "plugins": sorted({one.owner for one in entities}),
    }
    return await pages.page(request, "entities.html", context)


@get("/entities/{entity_id:str}", opt=needs(Role.VIEWER, "pages:entities"), include_in_schema=False)
async def entity_page(
    request: Request[Any, Any, Any],
    pages: Pages,
    entities: EntityRegistry,
    history: History,
    timeline: Timeline,
    caller: Caller,
    entity_id: str,
) -> Response[str]:
    """Show one entity."""
    one = entities.get(entity_id)
    context = await _about(pages, request, one, history, timeline)
    context["may_change"] = caller.may(Role.TECHNICIAN, "entities:write")
    context["may_look"] = bool(one.description.verbs) and caller.may(Role.TECHNICIAN, "pages:actuations")
    return await pages.page(request, "entity.html", context)


@post("/entities/{entity_id:str}", opt=needs(Role.TECHNICIAN, "entities:write"), include_in_schema=False, status_code=200)
async def change_entity(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    entity_id: str,
    data: Annotated[EntityForm, Form],
) -> Response[str]:
    """Take what people say of an entity, or say at the field what is wrong."""
    one = parts.entities.get(entity_id)
    context: dict[str, Any] = {"one": one, "form": _form_of(one), "error": None, "what": None, "may_change": True}
    status = 200
    try:
        parts.entities.override(entity_id, changes_of(one, data), caller.cause)
        await parts.saved()
    except AutocoreError as error:
        field = error.field if isinstance(error, InvalidData) else ""
        message = error.message if isinstance(error, InvalidData) else str(error)
        context |= {"form": data, "error": {"field": field, "message": pages.translate(request, message)}}
        status = status_of(error)
    else:
        context |= {"form": _form_of(one), "what": {"ok": True, "message": pages.translate(request, "Saved.")}}
    return await pages.fragment(request, "entity_form.html", context, status=status)


def changes_of(one: Entity, form: EntityForm) -> dict[str, Any]:
    """Give what a form changes of an entity, leaving out what the configuration owns.

    Raises:
        InvalidData: a limit is no number.
    """
    changes: dict[str, Any] = {name: getattr(form, name).strip() or None for name in ("name", "area", "icon")}
    for name, value in changes.items():
        if value == getattr(one.own, name):
            changes[name] = None  # the plugin's own word
    changes["recording"] = None if form.recording else False
    limits = {name: _number(name, getattr(form, name)) for name in LIMITS}
    limits["hysteresis"] = limits["hysteresis"] or 0.0
    if any(limits[name] is not None for name in LIMITS[:4]):
        changes["limits"] = Limits(**limits)  # type: ignore[arg-type]  # hysteresis was just made a number
    else:
        changes["limits"] = None
    if changes["limits"] == one.own.limits:
        changes["limits"] = None
    return {name: value for name, value in changes.items() if name not in (one.own.written or {})}


def _number(name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise InvalidData("this is not a number", field=name) from None
    if number != number or abs(number) == float("inf"):  # noqa: PLR0124  # NaN is not itself
        raise InvalidData("this is not a number", field=name)
    return number


def _form_of(one: Entity) -> EntityForm:
    about, limits = one.description, one.description.limits
    return EntityForm(
        name=about.name,
        area=about.area or "",
        icon=about.icon or "",
        recording="true" if one.is_recorded else "",
        **{name: "" if limits is None or getattr(limits, name) is None else f"{getattr(limits, name):g}" for name in LIMITS},
    )


async def _about(
    pages: Pages, request: Request[Any, Any, Any], one: Entity, history: History, timeline: Timeline
) -> dict[str, Any]:
    state, view = one.state, pages.view_of(request)
    now_ns = timeline.wall_ns(history.boot, history.now_ns())
    from_ns = None if now_ns is None else now_ns - 3_600 * NS
    points = await history.query(one.id, from_ns=from_ns, points=LAST * 10)
    rows = [
        {"at_ns": timeline.wall_ns(point.boot, point.mono_ns), "value": shown_value(one, point.value, view)}
        for point in reversed(points[-LAST:])
    ]
    return {
        "one": one,
        "form": _form_of(one),
        "error": None,
        "what": None,
        "rows": rows,
        "changed_ns": timeline.wall_ns(state.boot, state.changed_ns) if state.boot else None,
        "updated_ns": timeline.wall_ns(state.boot, state.updated_ns) if state.boot else None,
        "is_number": isinstance(state.value, (int, float)) and not isinstance(state.value, bool),
    }


def shown_value(one: Entity, value: Any, view: View) -> str:
    """Give a stored value as people read it."""
    if one.kind in ("switch", "binary_sensor", "light") and value in (0, 1):
        value = bool(value)
    return written(value, one.description, view)


ROUTES = [entities_page, entity_page, change_entity]

"""Devices: what was found, who is approved, who is there, and one device with its facts, entities and panels."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post

from autocore.builtin.eventlog import Question
from autocore.core.clock import Timeline
from autocore.core.devices import Device, DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import AutocoreError, UnknownName
from autocore.core.link import DeviceLink
from autocore.core.model import Caller, Role
from autocore.core.names import nearest
from autocore.core.panels import Slot
from autocore.web.access import needs
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts

LONGEST_WORD = 60


@get("/devices", opt=needs(Role.VIEWER, "pages:devices"), include_in_schema=False)
async def devices_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[str]:
    """Show every device; those that were only found stand first."""
    devices = sorted(parts.devices, key=lambda one: (one.standing.value != "found", one.standing.value == "retired", one.id))
    context = {
        "devices": [_row(one, parts.devices, parts.timeline, parts.entities) for one in devices],
        "may_approve": caller.may(Role.TECHNICIAN, "devices:approve"),
        "approval": parts.config.core.devices.approve,
        "root": parts.hub.root,
    }
    return await pages.page(request, "devices.html", context)


@get("/devices/{device_id:str}", opt=needs(Role.VIEWER, "pages:devices"), include_in_schema=False)
async def device_page(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, device_id: str
) -> Response[str]:
    """Show one device."""
    device = parts.devices.get(device_id)
    context = _row(device, parts.devices, parts.timeline, parts.entities) | {
        "entities": [one for one in parts.entities if one.description.device == device_id],
        "cards": await pages.cards(request, Slot.DEVICE, {"device": device}),
        "events": await parts.events.find(Question("device.", f'"{device_id}"'), limit=20),
        "timeline": parts.timeline,
        "may_approve": caller.may(Role.TECHNICIAN, "devices:approve"),
    }
    return await pages.page(request, "device.html", context)


@post("/devices/{device_id:str}/call", opt=needs(Role.TECHNICIAN, "devices:write"), include_in_schema=False, status_code=200)
async def call_device(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, device_id: str
) -> Response[str]:
    """Take what people call a device, and give its form again."""
    sent = await request.form()
    words = {name: str(sent.get(name, "")).strip()[:LONGEST_WORD] for name in ("alias", "area")}
    device = parts.devices.call(device_id, words, caller.cause)
    await parts.saved()
    context = {"device": device, "what": {"ok": True, "message": pages.translate(request, "Saved.")}}
    return await pages.fragment(request, "device_form.html", context)


@post(
    "/devices/{device_id:str}/{act:str}", opt=needs(Role.TECHNICIAN, "devices:approve"), include_in_schema=False, status_code=200
)
async def change_standing(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, link: DeviceLink, caller: Caller, device_id: str, act: str
) -> Response[str]:
    """Approve, retire or identify a device, and give its row again."""
    said, is_ok = "", True
    try:
        if act == "approve":
            parts.devices.approve(device_id, caller.cause)
            await parts.saved()
        elif act == "retire":
            parts.devices.retire(device_id, caller.cause)
            await parts.saved()
        elif act == "identify":
            ack = await link.command(device_id, "identify")
            said = ack.status
        else:
            raise UnknownName("action", act, nearest(act, ("approve", "retire", "identify")))
    except AutocoreError as error:
        said, is_ok = str(error), False
    row = _row(parts.devices.get(device_id), parts.devices, parts.timeline, parts.entities)
    return await pages.fragment(request, "device_row.html", {"row": row, "may_approve": True, "said": said, "is_ok": is_ok})


def _row(device: Device, devices: DeviceRegistry, timeline: Timeline, entities: EntityRegistry) -> dict[str, Any]:
    seen_ns = devices.seen_ns(device.id)
    return {"device": device, "seen_ns": None if seen_ns is None else timeline.wall_ns(entities.boot, seen_ns)}


ROUTES = [devices_page, device_page, call_device, change_standing]

"""Devices: what was found, who is approved, who is there, and one device with its facts, entities and panels."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get, post

from autocore.broker.grants import CAPABILITIES
from autocore.broker.inspection import Check
from autocore.core.devices import Device, Standing
from autocore.core.errors import AutocoreError, InvalidData, UnknownName
from autocore.core.link import DeviceLink
from autocore.core.model import Caller, Role
from autocore.core.names import N_, nearest
from autocore.core.panels import Slot
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.logs import shown
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes.devices import joining_view
from autocore.web.routes.events import asked

LONGEST_WORD = 60


@get("/devices", opt=needs(Role.VIEWER, "pages:devices"), include_in_schema=False)
async def devices_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[str]:
    """Show every device; those that were only found stand first."""
    return await pages.page(request, "devices.html", devices_context(parts, caller))


@get("/devices/{device_id:str}", opt=needs(Role.VIEWER, "pages:devices"), include_in_schema=False)
async def device_page(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, device_id: str
) -> Response[str]:
    """Show one device."""
    device = parts.devices.get(device_id)
    question = asked(caller, "device.", "", f'"{device_id}"', None, None)
    distribution = parts.boards.distribution
    document = distribution.document(device_id) if caller.may(Role.TECHNICIAN, "devices:config") else None
    context = row_of(parts, caller, device) | {
        "delivery": distribution.delivery(device_id),
        "document": None if document is None else msgspec.json.format(msgspec.json.encode(document), indent=1).decode(),
        "may_issue": caller.may(Role.ADMIN, "devices:credentials") and device.standing is Standing.APPROVED,
        "entities": [one for one in parts.entities if one.description.device == device_id],
        "cards": await pages.cards(request, Slot.DEVICE, {"device": device}),
        "events": [shown(pages, request, parts, one) for one in await parts.events.find(question, limit=20)],
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
    status, message = 200, "Saved."
    try:
        parts.devices.call(device_id, words, caller.cause)
        await parts.saved()
    except InvalidData as error:
        status, message = status_of(error), error.message
    what = {"ok": status == 200, "message": pages.translate(request, message)}  # noqa: PLR2004  # it was saved
    context = {"device": parts.devices.get(device_id), "what": what}
    return await pages.fragment(request, "device_form.html", context, status=status)


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
            sent = await request.form()
            granted = [str(one) for one in sent.getall("granted", [])] if "asked" in sent else None
            await parts.boards.provisioner.approve(device_id, caller.cause, granted)
            if parts.boards.joining.waits(device_id):
                await parts.boards.joining.answer(device_id, device_id, caller.cause)
        elif act == "retire":
            await parts.boards.provisioner.retire(device_id, caller.cause)
        elif act == "identify":
            ack = await link.command(device_id, "identify")
            said = ack.status
        else:
            raise UnknownName("action", act, nearest(act, ("approve", "retire", "identify")))
    except AutocoreError as error:
        said, is_ok = str(error), False
    row = row_of(parts, caller, parts.devices.get(device_id))
    return await pages.fragment(request, "device_row.html", {"row": row, "may_approve": True, "said": said, "is_ok": is_ok})


BROKEN = {
    Check.ENCRYPTED: N_("What the gateway and the broker say to each other is not encrypted."),
    Check.STRANGERS: N_("Anybody enters the broker without a name and a password."),
    Check.COMMANDS: N_("Anybody can command boards, past the gateway and everything that it enforces."),
    Check.RETAINS: N_("It keeps no retained messages, so a board that comes later does not find its configuration."),
    Check.QOS: N_("It does not deliver exactly once, so commands may be lost or come twice."),
    Check.SESSIONS: N_("It forgets the gateway sooner than in seven days, and with it the readings that waited for it."),
}


def devices_context(parts: Parts, caller: Caller) -> dict[str, Any]:
    """Give what the page of all devices shows; who may open join mode sees its window."""
    devices = sorted(parts.devices, key=lambda one: (one.standing.value != "found", one.standing.value == "retired", one.id))
    may_join = caller.may(Role.ADMIN, "devices:join")
    window = joining_view(parts) if may_join else {"is_open": False}
    return {
        "devices": [row_of(parts, caller, one) for one in devices],
        "may_approve": caller.may(Role.TECHNICIAN, "devices:approve"),
        "may_join": may_join,
        "joining": window,
        "joining_known": known_of(window),
        "is_enforced": parts.boards.provisioner.is_enforced,
        "broken": [BROKEN[check] for check, is_good in parts.broker.inspection.found.items() if not is_good]
        if parts.broker.inspection
        else [],
        "capabilities": CAPABILITIES,
        "approval": parts.config.core.devices.approve,
        "root": parts.hub.root,
    }


def known_of(window: dict[str, Any]) -> str:
    """Give what of the window of join mode a page must be drawn anew for."""
    return f"{window['is_open']}-{window.get('device') or ''}-{window.get('is_answered', False)}"


def row_of(parts: Parts, caller: Caller, device: Device) -> dict[str, Any]:
    """Give what the row of a device shows."""
    seen_ns = parts.devices.seen_ns(device.id)
    boards = parts.boards
    may_place = (
        boards.joining.waits(device.id) and device.standing is Standing.FOUND and caller.may(Role.ADMIN, "devices:credentials")
    )
    return {
        "device": device,
        "seen_ns": None if seen_ns is None else parts.timeline.wall_ns(parts.entities.boot, seen_ns),
        "flood": boards.floods.of(device.id),
        "has_credentials": boards.provisioner.has_credentials(device.id),
        "is_waiting": boards.joining.waits(device.id),
        "asks": [(one, words) for one, words in CAPABILITIES.items() if one in device.capabilities or one in device.granted],
        "places": [one for one in parts.devices if one.standing is Standing.APPROVED] if may_place else [],
    }


ROUTES = [devices_page, device_page, call_device, change_standing]

"""`/api/v1/devices`: the boards."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, patch, post

from autocore.core.clock import Timeline
from autocore.core.devices import Device, DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.views import device_view

Word = Annotated[str, msgspec.Meta(max_length=60)]


@get("/devices", opt=needs(Role.VIEWER, "read:devices"), summary="List devices")
async def list_devices(devices: DeviceRegistry, entities: EntityRegistry, timeline: Timeline) -> dict[str, Any]:
    """Give every device, sorted by id."""
    return {"items": [device_view(one, devices, timeline, entities.boot) for one in devices], "next": None}


@get("/devices/{device_id:str}", opt=needs(Role.VIEWER, "read:devices"), summary="One device")
async def get_device(devices: DeviceRegistry, entities: EntityRegistry, timeline: Timeline, device_id: str) -> dict[str, Any]:
    """Give a device."""
    return device_view(devices.get(device_id), devices, timeline, entities.boot)


class DeviceWords(msgspec.Struct, forbid_unknown_fields=True):
    """What people say of a device; null takes a word back, what is left out stays."""

    name: Word | msgspec.UnsetType | None = msgspec.UNSET
    area: Word | msgspec.UnsetType | None = msgspec.UNSET


@patch("/devices/{device_id:str}", opt=needs(Role.TECHNICIAN, "devices:write"), summary="Say what you call a device")
async def change_device(parts: Parts, caller: Caller, device_id: str, data: DeviceWords) -> dict[str, Any]:
    """Set its name and area; the name that it gives itself stays known."""
    said = {"alias": data.name, "area": data.area}
    words = {key: value or "" for key, value in said.items() if value is not msgspec.UNSET}
    return await _saved(parts, parts.devices.call(device_id, words, caller.cause))


@post(
    "/devices/{device_id:str}/approve",
    opt=needs(Role.TECHNICIAN, "devices:approve"),
    status_code=200,
    summary="Let a device take part",
)
async def approve_device(parts: Parts, caller: Caller, device_id: str) -> dict[str, Any]:
    """Let a device take part: what it says becomes entities from now on."""
    return await _saved(parts, parts.devices.approve(device_id, caller.cause))


@post(
    "/devices/{device_id:str}/retire",
    opt=needs(Role.TECHNICIAN, "devices:retire"),
    status_code=200,
    summary="Stop listening to a device",
)
async def retire_device(parts: Parts, caller: Caller, device_id: str) -> dict[str, Any]:
    """Stop listening to a device; its entities and history stay."""
    return await _saved(parts, parts.devices.retire(device_id, caller.cause))


async def _saved(parts: Parts, device: Device) -> dict[str, Any]:
    await parts.saved()
    return device_view(device, parts.devices, parts.timeline, parts.entities.boot)


ROUTES = [list_devices, get_device, change_device, approve_device, retire_device]

"""`/api/v1/devices`: the boards."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import delete, get, patch, post

from autocore.core.clock import NS
from autocore.core.devices import Device, Standing
from autocore.core.model import Caller, Role
from autocore.provisioning.bundles import Bundle
from autocore.provisioning.distribution import Delivery
from autocore.provisioning.provisioner import Issued
from autocore.rates.watch import Flood
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.views import device_view

Word = Annotated[str, msgspec.Meta(max_length=60)]
Granted = Annotated[list[Annotated[str, msgspec.Meta(max_length=60)]], msgspec.Meta(max_length=32)]


@get("/devices", opt=needs(Role.VIEWER, "read:devices"), summary="List devices")
async def list_devices(parts: Parts) -> dict[str, Any]:
    """Give every device, sorted by id."""
    return {"items": [_view(parts, one) for one in parts.devices], "next": None}


@get("/devices/{device_id:str}", opt=needs(Role.VIEWER, "read:devices"), summary="One device")
async def get_device(parts: Parts, device_id: str) -> dict[str, Any]:
    """Give a device."""
    return _view(parts, parts.devices.get(device_id))


@get("/devices/{device_id:str}/config", opt=needs(Role.TECHNICIAN, "devices:config"), summary="A device's configuration")
async def get_device_config(parts: Parts, device_id: str) -> dict[str, Any]:
    """Give the document that a device shall work by, and how far it is."""
    parts.devices.get(device_id)
    document = parts.boards.distribution.document(device_id)
    delivery = config_view(parts.boards.distribution.delivery(device_id))
    return {"document": None if document is None else msgspec.to_builtins(document), "delivery": delivery}


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


class NewDevice(msgspec.Struct, forbid_unknown_fields=True):
    """A board that cannot join by itself."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Word = ""
    type: Word = ""
    granted: Granted = []


class Approval(msgspec.Struct, forbid_unknown_fields=True):
    """Which capabilities that give rights a device is granted; null leaves those it has."""

    granted: Granted | None = None


class Replacement(msgspec.Struct, forbid_unknown_fields=True):
    """Which board that was found takes the place; null: one that is flashed with the credentials of the answer."""

    by: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


@post("/devices", opt=needs(Role.ADMIN, "devices:credentials"), status_code=201, summary="Take a board in by hand")
async def add_device(parts: Parts, caller: Caller, data: NewDevice) -> dict[str, Any]:
    """Take in a board that cannot join by itself, and give what is flashed into it; its password is shown this once."""
    device = Device(
        id=data.id, name=data.name or data.id, type=data.type, granted=tuple(data.granted), standing=Standing.APPROVED
    )
    return await _credentials(parts, await parts.boards.provisioner.add(device, caller.cause))


@post(
    "/devices/{device_id:str}/approve",
    opt=needs(Role.TECHNICIAN, "devices:approve"),
    status_code=200,
    summary="Let a device take part",
)
async def approve_device(parts: Parts, caller: Caller, device_id: str, data: Approval | None = None) -> dict[str, Any]:
    """Let a device take part: what it says becomes entities from now on. One that waits in join mode gets its credentials."""
    device = await parts.boards.provisioner.approve(device_id, caller.cause, None if data is None else data.granted)
    if parts.boards.joining.waits(device_id):
        await parts.boards.joining.answer(device_id, device_id, caller.cause)
    return _view(parts, device)


@post(
    "/devices/{device_id:str}/retire",
    opt=needs(Role.TECHNICIAN, "devices:retire"),
    status_code=200,
    summary="Shut a device out",
)
async def retire_device(parts: Parts, caller: Caller, device_id: str) -> dict[str, Any]:
    """Cut a device off, take its credentials away, and listen to it no more; its entities and history stay."""
    return _view(parts, await parts.boards.provisioner.retire(device_id, caller.cause))


@post(
    "/devices/{device_id:str}/replace",
    opt=needs(Role.ADMIN, "devices:credentials"),
    status_code=200,
    summary="Put another board in a board's place",
)
async def replace_device(parts: Parts, caller: Caller, device_id: str, data: Replacement | None = None) -> dict[str, Any]:
    """Give new credentials for a board's id: to one that waits in join mode, else in the answer, this once. The old ones end."""
    found_id = None if data is None else data.by
    if found_id is None:
        return await _credentials(parts, await parts.boards.provisioner.issue(device_id, caller.cause))
    return _view(parts, await parts.boards.joining.replace(device_id, found_id, caller.cause))


@delete("/devices/{device_id:str}", opt=needs(Role.TECHNICIAN, "devices:retire"), summary="Forget a device")
async def forget_device(parts: Parts, caller: Caller, device_id: str) -> None:
    """Forget a device that was only found, or is retired; its entities and history stay."""
    await parts.boards.provisioner.forget(device_id, caller.cause)


@get("/joining", opt=needs(Role.ADMIN, "devices:join"), summary="Whether a board may join")
async def see_joining(parts: Parts) -> dict[str, Any]:
    """Give the open window, with its code, or that there is none."""
    return joining_view(parts)


@post("/joining", opt=needs(Role.ADMIN, "devices:join"), status_code=201, summary="Let one new board join")
async def open_joining(parts: Parts, caller: Caller) -> dict[str, Any]:
    """Open join mode for ten minutes, for one board; a window that is open closes."""
    await parts.boards.joining.open(caller.cause)
    return joining_view(parts)


@delete("/joining", opt=needs(Role.ADMIN, "devices:join"), summary="Let no board join any more")
async def close_joining(parts: Parts, caller: Caller) -> None:
    """Close join mode; harmless when it is not open."""
    await parts.boards.joining.close(caller.cause)


def joining_view(parts: Parts) -> dict[str, Any]:
    """Give the window of join mode."""
    window = parts.boards.joining.window
    if window is None:
        return {"is_open": False}
    return {
        "is_open": True,
        "username": window.username,
        "password": window.code,
        "topic": f"{parts.hub.root}/enrol/{window.code}/request",
        "seconds": max(0, round((window.until_ns - parts.clock.monotonic_ns()) / NS)),
        "device": window.device,
        "is_answered": window.is_answered,
    }


def _view(parts: Parts, device: Device) -> dict[str, Any]:
    boards = parts.boards
    return device_view(device, parts.devices, parts.timeline, parts.entities.boot) | {
        "has_credentials": boards.provisioner.has_credentials(device.id),
        "is_waiting": boards.joining.waits(device.id),
        "config": config_view(boards.distribution.delivery(device.id)),
        "flood": flood_view(boards.floods.of(device.id)),
    }


def flood_view(flood: Flood) -> dict[str, Any]:
    """Give how much of a device's messages was left out, and whether it is slowed now."""
    return {"dropped": flood.dropped, "is_flooding": flood.is_flooding, "slowed_s": flood.slowed_s}


def config_view(delivery: Delivery) -> dict[str, Any] | None:
    """Give how far the configuration of a device is; null when there is none for it."""
    if not delivery.version and not delivery.problem:
        return None
    return {**msgspec.to_builtins(delivery), "has_drifted": delivery.has_drifted}


async def _credentials(parts: Parts, issued: Issued) -> dict[str, Any]:
    broker, ca = parts.boards.broker()
    bundle = Bundle(issued.device, issued.password, broker, parts.hub.root, ca)
    return _view(parts, parts.devices.get(issued.device)) | {
        "credentials": {"username": issued.device, "client_id": issued.device, "password": issued.password},
        "files": bundle.files(),
    }


async def _saved(parts: Parts, device: Device) -> dict[str, Any]:
    await parts.saved()
    return _view(parts, device)


ROUTES = [
    list_devices,
    get_device,
    get_device_config,
    change_device,
    add_device,
    approve_device,
    retire_device,
    replace_device,
    forget_device,
    see_joining,
    open_joining,
    close_joining,
]

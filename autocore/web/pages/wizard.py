"""The first-run wizard: plain forms, one after the other, that work on a phone without a script and can be left at any step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlsplit
from zoneinfo import available_timezones

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from autocore.core.errors import AutocoreError, ConfigFaults, InvalidData
from autocore.core.model import Caller, Role
from autocore.core.mqtt.endpoint import PORTS, parse_broker_url
from autocore.core.names import N_
from autocore.web.access import OPEN, needs
from autocore.web.coresections import standing, write_keys
from autocore.web.errors import status_of
from autocore.web.gate import CALLER
from autocore.web.pages.languages import CODES
from autocore.web.pages.people import error_at
from autocore.web.pages.preferences import Preference
from autocore.web.pages.progress import STEPS, done_steps, mark_done, next_step, trail
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes.auth import peer_of, session_cookie
from autocore.web.trybroker import wrong_with

ADMIN = needs(Role.ADMIN, "config:write")
BACK_AFTER_S = 8  # a start takes about half of it on a Pi
SECRET = "mqtt_broker"  # noqa: S105  # the name of one
Form = Body(media_type=RequestEncodingType.URL_ENCODED)


class SetUpForm(msgspec.Struct):
    """What the first page asks for."""

    code: str = ""
    username: str = ""
    password: str = ""
    again: str = ""
    language: str = ""


class VehicleForm(msgspec.Struct):
    """What the page of the vehicle asks for."""

    name: str = ""
    language: str = "en"
    units: str = "metric"
    timezone: str = ""


class BrokerForm(msgspec.Struct):
    """What the page of the broker asks for; `act` is the button."""

    kind: str = "own"
    address: str = ""
    username: str = ""
    password: str = ""
    act: str = "save"


@get("/setup", opt=OPEN, include_in_schema=False)
async def set_up_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[Any]:
    """Ask for the code and the first administrator; once there is one, go on where the wizard was left."""
    if not await parts.accounts.has_administrator():
        return await _first(request, pages, {"form": SetUpForm(language=_asked_language(request))})
    caller: Caller | None = request.scope.get(CALLER)  # type: ignore[assignment]  # the gate's own key
    step = await next_step(parts.store, caller.role if caller else Role.VIEWER)
    return Redirect(step.path if step else "/")


@post("/setup", opt=OPEN, include_in_schema=False, status_code=200)
async def set_up(request: Request[Any, Any, Any], pages: Pages, parts: Parts, data: Annotated[SetUpForm, Form]) -> Response[Any]:
    """Make the first administrator and log in, or say at the field what is wrong."""
    accounts, name = parts.accounts, data.username.strip()
    try:
        if data.password != data.again:
            raise InvalidData("the two passwords differ", field="again")
        await accounts.set_up(data.code, name, data.password, peer_of(request))
        session = await accounts.log_in(name, data.password, peer_of(request))
    except AutocoreError as error:
        field = error.field if isinstance(error, InvalidData) else "code"
        message = pages.translate(request, error.message if isinstance(error, InvalidData) else str(error))
        context = {"form": data, "error": message, "field": field}
        return await _first(request, pages, context, status=status_of(error))
    if data.language in CODES:
        await pages.preferences.set(name, Preference(language=data.language))  # type: ignore[arg-type]  # one of the codes
    return Redirect(STEPS[0].path, status_code=303, cookies=[session_cookie(request, session.token, accounts.session_s)])


@get("/setup/vehicle", opt=ADMIN, include_in_schema=False)
async def vehicle_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Ask how the vehicle is called and how its people read."""
    found = await standing(parts, "autocore")
    now = found.config.core.autocore
    language = now.language if found.place else pages.language_of(request)
    form = VehicleForm(now.name, language, now.units, now.timezone or "")
    return await _step(request, pages, parts, "vehicle", {"form": form, "place": found.place})


@post("/setup/vehicle", opt=ADMIN, include_in_schema=False, status_code=200)
async def save_vehicle(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[VehicleForm, Form]
) -> Response[Any]:
    """Write it down, and go on."""
    found = await standing(parts, "autocore")
    if found.place is None:
        values = {"name": data.name.strip(), "language": data.language, "units": data.units, "timezone": data.timezone or None}
        try:
            await write_keys(parts, "autocore", values, caller.cause)
        except AutocoreError as error:
            context = {"form": data, "place": None, "error": _said(pages, request, error)}
            return await _step(request, pages, parts, "vehicle", context, status=status_of(error))
    return await _go_on(parts, "vehicle")


@get("/setup/broker", opt=ADMIN, include_in_schema=False)
async def broker_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Ask for the broker."""
    return await _step(request, pages, parts, "broker", await _broker(parts))


@post("/setup/broker", opt=ADMIN, include_in_schema=False, status_code=200)
async def save_broker(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[BrokerForm, Form]
) -> Response[Any]:
    """Try the broker, and write it down when it answers, or when it shall be written all the same."""
    context = await _broker(parts)
    if context["place"] is not None:
        return await _go_on(parts, "broker")
    context["form"] = data
    try:
        url = _url_of(data)
        if url is not None and data.act != "anyway":
            sentence, reason = await wrong_with(parts.clock, parse_broker_url(url))
            if sentence:
                context["trouble"] = pages.translate(request, sentence) % {"reason": reason}
                return await _step(request, pages, parts, "broker", context, status=200 if data.act == "try" else 400)
        if data.act == "try":
            context["is_right"] = True
            return await _step(request, pages, parts, "broker", context)
        secrets = {"broker": SECRET} if url and data.password else {}
        await write_keys(parts, "mqtt", {"broker": url}, caller.cause, secrets)
    except AutocoreError as error:
        context["error"] = _said(pages, request, error)
        return await _step(request, pages, parts, "broker", context, status=status_of(error))
    return await _go_on(parts, "broker")


@get("/setup/board", opt=ADMIN, include_in_schema=False)
async def board_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Say how the first board joins."""
    return await _step(request, pages, parts, "board", {"known": len(parts.devices)})


@post("/setup/board", opt=ADMIN, include_in_schema=False, status_code=303)
async def leave_board(parts: Parts) -> Redirect:
    """Go on."""
    return await _go_on(parts, "board")


@get("/setup/done", opt=ADMIN, include_in_schema=False)
async def done_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Say what became of it, and whether the gateway has to start again for it."""
    return await _step(request, pages, parts, "done", {"must_restart": await _must_restart(parts), "is_restarting": False})


@post("/setup/done", opt=ADMIN, include_in_schema=False, status_code=200)
async def finish(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[Any]:
    """End the wizard; start the gateway again when what was chosen asks for it."""
    must_restart = await _must_restart(parts)
    await mark_done(parts.store, "done")
    if not must_restart:
        return Redirect("/", status_code=303)
    answer = await _step(request, pages, parts, "done", {"must_restart": True, "is_restarting": True})
    answer.headers["Refresh"] = f"{BACK_AFTER_S}; url=/"
    parts.restart()
    return answer


async def _must_restart(parts: Parts) -> bool:
    return (await standing(parts, "autocore")).config.core != parts.config.core


async def _broker(parts: Parts) -> dict[str, Any]:
    """Give what the page of the broker shows: the form, filled with what holds now, without the password."""
    found = await standing(parts, "mqtt")
    broker = found.config.core.mqtt.broker
    form = BrokerForm()
    if broker != "auto":
        there = parse_broker_url(broker)
        form = BrokerForm("other", str(there), there.username or "")
    return {"form": form, "place": found.place, "is_there": parts.hub.is_connected, "trouble": None, "is_right": False}


def _url_of(data: BrokerForm) -> str | None:
    """Give the broker's address with its account, as the configuration has it; None is the own broker.

    Raises:
        InvalidData: it is no address.
    """
    if data.kind == "own":
        return None
    text = data.address.strip()
    text = text if "://" in text else f"mqtt://{text}"
    parse_broker_url(text)
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise InvalidData("name and password stand in fields of their own", field="address")
    account = ":".join(quote(one, safe="") for one in (data.username.strip(), data.password) if one)
    if data.password and not data.username.strip():
        raise InvalidData("a password needs a name", field="username")
    port = parts.port or PORTS[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{account + '@' if account else ''}{host}:{port}"


def _asked_language(request: Request[Any, Any, Any]) -> str:
    asked = request.query_params.get("language", "")
    return asked if asked in CODES else ""


def _said(pages: Pages, request: Request[Any, Any, Any], error: AutocoreError) -> dict[str, str]:
    if isinstance(error, ConfigFaults):
        fault = error.faults[0]
        return {"field": fault.path.rpartition(".")[2], "message": pages.translate(request, fault.message.partition(", not ")[0])}
    said = error_at(pages, request, error)
    return said if said["field"] else {"field": "address", "message": said["message"]}


async def _first(
    request: Request[Any, Any, Any], pages: Pages, context: Mapping[str, Any], *, status: int = 200
) -> Response[str]:
    about = {"error": None, "field": None, "trail": trail("", []), **context}
    return await pages.page(request, "setup.html", about, status=status)


async def _step(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    name: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> Response[str]:
    about = {
        "error": None,
        "step": name,
        "trail": trail(name, await done_steps(parts.store)),
        "zones": sorted(one for one in available_timezones() if "/" in one and not one.startswith(("Etc/", "SystemV/"))),
    }
    return await pages.page(request, "setup_step.html", {**about, **context}, status=status)


async def _go_on(parts: Parts, name: str) -> Redirect:
    await mark_done(parts.store, name)
    names = [one.name for one in STEPS]
    return Redirect(STEPS[names.index(name) + 1].path, status_code=303)


SENTENCES = (
    N_("expected a text of 1 to 60 characters"),
    N_("write auto, or an address like mqtt://user:password@host:1883"),
    N_("the port of the broker's address is no number from 1 to 65535"),
    N_("name and password stand in fields of their own"),
    N_("a password needs a name"),
    N_("the two passwords differ"),
)
"""What is said at the fields; the core speaks English, so the words stand here for translation."""

ROUTES = [
    set_up_page,
    set_up,
    vehicle_page,
    save_vehicle,
    broker_page,
    save_broker,
    board_page,
    leave_board,
    done_page,
    finish,
]

"""`/api/v1/services`: the only way to make the vehicle do something."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.params import HeaderParameter, QueryParameter

from autocore.core.clock import NS, Clock
from autocore.core.errors import InvalidData
from autocore.core.model import Caller, Role
from autocore.core.services import Service, ServiceRegistry
from autocore.web.access import DELEGATED, needs
from autocore.web.schema import json_schema

REMEMBERED_S = 600.0
REMEMBERED = 1_000

Wait = Annotated[Literal["applied", "accepted"], QueryParameter(description="`accepted` answers before the device did.")]
Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", max_length=200, description="The same key within ten minutes acts once."),
]


class Answers:
    """The answers to calls that carried an Idempotency-Key: a second one with that key gets the first one's answer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[str, str, str], tuple[int, asyncio.Task[Mapping[str, Any]]]] = OrderedDict()

    def find(self, key: tuple[str, str, str]) -> asyncio.Task[Mapping[str, Any]] | None:
        """Give the call that was made with `key` (who, key, service), if it is still remembered."""
        limit_ns = self._clock.monotonic_ns() - round(REMEMBERED_S * NS)
        while self._known and (next(iter(self._known.values()))[0] < limit_ns or len(self._known) > REMEMBERED):
            self._known.popitem(last=False)
        found = self._known.get(key)
        return found[1] if found else None

    def keep(self, key: tuple[str, str, str], call: asyncio.Task[Mapping[str, Any]]) -> None:
        """Remember a call."""
        self._known[key] = (self._clock.monotonic_ns(), call)


@get("/services", opt=needs(Role.VIEWER, "read:services"), summary="List services")
async def list_services(services: ServiceRegistry) -> dict[str, Any]:
    """Give every service with the schema of its data."""
    return {"items": [_view(service) for service in services], "next": None}


@post(
    "/services/{domain:str}/{service:str}",
    opt=needs(Role.VIEWER, DELEGATED),
    status_code=200,
    summary="Call a service",
)
async def call_service(  # the parts it asks and the parts of the request
    request: Request[Any, Any, Any],
    services: ServiceRegistry,
    answers: Answers,
    caller: Caller,
    domain: str,
    service: str,
    wait: Wait = "applied",
    key: Key = None,
) -> Mapping[str, Any]:
    """Call a service with the body as its data; answer with the outcome once the device answered."""
    data = await _body(request)
    name = f"{domain}.{service}"
    if key is None:
        return await services.call(name, data, caller, waits=wait == "applied")
    mark = (caller.cause.who, key, name)
    call = answers.find(mark)
    if call is None:
        call = asyncio.get_running_loop().create_task(_outcome(services.call(name, data, caller, waits=wait == "applied")))
        answers.keep(mark, call)
    return await asyncio.shield(call)


async def _outcome(work: Any) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = await work
    return answer


async def _body(request: Request[Any, Any, Any]) -> Mapping[str, Any]:
    body = await request.body()
    try:
        data = msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError as error:
        raise InvalidData(f"the body is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise InvalidData('the body is an object, e.g. {"entity": "switch.light_bar"}')
    return data


def _view(service: Service) -> dict[str, Any]:
    domain, _, verb = service.name.partition(".")
    return {
        "name": service.name,
        "domain": domain,
        "service": verb,
        "plugin": service.owner,
        "role": service.role.name.lower(),
        "description": service.description,
        "schema": json_schema(service.schema),
    }


ROUTES = [list_services, call_service]

"""`/api/v1/services`: the only way to make the vehicle do something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get, post
from litestar.params import HeaderParameter, QueryParameter

from autocore.core.errors import InvalidData
from autocore.core.model import Caller, Role
from autocore.core.services import Service, ServiceRegistry
from autocore.web.access import DELEGATED, needs
from autocore.web.answers import Answers, Outcome
from autocore.web.bodies import check_body
from autocore.web.schema import json_schema

Wait = Annotated[Literal["applied", "accepted"], QueryParameter(description="`accepted` answers before the device did.")]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key", max_length=200, description="The same key within ten minutes acts once, also over a restart."
    ),
]


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
) -> Outcome:
    """Call a service with the body as its data; answer with the outcome once the device answered."""
    data = await _body(request)
    name = f"{domain}.{service}"

    async def act() -> Outcome:
        return await services.call(name, data, caller, waits=wait == "applied")

    return await (act() if key is None else answers.once(caller.cause.who, key, (name, data), act))


async def _body(request: Request[Any, Any, Any]) -> Mapping[str, Any]:
    body = check_body(await request.body())
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

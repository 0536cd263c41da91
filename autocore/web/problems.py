"""Which refusals a route of REST documents: the problem details that each may answer with, by what kind of route it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema

from autocore.web.errors import MEDIA_TYPE


class Problem(msgspec.Struct, kw_only=True):
    """What happened and what to do (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | msgspec.UnsetType = msgspec.UNSET
    """The dotted path to what is wrong in the request."""
    nearest: str | msgspec.UnsetType = msgspec.UNSET
    """The known name most like the one that was asked for."""


WORDS = {
    400: "The request is not as it should be.",
    401: "Nobody is logged in.",
    403: "The caller may not do it, or comes from another site's page.",
    404: "There is nothing of that name.",
    409: "It cannot be done now, or somebody else owns it.",
    413: "The body is too large.",
    415: "The body is of a kind that is not taken here.",
    429: "Too many attempts; `Retry-After` says how long to wait.",
    503: "The broker does not do it now.",
    504: "The device did not answer; whether it acted is not known.",
}
FILES = ("application/x-ndjson", "text/csv")


@dataclass
class FileOperation(Operation):
    """A question whose answer may also be a file: NDJSON or CSV, as `format` says."""

    def __post_init__(self) -> None:
        """Add the files to what the document says of a good answer."""
        good = (self.responses or {}).get("200")
        if isinstance(good, OpenAPIResponse):
            files = {kind: OpenAPIMediaType(Schema(type=OpenAPIType.STRING)) for kind in FILES}
            good.content = {**(good.content or {}), **files}


EVERY, CHANGES, COMMANDS = (400, 401, 403, 404), (409, 413, 415, 429), (503, 504)


def with_problems(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Give the handlers, each with the refusals that it may answer with in its document."""
    found = list(handlers)
    for one in found:
        if isinstance(one, HTTPRouteHandler):
            statuses = EVERY if set(one.http_methods) <= {"GET", "HEAD"} else (*EVERY, *CHANGES, *COMMANDS)
            known = {status: _spec(status) for status in statuses}
            one.responses = {**known, **(dict(one.responses) if one.responses else {})}
    return found


def _spec(status: int) -> ResponseSpec:
    return ResponseSpec(Problem, description=WORDS[status], media_type=MEDIA_TYPE, generate_examples=False)

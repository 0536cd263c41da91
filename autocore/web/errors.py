"""Errors as problem details (RFC 9457): one sentence that says what happened and what to do."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from autocore.core.errors import (
    AutocoreError,
    BrokerError,
    ConfigError,
    ConfigFaults,
    InvalidData,
    NameTaken,
    NoAnswer,
    NotAuthenticated,
    PermissionDenied,
    Refused,
    StorageError,
    TooManyAttempts,
    UnknownName,
)

MEDIA_TYPE = "application/problem+json"

_STATUS: dict[type[AutocoreError], int] = {
    UnknownName: 404,
    InvalidData: 400,
    ConfigError: 400,
    ConfigFaults: 400,
    NameTaken: 409,
    NotAuthenticated: 401,
    PermissionDenied: 403,
    Refused: 409,
    NoAnswer: 504,
    BrokerError: 503,
    TooManyAttempts: 429,
}

log = logging.getLogger("autocore.web")


def status_of(error: AutocoreError) -> int:
    """Give the HTTP status of an error; 500 for one that is not the caller's."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def problem(status: int, detail: str, code: str, **more: Any) -> dict[str, Any]:
    """Give the body of a problem."""
    title = HTTPStatus(status).phrase
    return {"type": f"urn:autocore:{code}", "title": title, "status": status, "detail": detail, "code": code, **more}


def problem_of(error: AutocoreError) -> dict[str, Any]:
    """Give the body that tells of an error of the gateway."""
    more: dict[str, Any] = {}
    if isinstance(error, UnknownName) and error.nearest:
        more["nearest"] = error.nearest
    if isinstance(error, InvalidData) and error.field:
        more["field"] = error.field
    return problem(status_of(error), str(error), error.code, **more)


def headers_of(error: AutocoreError) -> dict[str, str]:
    """Give the headers that belong to an error."""
    return {"Retry-After": str(max(1, round(error.retry_after_s)))} if isinstance(error, TooManyAttempts) else {}


def encode(body: dict[str, Any]) -> bytes:
    """Give a problem's bytes."""
    return msgspec.json.encode(body)


def on_autocore_error(_request: Request[Any, Any, Any], error: AutocoreError) -> Response[bytes]:
    """Answer with the problem."""
    body = problem_of(error)
    if body["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, NoAnswer):
        is_told = isinstance(error, (BrokerError, StorageError))  # of a broker or a disk that is away a sentence is enough
        log.error("%s", error, exc_info=None if is_told else error)
    return Response(encode(body), status_code=body["status"], media_type=MEDIA_TYPE, headers=headers_of(error))


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer with the problem that the framework found: an unknown path, a body that is no JSON, a missing parameter."""
    if isinstance(error.__cause__, msgspec.ValidationError) and error.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        # A field of the body that is named like a part of the gateway: Litestar takes it for a mistake of ours.
        message, _, path = str(error.__cause__).partition(" - at `$.data.")
        return on_autocore_error(request, InvalidData(message, field=path.rstrip("`")))
    sentence = {
        404: "there is nothing here; the paths are listed under /schema",
        405: "this path does not take that method; the paths are listed under /schema",
    }.get(error.status_code, error.detail)
    more: dict[str, Any] = {}
    extra = getattr(error, "extra", None)
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        more["field"], sentence = _told(str(extra[0].get("key", "")), str(extra[0].get("message", sentence)))
    code = (
        "invalid"
        if error.status_code == HTTPStatus.BAD_REQUEST
        else HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    )
    body = problem(error.status_code, sentence, code, **more)
    return Response(encode(body), status_code=error.status_code, media_type=MEDIA_TYPE)


def _told(key: str, message: str) -> tuple[str, str]:
    """Give the field and the sentence of what a handler refused: `data` is the body, and a name of Python's ends with `_`."""
    field = key.rstrip("_")
    if field == "data":
        return "", message if message != "'data'" else "the request needs a body, as JSON; /schema says what stands in it"
    return field, f"{field}: {message}"


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer with a sentence and log the rest."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    body = problem(500, "the gateway made a mistake here; its log has the details", "internal")
    return Response(encode(body), status_code=500, media_type=MEDIA_TYPE)

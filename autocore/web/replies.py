"""Answers that no route gives: the heads that every answer bears, and refusals before any application is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from autocore.web.errors import MEDIA_TYPE, encode, problem

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';"
    b" manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = [
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


def wrong_host(headers: dict[str, str], knows_host: Callable[[str | None], bool]) -> dict[str, Any] | None:
    """Give the refusal of a request for a name that is not the gateway's, None when it is."""
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:  # brackets that are no address of IPv6: no browser sends them
        name = ""
    if knows_host(name):
        return None
    return problem(421, "the gateway is not known under this name; use the address that it printed", "wrong_host")


def with_security_headers(send: Any) -> Any:
    """Give a `send` that adds what every answer bears: pages may load nothing of others, and be framed by nobody."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_SECURITY_HEADERS]
        await send(message)

    return sending


async def answer(scope: Any, receive: Any, send: Any, body: dict[str, Any], more: dict[str, str] | None = None) -> None:
    """Refuse a request or a WebSocket with a problem."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4401 if body["status"] == 401 else 4403})  # noqa: PLR2004
        return
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    if body["status"] == 401:  # noqa: PLR2004  # the status itself
        headers.append((b"www-authenticate", b"Bearer"))
    headers += [(name.lower().encode(), value.encode()) for name, value in (more or {}).items()]
    await respond(send, body["status"], encode(body), headers)


async def respond(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send an answer whole."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})

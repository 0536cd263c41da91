"""The gate before everything: who is asking, from which page, for which host. It wraps the application, outside its router.

Outside, because a router answers 404 for a path of the wrong type before any guard of its own: who has no name learns nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

from autocore.auth.accounts import Accounts
from autocore.core.errors import AutocoreError, NotAuthenticated
from autocore.core.model import INTERNAL, Caller
from autocore.web.errors import headers_of, problem, problem_of
from autocore.web.replies import answer, respond, with_security_headers, wrong_host

COOKIE = "__Host-autocore_session"  # browsers keep one of this name only from HTTPS, for this very host
PLAIN_COOKIE = "autocore_session"  # over plain HTTP there is no `Secure`, so no `__Host-` either
CALLER = "autocore.caller"
TOKEN = "autocore.token"  # noqa: S105  # the name of a key
ALWAYS_OPEN = ("/health", "/ready", "/look.css")
OPEN_BEFORE_SETUP = ("/setup", "/api/v1/auth/setup")
OPEN_AFTER_SETUP = ("/login", "/api/v1/auth/login", "/setup", "/api/v1/auth/setup")
ENCRYPTED = ("https", "wss")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST_BODY = 1_048_576
UPLOAD_PATHS = ("/api/v1/backup/files", "/backup/upload")  # their routes count what comes, and write it to the disk at once


class Gate:
    """An ASGI application around the one that does the work.

    Args:
        app: the application.
        accounts: knows who bears a token.
        knows_host: says whether the gateway may be asked for under a name, without port.
    """

    def __init__(self, app: Any, accounts: Accounts, knows_host: Callable[[str | None], bool]) -> None:
        self._app = app
        self._accounts = accounts
        self._knows_host = knows_host

    def turn_to(self, app: Any) -> None:
        """Let the next request go to `app`."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        send = with_security_headers(send) if scope["type"] == "http" else send
        refusal = wrong_host(headers, self._knows_host) or _too_large(scope["path"], headers)
        if refusal is not None:
            await answer(scope, receive, send, refusal)
            return
        path = scope["path"]
        is_set_up = await self._accounts.has_administrator()
        is_encrypted = scope["scheme"] in ENCRYPTED
        token, is_cookie = _token(headers, cookie_name(is_encrypted=is_encrypted))
        try:
            scope[CALLER] = await self._caller(scope, token)
            scope[TOKEN] = token
        except AutocoreError as error:
            if not _is_open(path, is_set_up=is_set_up):
                await self._turn_away(scope, receive, send, error, is_set_up=is_set_up)
                return
            scope[CALLER] = None
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        # A page elsewhere can make a browser send the cookie, and can send a form without one.
        if changes and (is_cookie or scope[CALLER] is None) and not _is_same_origin(headers, is_encrypted=is_encrypted):
            await answer(scope, receive, send, problem(403, "this request comes from another site's page", "cross_site"))
            return
        await self._app(scope, receive, send)

    async def _caller(self, scope: Any, token: str | None) -> Caller:
        if token is None:
            raise NotAuthenticated("log in, or send a token as `Authorization: Bearer …`")
        client = scope.get("client")
        via = "websocket" if scope["type"] == "websocket" else "rest" if scope["path"].startswith("/api/") else "page"
        return await self._accounts.authenticate(token, via, client[0] if client else "")

    async def _turn_away(self, scope: Any, receive: Any, send: Any, error: AutocoreError, *, is_set_up: bool) -> None:
        path = scope["path"]
        is_page = scope["type"] == "http" and scope["method"] in SAFE_METHODS and _is_page(path)
        if not is_page:
            await answer(scope, receive, send, problem_of(error), headers_of(error))
            return
        query = scope.get("query_string", b"").decode("latin-1")
        if b"hx-request" in dict(scope["headers"]):  # a piece of a page: the whole page goes to the log-in, not the piece
            await respond(send, 401, b"", [(b"hx-redirect", b"/login" if is_set_up else b"/setup")])
            return
        back = quote(path + (f"?{query}" if query else ""), safe="/")
        target = f"/login?next={back}" if is_set_up and path != "/" else "/login" if is_set_up else "/setup"
        await respond(send, 303, b"", [(b"location", target.encode()), (b"cache-control", b"no-store")])


class ControlGate:
    """The gate of the control socket: who can open that file is the gateway's own user."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def turn_to(self, app: Any) -> None:
        """Let the next request go to `app`."""
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let everything pass as the gateway itself."""
        scope[CALLER] = INTERNAL
        scope[TOKEN] = None
        await self._app(scope, receive, send)


def cookie_name(*, is_encrypted: bool) -> str:
    """Give the name of the session's cookie."""
    return COOKIE if is_encrypted else PLAIN_COOKIE


def _token(headers: dict[str, str], cookie_key: str) -> tuple[str | None, bool]:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and text:
        return text.strip(), False
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_key)
    except CookieError:
        cookie = None
    return (cookie.value, True) if cookie and cookie.value else (None, False)


def _is_open(path: str, *, is_set_up: bool) -> bool:
    if path.startswith("/static/") or path in ALWAYS_OPEN:
        return True
    return path in (OPEN_AFTER_SETUP if is_set_up else OPEN_BEFORE_SETUP)


def _is_page(path: str) -> bool:
    return not path.startswith("/api/") and not path.startswith("/schema/") and path != "/metrics"


def _too_large(path: str, headers: dict[str, str]) -> dict[str, Any] | None:
    length = headers.get("content-length", "0")
    if path in UPLOAD_PATHS and length.isdecimal():
        return None
    if length.isdecimal() and int(length) <= LARGEST_BODY:
        return None
    return problem(413, f"a request has at most {LARGEST_BODY} bytes", "too_large")


def _is_same_origin(headers: dict[str, str], *, is_encrypted: bool) -> bool:
    origin = headers.get("origin")
    if origin is None:
        # Every browser that keeps to SameSite sends one of the two with a form or a fetch; programs send neither.
        return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.netloc == headers.get("host") and parts.scheme == ("https" if is_encrypted else "http")

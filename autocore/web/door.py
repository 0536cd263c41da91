"""The port without encryption, where others may come: it leads to the one with, shows how to trust it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException

from autocore.core.errors import AutocoreError
from autocore.web.errors import on_autocore_error, on_http_error, on_unexpected, problem
from autocore.web.pages import look, static, tls
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.replies import answer, respond, with_security_headers, wrong_host

HTTPS_PORT = 443
OPEN = (tls.PAGE, tls.FILE, "/look.css")


class Door:
    """An ASGI application in front of nothing: it asks nobody's name, for what it shows is no secret.

    Args:
        parts: the parts of the gateway.
        pages: draws them.
        knows_host: says whether the gateway may be asked for under a name, without port.
    """

    def __init__(self, parts: Parts, pages: Pages, knows_host: Callable[[str | None], bool]) -> None:
        self._knows_host = knows_host
        self._port = parts.config.core.web.https_port
        self._app = Litestar(
            [*tls.OPEN_ROUTES, *static.ROUTES, *look.ROUTES],
            dependencies={
                "parts": Provide(lambda: parts, sync_to_thread=False),
                "pages": Provide(lambda: pages, sync_to_thread=False),
            },
            exception_handlers={AutocoreError: on_autocore_error, HTTPException: on_http_error, Exception: on_unexpected},
            openapi_config=None,
            logging_config=None,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Show one of its pages, lead on to HTTPS, or refuse what should not have come here."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        send = with_security_headers(send) if scope["type"] == "http" else send
        refusal = wrong_host(headers, self._knows_host)
        if refusal is None and (scope["type"] != "http" or scope["method"] not in ("GET", "HEAD")):
            words = f"this port has no encryption; use port {self._port}, and change whatever secret was just sent"
            refusal = problem(403, words, "use_https")
        if refusal is not None:
            await answer(scope, receive, send, refusal)
        elif scope["path"] in OPEN or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
        else:
            # Not for ever (308): browsers would keep it when the owner changes the port.
            await respond(send, 307, b"", [(b"location", self._target(scope, headers)), (b"cache-control", b"no-store")])

    def _target(self, scope: Any, headers: dict[str, str]) -> bytes:
        name = urlsplit(f"//{headers['host']}").hostname or ""
        host = f"[{name}]" if ":" in name else name
        port = "" if self._port == HTTPS_PORT else f":{self._port}"
        path: bytes = scope["raw_path"]
        query: bytes = scope["query_string"]
        return f"https://{host}{port}".encode() + path + (b"?" + query if query else b"")

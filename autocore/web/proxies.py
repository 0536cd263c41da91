"""Whose word about who asks is believed: that of the proxies that the owner named, and of nobody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PEER = "autocore.peer"
MAPPED = "::ffff:"


class BehindProxies:
    """An ASGI application around another: behind a proxy it sees whom the proxy saw, and whether that way was encrypted.

    `X-Forwarded-For` is read from its end, where the nearest proxy writes, up to the first address that is no proxy's: what a
    client wrote into it itself stands before that, and is not believed.

    Args:
        app: the application.
        proxies: their addresses, and networks of them.
    """

    def __init__(self, app: Any, proxies: Sequence[str]) -> None:
        self._app = app
        self._believing = ProxyHeadersMiddleware(self._pass_on, list(proxies))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take from a proxy's request who asks; leave everybody else's as it is."""
        client = scope.get("client")
        if client is not None:
            # A socket for both versions of IP gives `::ffff:192.168.8.2`, which is in no network of IPv4.
            scope["client"] = scope[PEER] = (client[0].removeprefix(MAPPED), client[1])
        await self._believing(scope, receive, send)

    async def _pass_on(self, scope: Any, receive: Any, send: Any) -> None:
        client = scope.get("client")
        if client is not None and not _is_address(client[0]):
            scope["client"] = scope[PEER]  # a proxy that passes on what it cannot know: the limits count the proxy itself
        await self._app(scope, receive, send)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True

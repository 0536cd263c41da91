"""Uvicorn in the gateway's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn

from autocore.web.patience import PatientHttp, PatientSocket
from autocore.web.strangers import strangers

LARGEST_MESSAGE = 256 * 1024  # a WebSocket client subscribes to 2 000 ids of 100 characters at most


DATE_EVERY_S = 1.0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leave = asyncio.Event()

    def leave(self) -> None:
        """End at once; open live sockets would hold it up for the whole second."""
        self.should_exit = self.force_exit = True
        self._leave.set()

    async def main_loop(self) -> None:
        """Put the time into the head of the answers until it is told to end: uvicorn's own loop wakes ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE_EVERY_S):
                    await self._leave.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the gateway."""
        yield


class Server:
    """Serves one ASGI application on one socket.

    Args:
        app: the application.
        listener: the socket.
        context: with it every connection is encrypted.
    """

    def __init__(self, app: Any, listener: socket.socket, context: ssl.SSLContext | None = None) -> None:
        self._listener = listener
        config = uvicorn.Config(
            app,
            lifespan="off",
            http=PatientHttp,
            ws=PatientSocket,
            ws_per_message_deflate=False,
            ws_max_size=LARGEST_MESSAGE,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        config.load()
        config.ssl = context  # uvicorn would make one of its own; this one takes a renewed certificate while it runs
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on."""
        logging.getLogger("uvicorn.error").addFilter(strangers)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has only the flag
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Answer what is under way, close every socket, and end; at most a second."""
        self._server.leave()
        if self._task is not None:
            await self._task
        self._listener.close()

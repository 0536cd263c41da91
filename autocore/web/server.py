"""Uvicorn in the gateway's own loop: the port for people, and the control socket for the command line."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from autocore.core.errors import StartError

LARGEST_MESSAGE = 256 * 1024  # a WebSocket client subscribes to 2 000 ids of 100 characters at most


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the gateway."""
        yield


class Server:
    """Serves one ASGI application on one socket."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=LARGEST_MESSAGE,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Answer from now on."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._listener]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Answer what is under way, close every socket, and end; at most a second."""
        self._server.should_exit = True
        self._server.force_exit = True  # open live sockets would hold it up for the whole second
        if self._task is not None:
            await self._task
        self._listener.close()


def listen_tcp(host: str, port: int) -> socket.socket:
    """Give a listening socket; raises StartError when the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise StartError(f"port {port} for the web {why}; set web.port or --http-port to another") from error
    listener.listen(128)
    listener.setblocking(False)
    return listener


def listen_control(file: Path) -> socket.socket:
    """Give the listening control socket: a file that only the gateway's user can open."""
    file.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(file))
    except OSError as error:
        raise StartError(f"{file} cannot be made: {error}; use a data folder with a shorter path") from error
    file.chmod(0o600)
    listener.listen(8)
    listener.setblocking(False)
    return listener

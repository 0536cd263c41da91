"""Listening sockets: the port for people, and the control socket for the command line."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from autocore.core.errors import StartError

UNSENT_BYTES = 262_144
"""What the kernel keeps for one that does not read; its own choice grows to 4 MB (R8), and all of it is old when it is read."""


def listen_tcp(host: str, port: int, setting: str = "web.port or --http-port") -> socket.socket:
    """Give a listening socket; raises StartError, which names the `setting` that changes it, when the port is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BYTES // 2)  # the kernel doubles it; connections inherit it
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise StartError(f"port {port} for the web {why}; set {setting} to another") from error
    listener.listen(128)
    listener.setblocking(False)  # noqa: FBT003  # the socket module's own signature
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
    listener.setblocking(False)  # noqa: FBT003  # the socket module's own signature
    return listener

"""Talking to a running gateway over its control socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from autocore.core.errors import AutocoreError, InvalidData, StartError

CONTROL_SOCKET = "control.sock"
LIMIT_S = 30.0


class ControlConnection(http.client.HTTPConnection):
    """HTTP with the gateway that runs on a data folder.

    Args:
        data: the data folder.
        limit_s: how long it may keep silent.
    """

    def __init__(self, data: Path, limit_s: float = LIMIT_S) -> None:
        super().__init__("localhost", timeout=limit_s)
        self._path = data / CONTROL_SOCKET

    def connect(self) -> None:
        """Open the socket; raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(data: Path, method: str, path: str, body: Any = None) -> Any:
    """Give the gateway's answer to a request with `body` as JSON.

    Raises:
        StartError: no gateway runs on that data folder.
        InvalidData: the gateway says that what was asked is wrong.
        AutocoreError: it could not do it.
    """
    connection = ControlConnection(data)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
        answer = connection.getresponse()
        said = json.loads(answer.read() or b"null")
    except (OSError, http.client.HTTPException) as error:
        raise StartError(f"no gateway runs on {data}; start it, or name its folder with --data") from error
    finally:
        connection.close()
    if answer.status < 300:  # noqa: PLR2004  # HTTP's own border
        return said
    kind = InvalidData if answer.status < 500 else AutocoreError  # noqa: PLR2004  # HTTP's own border
    raise kind(said["detail"])

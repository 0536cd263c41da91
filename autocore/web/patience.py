"""How long a connection of the web may take nothing of what waits for it. Whoever is cut off connects again and gets the newest.

Without it one that does not read, and whose machine still answers, would stay for ever: a close waits for what was sent before.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALLED_S = 60.0  # asyncio asks for 48 kB in that time: 800 bytes a second


class Cut:
    """How many connections were cut off since the start of the process."""

    def __init__(self) -> None:
        self.total = 0


CUT = Cut()


class _Patient:
    """Cuts the transport when nothing is taken for `STALLED_S`; uvicorn's protocol stands behind it."""

    transport: asyncio.Transport
    _cutting: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Hear that the other end takes nothing now."""
        super().pause_writing()  # type: ignore[misc]  # the protocol's
        self._forget()
        self._cutting = asyncio.get_running_loop().call_later(STALLED_S, self._cut)

    def resume_writing(self) -> None:
        """Hear that it took most of what waited."""
        self._forget()
        super().resume_writing()  # type: ignore[misc]  # the protocol's

    def connection_lost(self, error: Exception | None) -> None:
        """Hear that it is gone."""
        self._forget()
        super().connection_lost(error)  # type: ignore[misc]  # the protocol's

    def _cut(self) -> None:
        CUT.total += 1
        self.transport.abort()

    def _forget(self) -> None:
        if self._cutting is not None:
            self._cutting.cancel()
            self._cutting = None


class PatientHttp(_Patient, HttpToolsProtocol):
    """HTTP."""

    def __init__(self, *words: Any, **facts: Any) -> None:
        super().__init__(*words, **facts)


class PatientSocket(_Patient, WebSocketsSansIOProtocol):
    """WebSockets; nothing more is read from one that does not read, or the answers to its pings would pile up."""

    def __init__(self, *words: Any, **facts: Any) -> None:
        super().__init__(*words, **facts)

    def pause_writing(self) -> None:
        """Hear that the other end takes nothing now."""
        super().pause_writing()
        if not self.read_paused:
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Hear that it took most of what waited."""
        super().resume_writing()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

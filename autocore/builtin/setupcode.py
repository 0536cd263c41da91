"""The one-time code with which the first administrator is made. No default password, and a window that closes."""

from __future__ import annotations

import secrets
from pathlib import Path

from autocore.core.clock import NS, Clock
from autocore.core.disk import delete_file, write_file
from autocore.core.errors import NotAuthenticated

WINDOW_S = 900.0  # security.md 1
FILE = "autocore-setup.txt"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that are taken for another


class SetupCode:
    """One code, written to a file that only the gateway's user can read."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        self._clock = clock
        self._file = folder / FILE
        self._code: str | None = None
        self._until_ns = 0

    def open(self) -> str:
        """Make a code, write it to its file, and give it; the window is 15 minutes."""
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        self._code = f"{letters[:4]}-{letters[4:]}"
        self._until_ns = self._clock.monotonic_ns() + round(WINDOW_S * NS)
        write_file(self._file, f"{self._code}\n".encode())
        return self._code

    def check(self, code: str) -> None:
        """Let the right code pass.

        Raises:
            NotAuthenticated: it is wrong, or the window has closed.
        """
        if self._code is None or self._clock.monotonic_ns() >= self._until_ns:
            raise NotAuthenticated("the time for the set-up is over; restart the gateway for a new code")
        given = code.strip().upper().replace(" ", "").replace("-", "")
        if not secrets.compare_digest(given.encode(), self._code.replace("-", "").encode()):
            raise NotAuthenticated("this is not the code; it is printed at the gateway's start and stands in autocore-setup.txt")

    def close(self) -> None:
        """Forget the code and delete its file."""
        self._code = None
        delete_file(self._file)

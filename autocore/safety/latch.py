"""That everything was stopped, written down in a file of its own: no damage to a database lets the vehicle move again."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from autocore.core.disk import delete_file, write_file
from autocore.core.model import Cause

FILE = "stopped.json"
NOBODY = Cause("gateway", "nobody knows who")

log = logging.getLogger("autocore.safety")


class Stopped(msgspec.Struct, frozen=True):
    """Who stopped everything, and when: monotonic time within that start of the gateway."""

    via: str
    who: str
    address: str | None
    boot: int
    at_ns: int

    @property
    def cause(self) -> Cause:
        """Who, through what, from where."""
        return Cause(self.via, self.who, self.address)


class Latch:
    """The file that is there while everything is stopped.

    Args:
        folder: the data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def read(self) -> Stopped | None:
        """Give who stopped, None when nobody did. A file that cannot be read is a stop all the same."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Stopped)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            log.critical("%s cannot be read (%s); everything counts as stopped until somebody resets it", self._file, error)
            return Stopped(NOBODY.via, NOBODY.who, None, 0, 0)

    def close(self, stopped: Stopped) -> None:
        """Write it down, for good; raises OSError."""
        write_file(self._file, msgspec.json.encode(stopped))

    def open(self) -> None:
        """Forget it, for good; raises OSError."""
        delete_file(self._file)

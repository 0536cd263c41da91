"""Which filters the persistent session at the broker has, in a file, so that those of an earlier configuration are taken back.

The loop never waits for the disk: the newest list is written in a thread, and a disk that takes nothing costs only the memory.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from pathlib import Path

from autocore.core.disk import write_file
from autocore.damage import Damages

log = logging.getLogger("autocore.mqtt")


class FilterMemory:
    """One list of filters.

    Args:
        file: where it is kept.
        damages: hears when the file cannot be used.
    """

    def __init__(self, file: Path, damages: Damages) -> None:
        self._file = file
        self._damages = damages
        self._wanted: list[str] | None = None
        self._written: list[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_failing = False

    def read(self) -> list[str]:
        """Give what the session had, as far as that is known."""
        if self._written is not None:
            return self._written
        try:
            names = json.loads(self._file.read_text())
        except FileNotFoundError:
            return []
        except (OSError, ValueError):
            names = None
        if isinstance(names, list) and all(isinstance(one, str) for one in names):
            return names
        try:
            self._damages.set_aside(self._file, "filters of an earlier configuration may stay at the broker")
        except OSError as error:
            log.warning("%s cannot be used: %s", self._file, error.strerror)
        return []

    def write(self, names: Iterable[str]) -> None:
        """Keep these from now on; it is on disk soon."""
        if self._wanted is None:
            self.read()  # what is damaged there must not be overwritten
        self._wanted = sorted(names)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        """Finish writing."""
        if self._task is not None:
            await self._task

    async def _keep(self) -> None:
        while (names := self._wanted) is not None and names != self._written:
            try:
                await asyncio.to_thread(self._put, names)
            except OSError as error:
                if not self.is_failing:
                    log.warning("%s cannot be written and is tried again: %s", self._file, error.strerror)
                self.is_failing = True
                return
            self.is_failing = False
            self._written = names

    def _put(self, names: list[str]) -> None:
        write_file(self._file, json.dumps(names).encode())

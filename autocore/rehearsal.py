"""A start without a vehicle: every plugin's `setup` runs on real parts, but nothing is connected, nothing waits, nothing stays.

The clock stands still, background work is not begun, and the data lie in a folder that is gone afterwards. It shows whether a
configuration would start, and what plugins would bring.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from autocore.app import Gateway, Settings
from autocore.builtin.permissions import Permissions
from autocore.core.config import Config
from autocore.core.host import Core
from autocore.core.model import Quality
from autocore.core.plugins import Condition, Plugins

T = TypeVar("T")


class _Never:
    def cancel(self) -> None:
        """Have nothing to call off."""


class _StillClock:
    """Time that does not pass."""

    def monotonic_ns(self) -> int:
        """Give the one moment there is."""
        return 1_000_000_000

    def wall_ns(self) -> tuple[int | None, Quality]:
        """Give no time: nothing here happens at any."""
        return None, Quality.UNSET

    def call_later(self, delay_s: float, action: Callable[[], object]) -> _Never:  # noqa: ARG002  # the clock's door
        """Call nothing."""
        return _Never()

    async def sleep(self, delay_s: float) -> None:  # noqa: ARG002  # the clock's door
        """Wait for ever."""
        await asyncio.Event().wait()


class _NoConnection:
    """A connection that never comes about."""

    is_connected = False
    had_session = False
    last_problem: str | None = "a rehearsal connects to nothing"

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        """Take what a connection takes."""

    def start(self) -> None:
        """Begin nothing."""

    async def stop(self) -> None:
        """End nothing."""

    def publish(self, *_arguments: Any, **_options: Any) -> bool:
        """Say that there is no broker."""
        return False

    def subscribe(self, _filters: Any) -> None:
        """Wait for a connection."""

    def unsubscribe(self, _filters: Any) -> None:
        """Wait for a connection."""

    def acknowledge(self, _message_id: int) -> None:
        """Have nothing to acknowledge."""


def rehearse(config: Config, look: Callable[[Core, Plugins], T]) -> T:
    """Start a configuration as it is written, look at what came of it, and take everything down again.

    Args:
        config: read and right.
        look: is given the core's parts and the plugins; what it gives is the answer.
    """

    async def play(data: Path) -> T:
        gateway = Gateway(Settings(config.folder, data), config, _StillClock(), connect=_NoConnection, is_rehearsal=True)
        await gateway.start()
        try:
            if gateway.core is None or gateway.plugins is None:
                raise RuntimeError("a gateway that started has its parts")
            return look(gateway.core, gateway.plugins)
        finally:
            await gateway.stop()

    folder = Path(tempfile.mkdtemp(prefix="autocore-rehearsal-"))
    logging.disable()  # what fails is said by whoever looks, not twice
    try:
        return asyncio.run(play(folder))
    finally:
        logging.disable(logging.NOTSET)
        shutil.rmtree(folder, ignore_errors=True)


def failures(config: Config) -> list[str]:
    """Give one sentence for each plugin that would not start, and for each name in the permissions that nothing bears."""

    def look(core: Core, plugins: Plugins) -> list[str]:
        failed = [f"{one.name}: {one.reason}" for one in plugins if one.condition is not Condition.RUNNING]
        unknown = Permissions(config.core.auth.permissions).unknown((one.name for one in core.services), core.panels)
        return failed + [str(one) for one in unknown]

    return rehearse(config, look)

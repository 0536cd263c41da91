"""The border between the core and a plugin's code: what a plugin's function raises ends here, counted and under its name.

Every call is counted; one in 64 is timed (timing each call halves the bus), so `seconds` is an estimate.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from functools import wraps
from time import perf_counter
from typing import Any

from autocore.core.errors import AutocoreError, InvalidData, PluginError

TIMED_ONE_IN = 64
WAITING_CALLS = 1_000  # calls that may wait for one async handler; beyond it the oldest is dropped and counted
TURN_CALLS = 16  # of a handler that comes back with much to do and never waits; then everybody else has a turn
WAITING_BYTES = 500_000  # of the payloads of messages among them

OnInvalid = Callable[..., None]
"""Called with (error, *arguments of the call)."""


class Cost:
    """What one plugin has cost so far."""

    __slots__ = ("calls", "dropped", "errors", "seconds")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.dropped = 0
        self.seconds = 0.0


class Guard:
    """Wraps the functions of one plugin.

    Args:
        plugin: its name, for the log.
        log: its logger.
        spawn: starts a task that ends with the plugin.
    """

    def __init__(self, plugin: str, log: logging.Logger, spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self.plugin = plugin
        self.cost = Cost()
        self.last_error: str | None = None
        self._log = log
        self._spawn = spawn

    def function(self, call: Callable[..., Any], on_invalid: OnInvalid | None = None) -> Callable[..., None]:
        """Give `call` as a plain function that never raises; an async one gets a queue of its own and keeps its order.

        Args:
            call: the plugin's function, plain or async.
            on_invalid: takes an `InvalidData` and the arguments of the call: the input was wrong, not the plugin.
                Without it that counts as a failure of the plugin too.
        """
        if inspect.iscoroutinefunction(call):
            return self._queued(call, on_invalid)
        cost = self.cost

        def guarded(*args: Any) -> None:
            cost.calls += 1
            timed = cost.calls % TIMED_ONE_IN == 0
            started = perf_counter() if timed else 0.0
            try:
                call(*args)
            except Exception as error:  # noqa: BLE001  # a border where plugin code runs
                self._caught(call, error, on_invalid, args)
            if timed:
                cost.seconds += (perf_counter() - started) * TIMED_ONE_IN

        return guarded

    def handler(self, call: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Give an async `call` whose deliberate errors pass and whose other errors become a `PluginError`."""

        @wraps(call)
        async def guarded(*args: Any) -> Any:
            self.cost.calls += 1
            try:
                return await call(*args)
            except AutocoreError:
                raise
            except Exception as error:
                self.failed(call, error)
                raise PluginError(
                    self.plugin, f"{_name(call)} failed ({type(error).__name__}); the log has the details"
                ) from error

        return guarded

    async def task(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run background work to its end; a failure is logged."""
        try:
            await work
        except Exception as error:  # noqa: BLE001  # a border where plugin code runs
            self.failed(work, error)

    def failed(self, what: object, error: Exception) -> None:
        """Count and log that the plugin's code raised."""
        self.cost.errors += 1
        self.last_error = f"{_name(what)}: {type(error).__name__}: {error}"
        self._log.error("%s raised %s: %s", _name(what), type(error).__name__, error, exc_info=error)

    def _caught(self, what: object, error: Exception, on_invalid: OnInvalid | None, args: tuple[Any, ...]) -> None:
        if on_invalid is not None and isinstance(error, InvalidData):
            on_invalid(error, *args)
        else:
            self.failed(what, error)

    def _queued(self, call: Callable[..., Coroutine[Any, Any, Any]], on_invalid: OnInvalid | None) -> Callable[..., None]:
        waiting: deque[tuple[Any, ...]] = deque()
        wake = asyncio.Event()
        held = 0

        async def work() -> None:
            nonlocal held
            while True:
                await wake.wait()
                wake.clear()
                while waiting:
                    args = waiting.popleft()
                    held -= _bytes(args)
                    self.cost.calls += 1
                    try:
                        await call(*args)
                    except Exception as error:  # noqa: BLE001  # a border where plugin code runs
                        self._caught(call, error, on_invalid, args)
                    if len(waiting) % TURN_CALLS == 0:
                        await asyncio.sleep(0)

        def put(*args: Any) -> None:
            nonlocal held
            waiting.append(args)
            held += _bytes(args)
            while len(waiting) > WAITING_CALLS or (held > WAITING_BYTES and len(waiting) > 1):
                held -= _bytes(waiting.popleft())
                self.cost.dropped += 1
            wake.set()

        self._spawn(work())
        return put


def _bytes(args: tuple[Any, ...]) -> int:
    return len(getattr(args[0], "payload", b"")) if args else 0


def _name(what: object) -> str:
    return getattr(what, "__qualname__", None) or type(what).__name__

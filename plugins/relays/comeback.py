"""What happens to a channel whose board comes back: it stays in its safe state, or is turned on again as it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from autocore.api import AutocoreError, PluginHost, Severity

NS = 1_000_000_000
RESTARTS, WITHIN_S = 3, 60.0  # safety.md, on_return: what makes its board restart must not be turned on for ever
SETTLES_S = 3.0  # a board that takes no configuration works by then; others say so


class Comeback:
    """Remembers whether a channel was on when its board was lost.

    Args:
        host: the plugin's host.
        entity: of the channel.
        was_on: what was known of it at the start: the gateway itself may have been away.
    """

    def __init__(self, host: PluginHost, entity: str, name: str, *, was_on: bool) -> None:
        self._host = host
        self._entity, self._name = entity, name
        self._was_on = was_on
        self._is_due = False
        self._cancel: Callable[[], None] | None = None
        self._returns_ns: deque[int] = deque(maxlen=RESTARTS)

    def lost(self, *, was_on: bool) -> None:
        """Take note that the board is gone; one that is lost before it was turned on again is still to be."""
        self._was_on = was_on or self._is_due
        self._forget()

    def returned(self, *, is_on: bool) -> None:
        """Take note that the board is back, in its safe state."""
        if not self._was_on:
            return
        self._was_on = False
        now_ns = self._host.clock.monotonic_ns()
        self._returns_ns.append(now_ns)
        if len(self._returns_ns) == RESTARTS and now_ns - self._returns_ns[0] < WITHIN_S * NS:
            words = f"{self._name} stays off: its board came back {RESTARTS} times in {WITHIN_S:g} s"
            self._host.notify(words, title="A board starts again and again", severity=Severity.WARNING)
            return
        if not is_on:
            self._is_due = True
            self._cancel = self._host.schedule.after(SETTLES_S, self.settled)

    def settled(self) -> None:
        """Turn it on when it was: its board works by its configuration now."""
        if self._is_due:
            self._forget()
            self._host.spawn(self._turn_on())

    def touched(self) -> None:
        """Leave it as it is: somebody said what it shall be."""
        self._was_on = False
        self._forget()

    def _forget(self) -> None:
        self._is_due = False
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    async def _turn_on(self) -> None:
        try:
            await self._host.services.call("switch.turn_on", {"entity": self._entity})
        except AutocoreError as error:
            words = f"{self._name} was on before its board was lost, and stays off: {error}"
            self._host.notify(words, title="Not turned on again", severity=Severity.WARNING)

"""What is due later, on the gateway's clock, so that a test can move it. Wall-time schedules (cron) come on top of this."""

from __future__ import annotations

from collections.abc import Callable

from autocore.core.clock import NS, Clock, Timer


class Every:
    """Calls an action every `interval_s` seconds until it is cancelled; a late one does not make the next one early.

    Missed turns are left out: after a stall of ten intervals the action is called once, not ten times.
    """

    def __init__(self, clock: Clock, interval_s: float, action: Callable[[], object]) -> None:
        if interval_s <= 0:
            raise ValueError(f"an interval of {interval_s} s never ends; use a positive number of seconds")
        self._clock = clock
        self._interval_ns = round(interval_s * NS)
        self._action = action
        self._due_ns = clock.monotonic_ns() + self._interval_ns
        self._timer: Timer | None = clock.call_later(interval_s, self._turn)

    def cancel(self) -> None:
        """Stop; harmless when it is stopped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        now = self._clock.monotonic_ns()
        missed = max(0, now - self._due_ns) // self._interval_ns
        self._due_ns += (missed + 1) * self._interval_ns
        self._timer = self._clock.call_later((self._due_ns - now) / NS, self._turn)
        self._action()

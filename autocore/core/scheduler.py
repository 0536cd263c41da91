"""What is due later, on the gateway's clock, so that a test can move it: at intervals, or at wall times (cron)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from autocore.core.clock import NS, Clock, Timer
from autocore.core.errors import InvalidData

LOOK_AGAIN_S = 30.0  # how late a wall-time job can be after the clock was set
DONE_NS = 86_400 * NS  # a clock that was set back two weeks must not keep a daily job from being done for as long
LATE_NS = 60 * NS  # a time further back than this was jumped over, not waited for


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


class Cron:
    """Calls an action at wall times, as a crontab line says (`0 3 * * *` is 3 o'clock), in the machine's time zone.

    Wall time can jump and may be unknown, so the next time is worked out anew at least every `LOOK_AGAIN_S` seconds. While the
    clock was never set nothing is called; a time that a jump leaves out is left out, one that it brings again within a day of
    the monotonic clock is not done again. In the hour that comes twice when summer time ends, a line that names its hour is done
    once, and one for every hour goes on.

    Raises:
        InvalidData: this is no crontab line.
    """

    def __init__(self, clock: Clock, line: str, action: Callable[[], object]) -> None:
        from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  # only who needs wall times pays for the import

        try:
            self._trigger = CronTrigger.from_crontab(line)
        except ValueError as error:
            raise InvalidData(f"{line!r} is no crontab line ({error}); write e.g. 0 3 * * * for 3 o'clock") from error
        self._names_hour = not line.split()[1].startswith("*")
        self._clock = clock
        self._action = action
        self._due: datetime | None = None
        self._done: dict[datetime, int] = {}
        self._timer: Timer | None = None
        self._look()

    def cancel(self) -> None:
        """Stop; harmless when it is stopped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        now_ns, _ = self._clock.wall_ns()
        delay_s = LOOK_AGAIN_S
        if now_ns is not None:
            # In UTC: to add to a local time forgets which of the two hours it is that summer time leaves behind.
            due, now = self._due, datetime.fromtimestamp(now_ns / NS, UTC)
            is_due = due is not None and 0 <= now_ns - _ns(due) < LATE_NS
            self._due = self._trigger.get_next_fire_time(None, now + timedelta(microseconds=1))
            if self._due is not None:
                wait_s = (_ns(self._due) - now_ns) / NS
                delay_s = min(LOOK_AGAIN_S, wait_s) if wait_s > 0 else LOOK_AGAIN_S
            if is_due and due is not None and self._is_new(due):
                self._action()
        self._timer = self._clock.call_later(delay_s, self._look)

    def _is_new(self, due: datetime) -> bool:
        """Say whether this due time was not done within a day, and note that it is."""
        now_ns = self._clock.monotonic_ns()
        self._done = {one: at_ns for one, at_ns in self._done.items() if now_ns - at_ns < DONE_NS}
        name = due.replace(tzinfo=None) if self._names_hour else due.astimezone(UTC)
        is_new = name not in self._done
        if is_new:
            self._done[name] = now_ns
        return is_new


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * NS)

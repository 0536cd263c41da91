"""Bytes written to the disk: in all and in the last hour, of the gateway and of its broker, as the kernel counts them.

The kernel counts a page when it is made dirty and takes it back when it is thrown away unwritten (proc(5), `/proc/[pid]/io`),
so a file that lives for a moment costs nothing here, as it costs the card nothing. Where it does not tell, nothing is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from autocore.core.clock import NS, Clock
from autocore.core.scheduler import Every

LOOK_S = 60.0
HOUR_S = 3600.0
SOONEST_S = 300.0  # a rate from less than that says more of the start than of the hour

Pid = Callable[[], int | None]


def bytes_written(pid: int | str, proc: Path = Path("/proc")) -> int | None:
    """Give what a process has written to disks since it began; None when the kernel does not tell."""
    try:
        text = (proc / str(pid) / "io").read_text(encoding="ascii")
        facts = dict(line.split(": ", 1) for line in text.splitlines())
        return max(0, int(facts["write_bytes"]) - int(facts["cancelled_write_bytes"]))
    except (OSError, ValueError, KeyError):
        return None


class _Process:
    """One process, or one after the other in its place: what they wrote adds up."""

    def __init__(self, pid: Callable[[], int | str | None]) -> None:
        self.total: int | None = None
        self._pid = pid
        self._known: tuple[int | str, int] | None = None  # the process and what it had written when it was looked at last

    def look(self, read: Callable[[int | str], int | None]) -> None:
        pid = self._pid()
        now = None if pid is None else read(pid)
        if pid is None or now is None:
            return
        before = self._known[1] if self._known is not None and self._known[0] == pid else 0
        self.total = (self.total or 0) + max(0, now - before)  # what was thrown away unwritten makes no total smaller
        self._known = (pid, max(now, before))


class WriteMeter:
    """Measures what the gateway and its broker write.

    Args:
        clock: on whose monotonic time the hour is counted.
        broker: gives the process id of the broker while the gateway runs one.
        read: gives what a process has written, see `bytes_written`.
    """

    def __init__(self, clock: Clock, broker: Pid, read: Callable[[int | str], int | None] = bytes_written) -> None:
        self._clock = clock
        self._read = read
        self._processes = {"gateway": _Process(lambda: "self"), "broker": _Process(broker)}
        self._marks: deque[tuple[int, int]] = deque(maxlen=round(HOUR_S / LOOK_S) + 1)  # (monotonic ns, bytes in all)
        self._timer: Every | None = None

    def start(self) -> None:
        """Measure from now on."""
        self._look()
        self._timer = Every(self._clock, LOOK_S, self._look)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()

    def totals(self) -> Mapping[str, int]:
        """Give the bytes written by each process since it began; one that is not known is not there."""
        for process in self._processes.values():
            process.look(self._read)
        return {name: one.total for name, one in self._processes.items() if one.total is not None}

    def per_hour(self) -> float | None:
        """Give the bytes of the last hour, or what an hour would have at the rate of the first minutes; None while not known."""
        totals = self.totals()
        if not self._marks or not totals:
            return None
        since_ns, before = self._marks[0]
        seconds = (self._clock.monotonic_ns() - since_ns) / NS
        return None if seconds < SOONEST_S else (sum(totals.values()) - before) / seconds * HOUR_S

    def _look(self) -> None:
        totals = self.totals()
        if totals:
            self._marks.append((self._clock.monotonic_ns(), sum(totals.values())))

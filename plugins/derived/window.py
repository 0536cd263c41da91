"""Statistics over a window of time. Pure: no clock, no entities; times are nanoseconds of one clock."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable, Mapping, Sequence

NS = 1_000_000_000
MOST_SAMPLES = 20_000  # 0.6 MB; beyond it the oldest go first, and the window is shorter than asked


class Window:
    """The readings of the last `window_s` seconds, and the one before them, which still held when the window began."""

    def __init__(self, window_s: float) -> None:
        self._window_ns = round(window_s * NS)
        self._samples: deque[tuple[int, float]] = deque(maxlen=MOST_SAMPLES)

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, at_ns: int, value: float) -> None:
        """Take a reading; readings come in the order of time."""
        self._samples.append((at_ns, value))
        self.trim(at_ns)

    def trim(self, now_ns: int) -> None:
        """Let go of what ended before the window began; the reading that still held at its beginning stays."""
        begins_ns = now_ns - self._window_ns
        while len(self._samples) > 1 and self._samples[1][0] <= begins_ns:
            self._samples.popleft()

    def clear(self) -> None:
        """Forget everything: its source is silent, and nobody knows what held meanwhile."""
        self._samples.clear()

    def work_out(self, function: str, now_ns: int) -> float | None:
        """Give one of `FUNCTIONS` over the window, None when there is too little in it."""
        self.trim(now_ns)
        if not self._samples:
            return None
        begins_ns = now_ns - self._window_ns
        samples = [(max(at_ns, begins_ns), value) for at_ns, value in self._samples]
        return FUNCTIONS[function](samples, now_ns)


Samples = Sequence[tuple[int, float]]


def mean(samples: Samples, now_ns: int) -> float:
    """Give the mean over time: a value counts for as long as it held."""
    ends = [at_ns for at_ns, _ in samples[1:]] + [now_ns]
    held = [(end - at_ns, value) for (at_ns, value), end in zip(samples, ends, strict=True)]
    whole_ns = sum(length for length, _ in held)
    if whole_ns <= 0:
        return samples[-1][1]
    return sum(length * value for length, value in held) / whole_ns


def rate(samples: Samples, _now_ns: int) -> float | None:
    """Give the change per second from the first reading to the last, None for less than two readings apart in time."""
    seconds = (samples[-1][0] - samples[0][0]) / NS
    return (samples[-1][1] - samples[0][1]) / seconds if seconds > 0 else None


def deviation(samples: Samples, _now_ns: int) -> float:
    """Give the standard deviation of the readings."""
    return statistics.pstdev(value for _, value in samples)


def _plain(work_out: Callable[[list[float]], float]) -> Callable[[Samples, int], float]:
    def function(samples: Samples, _now_ns: int) -> float:
        return work_out([value for _, value in samples])

    return function


FUNCTIONS: Mapping[str, Callable[[Samples, int], float | None]] = {
    "mean": mean,
    "median": _plain(statistics.median),
    "min": _plain(min),
    "max": _plain(max),
    "range": _plain(lambda values: max(values) - min(values)),
    "change": _plain(lambda values: values[-1] - values[0]),
    "rate": rate,
    "deviation": deviation,
    "count": _plain(lambda values: float(len(values))),
}
"""What can be worked out over a window. `mean` is weighted by time; `rate` is per second; the others count each reading once."""

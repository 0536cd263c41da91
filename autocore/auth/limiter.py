"""One limiter for every way to prove who you are, on the monotonic clock. It never touches whoever is in already."""

from __future__ import annotations

from autocore.core.clock import NS, Clock
from autocore.core.errors import TooManyAttempts

FREE_ATTEMPTS = 5
FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
FORGOTTEN_AFTER_S = 900.0
ACCOUNT_FACTOR = 20  # an account alone is slowed later than an account and peer together, so nobody locks another out
REMEMBERED = 10_000
_Key = tuple[str | None, str | None]  # account and peer; None is anybody


class Limiter:
    """Makes whoever fails wait, longer each time.

    Failures are counted for (account, peer), for the peer, and for the account.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[_Key, tuple[int, int]] = {}  # key -> (failures, last at)

    def check(self, account: str, peer: str) -> None:
        """Let an attempt pass.

        Raises:
            TooManyAttempts: with the seconds to wait.
        """
        wait_s = max(self._wait_s(key, free) for key, free in _keys(account, peer))
        if wait_s > 0:
            raise TooManyAttempts(f"too many attempts; try again in {wait_s:.0f} s", retry_after_s=wait_s)

    def failed(self, account: str, peer: str) -> None:
        """Note an attempt that was wrong."""
        now = self._clock.monotonic_ns()
        if len(self._failures) >= REMEMBERED:
            oldest = sorted(self._failures, key=lambda key: self._failures[key][1])
            for key in oldest[: REMEMBERED // 2]:
                del self._failures[key]
        for key, _ in _keys(account, peer):
            self._failures[key] = (self._count(key) + 1, now)

    def succeeded(self, account: str, peer: str) -> None:
        """Forget the failures of this account from this peer."""
        self._failures.pop((account, peer), None)
        self._failures.pop((None, peer), None)

    def _count(self, key: _Key) -> int:
        failures, at_ns = self._failures.get(key, (0, 0))
        return failures if self._clock.monotonic_ns() - at_ns < FORGOTTEN_AFTER_S * NS else 0

    def _wait_s(self, key: _Key, free: int) -> float:
        count = self._count(key)
        if count < free:
            return 0.0
        wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(count - free, 10))
        return wait_s - (self._clock.monotonic_ns() - self._failures[key][1]) / NS


def _keys(account: str, peer: str) -> tuple[tuple[_Key, int], ...]:
    return ((account, peer), FREE_ATTEMPTS), ((None, peer), FREE_ATTEMPTS * 4), ((account, None), FREE_ATTEMPTS * ACCOUNT_FACTOR)

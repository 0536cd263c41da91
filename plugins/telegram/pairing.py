"""Pairing: an administrator gets a code that is good once and for ten minutes; whoever sends it to the bot is let in."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from autocore.api import Clock, Refused, Role

NS = 1_000_000_000
OPEN_S = 600.0
LOCKED_S = 600.0
MOST_TRIES = 5
DIGITS = 8  # five tries at one of 10**8 codes


@dataclass(slots=True)
class Offer:
    """A code that is good for now."""

    code: str
    role: Role
    until_ns: int
    misses: int = 0


class Pairing:
    """At most one open code; five wrong tries close it and lock pairing for ten minutes.

    Args:
        clock: measures the minutes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offer: Offer | None = None
        self._locked_until_ns = 0

    def open(self, role: Role) -> str:
        """Give a new code that lets one chat in with `role`; an earlier one is good no longer.

        Raises:
            Refused: pairing is locked (`locked`).
        """
        left_s = (self._locked_until_ns - self._clock.monotonic_ns()) / NS
        if left_s > 0:
            raise Refused(f"somebody tried wrong codes; pairing is locked for {left_s / 60:.0f} min more", code="locked")
        code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        self._offer = Offer(code, role, self._clock.monotonic_ns() + round(OPEN_S * NS))
        return code

    @property
    def is_open(self) -> bool:
        """Whether there is a code that is good."""
        if self._offer is not None and self._clock.monotonic_ns() >= self._offer.until_ns:
            self._offer = None
        return self._offer is not None

    def enter(self, code: str) -> Role | None:
        """Give the role of whoever sent `code`, None when it is not the code; the right one is used up."""
        if not self.is_open or self._offer is None:
            return None
        offer = self._offer
        if hmac.compare_digest(offer.code.encode(), code.encode("utf-8", "replace")):
            self._offer = None
            return offer.role
        offer.misses += 1
        if offer.misses >= MOST_TRIES:
            self._offer = None
            self._locked_until_ns = self._clock.monotonic_ns() + round(LOCKED_S * NS)
        return None

    @property
    def is_locked(self) -> bool:
        """Whether wrong codes closed it."""
        return self._clock.monotonic_ns() < self._locked_until_ns

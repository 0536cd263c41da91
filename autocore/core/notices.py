"""What the vehicle tells people: the types that `host.notify` makes and the hook `deliver` gets."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How much something matters to whoever owns the vehicle."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least to 3 for the most."""
        return list(Severity).index(self)


class Notice(msgspec.Struct, frozen=True):
    """One thing that happened and that somebody should know.

    Args:
        id: its number; notices are delivered in this order.
        source: the plugin, or `gateway`, `mqtt`, `devices`, `limits`, `mqtt_client`, `cli`.
        at: when it happened, ISO 8601 in UTC; None while the gateway's clock was never set.
        age_s: how many seconds ago that was; None when a start of the gateway with an unset clock lies between.
        count: how often the same was said within a minute.
    """

    id: int
    title: str
    text: str
    severity: Severity
    source: str
    at: str | None
    age_s: float | None = None
    count: int = 1


class Notification(msgspec.Struct, frozen=True):
    """What is handed to a channel at once: one notice, or all that waited while it was away, oldest first."""

    notices: tuple[Notice, ...]

    @property
    def severity(self) -> Severity:
        """The highest of them."""
        return max((one.severity for one in self.notices), key=lambda severity: severity.rank)

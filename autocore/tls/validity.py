"""From when until when a certificate holds, and when it is renewed. Pure: the time goes in, nothing here looks at a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autocore.core.clock import EARLIEST_WALL_NS, NS

CA_FROM = datetime(2020, 1, 1, tzinfo=UTC)  # what has no clock battery wakes at a date after this, or knows no date at all
CA_YEARS = 20
CLIENT_YEARS = 10
EARLIEST = datetime.fromtimestamp(EARLIEST_WALL_NS / NS, UTC)
BACK = timedelta(days=90)  # for a display whose clock stood still while the vehicle was parked
FORWARD = timedelta(days=306)  # with BACK 396 days: Apple's systems take no server certificate of more than 825, browsers fewer
RENEW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Span:
    """The time in which a certificate holds; both ends belong to it."""

    start: datetime
    end: datetime

    def holds(self, at: datetime) -> bool:
        """Say whether it holds at a moment."""
        return self.start <= at <= self.end

    def is_due(self, now: datetime | None) -> bool:
        """Say whether it is time for another one; never while nobody knows the time."""
        return now is not None and not self.start <= now < self.end - RENEW


def span_of_authority(now: datetime) -> Span:
    """Give the time in which an authority that is made now holds: from long ago until twenty years from now."""
    base = max(now, EARLIEST).replace(hour=0, minute=0, second=0, microsecond=0)
    day = min(base.day, 28)  # there is a 28th in every February
    return Span(CA_FROM, base.replace(year=base.year + CA_YEARS, day=day))


def span_of_client(now: datetime, authority: Span) -> Span:
    """Give the time in which a client's certificate that is issued now holds: the gateway checks it, whatever its clock says."""
    years = span_of_authority(now).end - timedelta(days=(CA_YEARS - CLIENT_YEARS) * 365)
    return Span(CA_FROM, min(years, authority.end))


def span_of_certificate(now: datetime) -> Span:
    """Give the time in which a certificate that is issued now holds."""
    base = max(now, EARLIEST).replace(microsecond=0)
    return Span(base - BACK, base + FORWARD)

"""Moments as people write and read them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from autocore.core.clock import MS, NS
from autocore.core.errors import InvalidData


def iso(wall_ns: int | None) -> str | None:
    """Give ISO 8601 in UTC with milliseconds, or None."""
    if wall_ns is None:
        return None
    return datetime.fromtimestamp(wall_ns // MS / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str | None, field: str) -> int | None:
    """Give nanoseconds since 1970 for ISO 8601 (UTC unless it says otherwise) or seconds.

    Raises:
        InvalidData: it is neither.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidData("is no time; write e.g. 2026-05-01T12:00:00Z", field=field) from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not -1e10 < seconds < 1e11:  # noqa: PLR2004  # the years 1653 to 5138: beyond them nanoseconds overflow
        raise InvalidData("is no time of this age", field=field)
    return round(seconds * NS)

"""The time zone in which people read times: the configured one for the whole process, else the machine's. The log stays UTC."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def live_in(zone: str | None) -> Callable[[], None]:
    """Take local times from `zone` from now on; the answer goes back to what was before."""
    before = os.environ.get("TZ")
    if zone is None:
        return lambda: None
    _set(zone)
    return lambda: _set(before)


def _set(zone: str | None) -> None:
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()

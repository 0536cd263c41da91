"""The time zone of what people read and of jobs: the configured one, else the machine's. The log has UTC."""

from __future__ import annotations

import os
import sys
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
    known = sys.modules.get("tzlocal")  # jobs at wall times ask it, and it remembers its first answer
    if known is not None:
        known.reload_localzone()

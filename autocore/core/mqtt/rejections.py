"""Messages that were not as they should be: every one counted, one warning a minute for each device and field."""

from __future__ import annotations

import logging

from autocore.core.clock import NS, Clock

SILENCE_NS = 60 * NS
REMEMBERED = 1_000  # a stranger with ever new names must not fill the memory

log = logging.getLogger("autocore.mqtt")


class Rejections:
    """Counts and says what was refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[tuple[str, str], tuple[int, int]] = {}  # (device, field) -> (when said, refused since)
        self.total = 0

    def add(self, topic: str, device: str | None, field: str, reason: str) -> None:
        """Count one message, and warn unless this device and field were warned about in the last minute."""
        self.total += 1
        now = self._clock.monotonic_ns()
        key = (device or topic, field)
        said_ns, since = self._said.get(key, (None, 0))
        if said_ns is not None and now - said_ns < SILENCE_NS:
            self._said[key] = (said_ns, since + 1)
            return
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said[key] = (now, 0)
        again = f" ({since} more since the last warning)" if since else ""
        place = f", field {field}" if field else ""
        log.warning("refused a message of %s on %s%s: %s%s", device or "somebody", topic, place, reason, again)

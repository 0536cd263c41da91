"""Messages that were not as they should be: every one counted, one warning a minute for each device and field.

A stranger with ever new names and fields is counted on, and fills neither the memory nor the log.
"""

from __future__ import annotations

import logging

from autocore.core.clock import NS, Clock
from autocore.core.names import readable

SILENCE_NS = 60 * NS
PER_DEVICE, REMEMBERED = 10, 100  # warnings a minute: of one device, of all
LONGEST = 100  # of a word that a stranger chose

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
        topic, who, field, reason = (readable(one[:LONGEST], LONGEST) for one in (topic, device or "", field, reason))
        key = (who or topic, field)
        said_ns, since = self._said.get(key, (None, 0))
        if said_ns is not None and now - said_ns < SILENCE_NS:
            self._said[key] = (said_ns, since + 1)
            return
        if said_ns is None and self._is_full(key[0]):
            self._said = {one: said for one, said in self._said.items() if now - said[0] < SILENCE_NS}
            if self._is_full(key[0]):
                return
        self._said[key] = (now, 0)
        again = f" ({since} more since the last warning)" if since else ""
        place = f", field {field}" if field else ""
        log.warning("refused a message of %s on %s%s: %s%s", who or "somebody", topic, place, reason, again)

    def _is_full(self, who: str) -> bool:
        return len(self._said) >= REMEMBERED or sum(one == who for one, _ in self._said) >= PER_DEVICE

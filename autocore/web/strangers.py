"""What the HTTP server logs of malformed requests: one line a minute of each kind, with the number of the rest.

A stranger makes thousands of them with an open port and no name; what the gateway itself does wrong is let through as it is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

SILENCE_S = 60.0
KINDS = 50  # the server has a handful of sentences; whatever else it says shares the last place
NO_TEXT = "Invalid UTF-8 sequence received from client."  # said of a frame, as an error with a traceback


class Strangers(logging.Filter):
    """A filter for the server's own logger.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._said: dict[str, tuple[float, int]] = {}  # sentence -> (when said, left out since)

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is written."""
        if record.levelno >= logging.ERROR and record.msg != NO_TEXT:
            return True
        sentence = record.getMessage()
        key = sentence if sentence in self._said or len(self._said) < KINDS else ""
        said_s, since = self._said.get(key, (-SILENCE_S, 0))
        if self._now() - said_s < SILENCE_S:
            self._said[key] = (said_s, since + 1)
            return False
        self._said[key] = (self._now(), 0)
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = record.exc_text = None
        record.msg, record.args = (f"{sentence} ({since} more since the last warning)" if since else sentence), ()
        return True


strangers = Strangers()
"""The one that the server's logger has, whatever number of ports is open."""

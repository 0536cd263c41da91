"""Ports for what a test starts, stops, and starts again on the same one.

Not from those of which the system takes one for each connection that goes out: while a broker is down, such a connection of
another test would sit on its port (seen).
"""

from __future__ import annotations

import os
import random
import re
import socket

FIRST, EACH = 10_000, 4_000  # Linux takes 32768 and above for itself
_given: set[int] = set()


def free_port() -> int:
    """Give a port that nobody uses, and that no other test beside this one is given."""
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "4") % 5
    while True:
        port = FIRST + EACH * worker + random.SystemRandom().randrange(EACH)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

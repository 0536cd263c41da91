"""The gateway with little memory for what waits for the disk, so that a short outage makes it drop something: for counting."""

from __future__ import annotations

from autocore.cli import main
from autocore.history import recorder

MOST_WAITING = 800

if __name__ == "__main__":
    recorder.MOST_WAITING = MOST_WAITING
    main()

"""Which bucket a topic is for. Pure: a topic in, its lane out.

What moves a vehicle never waits for what measures it: readings, frames of a bus, and everything else are counted apart, and
each topic of a device by itself. What stops something is not counted at all (safety.md 4).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Lane(Enum):
    """What a topic is for; the value is how many times a device's rate it may have."""

    TELEMETRY = 1
    CONTROL = 2
    """States, acks, requests: each answers something, or is rare. Twice the rate, on each topic by itself."""
    FRAMES = 10
    """A CAN bus at 500 kbit/s carries 4 000 frames a second, and a bridge may send each by itself."""
    PRESS = 3
    """As CONTROL, but a release always passes."""
    FREE = 0
    """Never limited."""


class Place(NamedTuple):
    """Where a topic belongs.

    Args:
        lane: what it is for.
        device: whose topic it is; None when the topic names none.
    """

    lane: Lane
    device: str | None


_FREE = Place(Lane.FREE, None)
_SUBJECTS = {
    ("telemetry", "data"): Lane.TELEMETRY,
    ("can", "data"): Lane.FRAMES,
    ("display", "press"): Lane.PRESS,
    **{("devices", word): Lane.CONTROL for word in ("register", "status", "error", "ack", "command")},
    **{("relays", word): Lane.CONTROL for word in ("state", "command")},
    ("display", "hold"): Lane.CONTROL,
    ("api", "request"): Lane.CONTROL,
}


def place_of(root: str, topic: str) -> Place:
    """Give where a topic belongs; topics of other makes count as telemetry.

    Args:
        root: the first level of the native topics.
        topic: as it arrived.
    """
    if topic.startswith("$"):
        return _FREE  # the broker's own
    if not topic.startswith(f"{root}/"):
        return Place(Lane.TELEMETRY, None)
    levels = topic.split("/")[root.count("/") + 1 :]
    if levels == ["can", "data"]:
        return Place(Lane.FRAMES, None)
    if levels == ["stop_all"] or (levels[0] == "macros" and levels[-1] == "stop"):
        return _FREE
    if len(levels) == 3 and (lane := _SUBJECTS.get((levels[0], levels[2]))) is not None:  # noqa: PLR2004  # `<what>/<device>/<what>`
        return Place(lane, levels[1])
    return Place(Lane.CONTROL, None)

"""Decoded signals on `{root}/can/data`, for displays and programs that know no DBC file: what changed, a few times a second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autocore.api import PluginHost, Refused

from .bus import Bus
from .signals import Tap

EVERY_S = 0.25
MOST_IN_ONE = 200  # signals; so that a message stays well below 64 KiB


def publish(host: PluginHost, buses: Iterable[Bus]) -> None:
    """Publish what changed since the last time; while the broker is away nothing is kept for later."""
    for bus in buses:
        fresh = [tap for tap in bus.own_taps() if tap.is_fresh]
        for start in range(0, len(fresh), MOST_IN_ONE):
            part = fresh[start : start + MOST_IN_ONE]
            try:
                host.mqtt.publish("{root}/can/data", {"bus": bus.name, "signals": {tap.choice.label: _said(tap) for tap in part}})
            except Refused:  # the broker is away
                return
            for tap in part:
                tap.is_fresh = False


def _said(tap: Tap) -> dict[str, Any]:
    unit = getattr(tap.entity.description, "unit", None)
    return {"value": tap.value, "unit": unit}

"""A virtual vehicle and a load generator: MQTT clients that nothing in the gateway can tell from real boards.

Importing it loads neither; the first use of a name does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autocore.simulator.load import LoadResult, LoadSettings, run_load
    from autocore.simulator.vehicle import run_vehicle

__all__ = ["LoadResult", "LoadSettings", "run_load", "run_vehicle"]

_HOMES = {"LoadResult": "load", "LoadSettings": "load", "run_load": "load", "run_vehicle": "vehicle"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)

"""What tests stand on, ours and those of other people's plugins.

- `car`: a pytest fixture, a whole gateway in memory, on a clock that the test moves, with a broker that is a dictionary.
- `FakeClock`: that clock. `Air`: that broker. `FakeBoard`: a board on it. `Hand`: a hand that holds something.
- `can_bus`: a pytest fixture, a CAN bus in memory (`VirtualCan`) for a plugin that listens to one.

Installed with AutoCore, the fixture is there for every test session; nothing is imported until a test asks for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autocore.testing.air import Air
    from autocore.testing.board import FakeBoard
    from autocore.testing.can import VirtualCan
    from autocore.testing.car import Car
    from autocore.testing.clock import FakeClock, FakeTimer
    from autocore.testing.hand import Hand

__all__ = ["Air", "Car", "FakeBoard", "FakeClock", "FakeTimer", "Hand", "VirtualCan"]

_HOME = {
    "Air": "air",
    "Car": "car",
    "FakeBoard": "board",
    "FakeClock": "clock",
    "FakeTimer": "clock",
    "Hand": "hand",
    "VirtualCan": "can",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: a test session that needs none of them pays nothing."""
    if name not in _HOME:
        raise AttributeError(f"autocore.testing has no {name}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"autocore.testing.{_HOME[name]}"), name)

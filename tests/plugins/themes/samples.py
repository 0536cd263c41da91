"""A theme as people write it, and one that is hard to read."""

from __future__ import annotations

import json
from typing import Any

FOREST: dict[str, Any] = {
    "primary": "#2e7d32",
    "secondary": "#556b2f",
    "background": "#eef3ec",
    "surface": "#FFF",
    "success": "#2e7d32",
    "warning": "#8a5a00",
    "error": "#b3261e",
    "info": "#1766c2",
    "text_primary": "#1b261b",
    "text_secondary": "#4e5a4e",
}
FAINT = {**FOREST, "text_secondary": "#cccccc"}
TOPIC = "autocore/config/theme"


def yaml_with(name: str = "Forest", more: str = "") -> str:
    """Give a configuration with one theme of its own; JSON is YAML."""
    return f"themes:\n{more}  themes:\n    {name}: {json.dumps(FOREST)}\n"

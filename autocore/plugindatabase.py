"""A plugin's own database: `plugins/<name>.db` in the data folder, with the plugin's entities and its `migrations/`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from autocore.core.storage.database import Database


async def open_plugin_database(data: Path, name: str, folder: Path, define: Callable[[Any], object]) -> Database:
    """Open it; raises StorageError when it cannot be used.

    Args:
        data: the data folder.
        name: the plugin's name.
        folder: the plugin's folder, which holds `migrations/`.
        define: declares the plugin's Pony entities.
    """
    place = data / "plugins"
    place.mkdir(mode=0o700, exist_ok=True)
    database = Database(name, place / f"{name}.db")
    await database.open(folder / "migrations", define)
    return database

"""Which plugins there are: installed ones, those of the repository, and files and folders that an owner dropped in.

Nothing is imported here. The first of a name wins, in this order.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
import types
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

GROUP = "autocore.plugins"
REPOSITORY = "autocore_plugins"
DROPPED = "autocore_dropped"
"""The package under which plugins of `<config dir>/plugins/` are imported; it exists only in memory."""
FOLDER = "plugins"


def find_plugins(folders: Sequence[Path] = ()) -> dict[str, EntryPoint]:
    """Give every plugin that could be switched on, by name.

    Args:
        folders: further folders whose modules and packages are plugins, e.g. `<config dir>/plugins`.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    package = importlib.util.find_spec(REPOSITORY)
    for name in _names(package.submodule_search_locations or () if package else ()):
        found.setdefault(name, EntryPoint(name, f"{REPOSITORY}.{name}", GROUP))
    present = [folder for folder in folders if folder.is_dir()]
    if present:
        _open(present)
        for name in _names(str(folder) for folder in present):
            found.setdefault(name, EntryPoint(name, f"{DROPPED}.{name}", GROUP))
    return found


def _names(places: Iterable[str]) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(list(places)))


def _open(folders: Sequence[Path]) -> None:
    """Make the package of dropped-in plugins look into `folders`, and forget modules that lie elsewhere."""
    package = sys.modules.setdefault(DROPPED, types.ModuleType(DROPPED))
    places = [str(folder.resolve()) for folder in folders]
    package.__path__ = places
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.startswith(f"{DROPPED}.") and file is not None and not file.startswith(tuple(places)):
            del sys.modules[name]

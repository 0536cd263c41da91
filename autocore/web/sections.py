"""Sections that the web writes: taken over when they run, taken back when they do not. Files of people are only read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autocore.builtin.configparts import put_back, read_part, write_part
from autocore.builtin.goodcopy import keep_good
from autocore.builtin.shown import shown
from autocore.core.config.validation import validate
from autocore.core.discovery import FOLDER, find_plugins
from autocore.core.errors import AutocoreError, NameTaken, PluginError, UnknownName
from autocore.core.model import Cause
from autocore.core.plugins import Plugin, as_written_for
from autocore.web.parts import Parts

FILES = ("config.yaml", "config.d/*.yaml")
LARGEST_SHOWN = 200_000


async def take_over(parts: Parts, name: str, section: Mapping[str, Any], by: Cause) -> None:
    """Write a plugin's section into its own file and start it; what does not run is taken back.

    Raises:
        UnknownName: there is no such plugin.
        NameTaken: the section stands in a file of the owner's.
        ConfigFaults: the section is not as the plugin's schema wants it.
        PluginError: the plugin does not run with it.
    """
    schema = await asyncio.to_thread(parts.plugins.schema, name, parts.folders.config)
    place = parts.plugins.place(name)
    if place is not None and read_part(parts.folders.config, name) is None:
        raise NameTaken(f"{name} stands in {place}; change it there")
    validate(schema, as_written_for(schema, section), path=name)
    before = await asyncio.to_thread(write_part, parts.folders.config, name, section)
    try:
        await parts.reload()
        status = parts.plugins.get(name)
        if status.reason is not None:
            raise PluginError(name, status.reason)
    except AutocoreError:
        await asyncio.to_thread(put_back, parts.folders.config, name, before)
        await parts.reload()
        raise
    await asyncio.to_thread(keep_good, parts.folders.config, name)
    parts.bus.emit("config.written", {"section": name}, by)


async def leave_out(parts: Parts, name: str, by: Cause) -> None:
    """Delete a plugin's section when the web wrote it, and stop the plugin.

    Raises:
        NameTaken: it stands in a file of the owner's.
        UnknownName: the configuration does not name it.
    """
    if read_part(parts.folders.config, name) is not None:
        await asyncio.to_thread(put_back, parts.folders.config, name, None)
        await asyncio.to_thread(keep_good, parts.folders.config, name)
        await parts.reload()
        parts.bus.emit("config.removed", {"section": name}, by)
        return
    place = parts.plugins.place(name)
    if place is None:
        raise UnknownName("section", name)
    raise NameTaken(f"{name} stands in {place}; change it there")


def home_of(parts: Parts, name: str) -> Path:
    """Give the folder of a plugin whose schema was asked for, whether it runs or not."""
    running = parts.plugins.folders().get(name)
    return running or Plugin(find_plugins([parts.folders.config / FOLDER])[name], None).folder


def files_in(folder: Path) -> list[dict[str, str]]:
    """Give the files of a configuration as `{name, text}`, without secrets; one that lies elsewhere is not shown."""
    found = [file for pattern in FILES for file in sorted(folder.glob(pattern))]
    return [
        {"name": str(file.relative_to(folder)), "text": shown(file.read_text(encoding="utf-8", errors="replace"))[:LARGEST_SHOWN]}
        for file in found
        if file.resolve().is_relative_to(folder.resolve())
    ]

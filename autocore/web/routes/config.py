"""`/api/v1/config`: the files, their faults, and the sections that the web writes."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import delete, get, put

from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.sections import files_in, leave_out, take_over
from autocore.web.views import plugin_view


@get("/config", opt=needs(Role.ADMIN, "config:read"), summary="The configuration and what is wrong with it")
async def get_config(parts: Parts) -> dict[str, Any]:
    """Give the files as they are written, and every fault in them as `autocore check` finds it."""
    faults = await asyncio.to_thread(parts.check)
    return {
        "files": await asyncio.to_thread(files_in, parts.folders.config),
        "faults": faults,
        "plugins": parts.plugins.available(parts.folders.config),
    }


@put("/config/{name:str}", opt=needs(Role.ADMIN, "config:write"), summary="Switch a plugin on with this section")
async def put_section(parts: Parts, caller: Caller, name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Write the section into `config.d/<name>.yaml` and start the plugin; what does not run is taken back.

    409 when the section stands in a file of the owner's.
    """
    await take_over(parts, name, data, caller.cause)
    return plugin_view(parts.plugins.get(name))


@delete("/config/{name:str}", opt=needs(Role.ADMIN, "config:write"), summary="Switch a plugin off")
async def delete_section(parts: Parts, caller: Caller, name: str) -> None:
    """Delete the section that the web wrote, and stop the plugin."""
    await leave_out(parts, name, caller.cause)


ROUTES = [get_config, put_section, delete_section]

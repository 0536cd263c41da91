"""`/api/v1/broker`: how the broker is, what it counts, and what one that is not the gateway's own does not enforce."""

from __future__ import annotations

from typing import Any

from litestar import get

from autocore.core.model import Role
from autocore.web.access import needs
from autocore.web.parts import Parts


@get("/broker", opt=needs(Role.VIEWER, "read:broker"), summary="The broker")
async def get_broker(parts: Parts) -> dict[str, Any]:
    """Give whether it is there and whose, what it counts, and what was found out about it."""
    inspection = parts.broker.inspection
    return {
        "is_own": inspection is None,
        "is_connected": parts.hub.is_connected,
        "enforces_accounts": parts.boards.provisioner.is_enforced,
        "figures": dict(parts.broker.figures.known),
        "checks": {} if inspection is None else {check.value: is_good for check, is_good in inspection.found.items()},
    }


ROUTES = [get_broker]

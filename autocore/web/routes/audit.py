"""`/api/v1/audit`: who did what."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from autocore.builtin.audit import Audit
from autocore.core.clock import Timeline
from autocore.core.model import Role
from autocore.web.access import needs
from autocore.web.views import LARGEST_SEQ, iso


@get("/audit", opt=needs(Role.ADMIN, "read:audit"), summary="Who did what")
async def list_audit(
    audit: Audit,
    timeline: Timeline,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 100,
    cursor: Annotated[int | None, QueryParameter(ge=1, le=LARGEST_SEQ)] = None,
) -> dict[str, Any]:
    """Give the newest rows first; `cursor` is the `next` of the page before."""
    rows = await audit.rows(limit + 1, cursor)
    page = rows[:limit]
    items = [row | {"at": iso(timeline.wall_ns(row["boot"], row["at_ns"]))} for row in page]
    return {"items": items, "next": page[-1]["seq"] if len(rows) > limit else None}


ROUTES = [list_audit]

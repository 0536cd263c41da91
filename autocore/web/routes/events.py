"""`/api/v1/events` and `/api/v1/notices`: what happened, and what people were told."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.params import QueryParameter

from autocore.builtin.eventlog import Happened
from autocore.core.clock import Timeline
from autocore.core.model import Role
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.views import iso


@get("/events", opt=needs(Role.VIEWER, "read:events"), summary="What happened")
async def list_events(
    parts: Parts,
    timeline: Timeline,
    type_: Annotated[str, QueryParameter(name="type", max_length=100)] = "",
    text: Annotated[str, QueryParameter(max_length=100)] = "",
    cursor: Annotated[int | None, QueryParameter(ge=0)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Give the newest events first; `type` is what the type begins with, `text` stands somewhere in it."""
    found = await parts.events.find(types=type_, text=text, before=cursor, limit=limit)
    return {
        "items": [event_view(one, timeline) for one in found],
        "next": found[-1].seq if len(found) == limit else None,
    }


@get("/notices", opt=needs(Role.VIEWER, "read:notices"), summary="What people were told")
async def list_notices(parts: Parts, limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Give the newest notices first, and how many wait for each channel."""
    newest = await parts.notifications.newest(limit)
    return {
        "items": [msgspec.to_builtins(one) for one in newest],
        "next": None,
        "waiting": await parts.notifications.waiting(),
    }


def event_view(one: Happened, timeline: Timeline) -> dict[str, Any]:
    """Give an event of the log."""
    return {
        "seq": one.seq,
        "at": iso(timeline.wall_ns(one.boot, one.at_ns)),
        "boot": one.boot,
        "type": one.type,
        "data": dict(one.data),
        "via": one.via,
        "who": one.who,
    }


ROUTES = [list_events, list_notices]

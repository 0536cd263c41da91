"""`/api/v1/entities`: what the vehicle is and was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from autocore.core.clock import NS, Timeline
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import InvalidData
from autocore.core.model import Role
from autocore.core.storage.history import History
from autocore.web.access import needs
from autocore.web.views import entity_view, iso

Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="How many, at most 1000.")]
Points = Annotated[int, QueryParameter(ge=2, le=10_000, description="How many points at most; no spike is lost.")]
From = Annotated[str | None, QueryParameter(name="from", description="ISO 8601 or seconds since 1970; a day ago when left out.")]
To = Annotated[str | None, QueryParameter(name="to", description="ISO 8601 or seconds since 1970; now when left out.")]


@get("/entities", opt=needs(Role.VIEWER, "read:entities"), summary="List entities")
async def list_entities(  # one parameter for each filter
    entities: EntityRegistry,
    timeline: Timeline,
    kind: str | None = None,
    plugin: str | None = None,
    device: str | None = None,
    text: str | None = None,
    cursor: str | None = None,
    limit: Limit = 1_000,
) -> dict[str, Any]:
    """Give entities sorted by id; `cursor` is the `next` of the page before."""

    def is_wanted(entity: Entity) -> bool:
        words = f"{entity.id} {entity.description.name}".lower()
        return (
            kind in (None, entity.kind)
            and plugin in (None, entity.owner)
            and device in (None, entity.description.device)
            and (text is None or text.lower() in words)
            and (cursor is None or entity.id > cursor)
        )

    found = [entity for entity in entities if is_wanted(entity)]
    page = found[:limit]
    return {"items": [entity_view(one, timeline) for one in page], "next": page[-1].id if len(found) > limit else None}


@get("/entities/{entity_id:str}", opt=needs(Role.VIEWER, "read:entities"), summary="One entity")
async def get_entity(entities: EntityRegistry, timeline: Timeline, entity_id: str) -> dict[str, Any]:
    """Give an entity with its state."""
    return entity_view(entities.get(entity_id), timeline)


@get("/entities/{entity_id:str}/history", opt=needs(Role.VIEWER, "read:history"), summary="What an entity was")
async def get_history(  # the parts it asks and the parameters of the question
    entities: EntityRegistry,
    timeline: Timeline,
    history: History,
    entity_id: str,
    from_: From = None,
    to: To = None,
    points: Points = 1_000,
) -> dict[str, Any]:
    """Give `[time, value]` pairs; where the time is null, `[null, value, boot, seq]`."""
    entity = entities.get(entity_id)
    from_ns, to_ns = parse_time(from_, "from"), parse_time(to, "to")
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise InvalidData("lies after to; change the two", field="from")
    found = await history.query(entity_id, from_ns=from_ns, to_ns=to_ns, points=points)
    is_boolean = entity.kind in ("binary_sensor", "switch")
    rows: list[list[Any]] = []
    for point in found:
        value = bool(point.value) if is_boolean and point.value is not None else point.value
        at = iso(timeline.wall_ns(point.boot, point.mono_ns))
        rows.append([at, value] if at is not None else [None, value, point.boot, point.seq])
    return {"entity": entity_id, "unit": getattr(entity.description, "unit", None), "points": rows}


def parse_time(text: str | None, field: str) -> int | None:
    """Give nanoseconds since 1970 for ISO 8601 (UTC unless it says otherwise) or seconds.

    Raises:
        InvalidData: it is neither.
    """
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidData("is no time; write e.g. 2026-05-01T12:00:00Z", field=field) from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not -1e10 < seconds < 1e11:  # noqa: PLR2004  # the years 1653 to 5138: beyond them nanoseconds overflow
        raise InvalidData("is no time of this age", field=field)
    return round(seconds * NS)


ROUTES = [list_entities, get_entity, get_history]

"""`/api/v1/entities`: what the vehicle is and was."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, patch
from litestar.params import QueryParameter

from autocore.core.clock import NS, Timeline
from autocore.core.entities import OVERRIDES, Entity, EntityRegistry
from autocore.core.errors import InvalidData
from autocore.core.kinds import Limits
from autocore.core.model import Caller, Role
from autocore.core.storage.history import History
from autocore.web.access import needs
from autocore.web.views import entity_view, iso

Limit = Annotated[int, QueryParameter(ge=1, le=1_000, description="How many, at most 1000.")]
Points = Annotated[int, QueryParameter(ge=2, le=10_000, description="How many points at most; no spike is lost.")]
From = Annotated[str | None, QueryParameter(name="from", description="ISO 8601 or seconds since 1970; a day ago when left out.")]
To = Annotated[str | None, QueryParameter(name="to", description="ISO 8601 or seconds since 1970; now when left out.")]
Format = Annotated[Literal["json", "csv", "ndjson"], QueryParameter(name="format", description="json, csv or ndjson.")]
MOST_POINTS = 1_000
EVERY = 1 << 40
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None | msgspec.UnsetType


class LimitWords(msgspec.Struct, forbid_unknown_fields=True):
    """Limits in the entity's unit."""

    warn_above: float | None = None
    warn_below: float | None = None
    critical_above: float | None = None
    critical_below: float | None = None
    hysteresis: float = 0.0


class EntityWords(msgspec.Struct, forbid_unknown_fields=True):
    """What people say of an entity."""

    name: Word = msgspec.UNSET
    icon: Word = msgspec.UNSET
    area: Word = msgspec.UNSET
    limits: LimitWords | msgspec.UnsetType | None = msgspec.UNSET
    recording: bool | msgspec.UnsetType | None = msgspec.UNSET


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
    points: Points | None = None,
    format_: Format = "json",
) -> Response[Any]:
    """Give `[time, value]` pairs; where the time is null, `[null, value, boot, seq]`.

    As `csv` or `ndjson` it is a file with a row for each reading, all of them unless `points` says how many.
    """
    entity = entities.get(entity_id)
    from_ns, to_ns = parse_time(from_, "from"), parse_time(to, "to")
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise InvalidData("lies after to; change the two", field="from")
    most = points or (MOST_POINTS if format_ == "json" else EVERY)
    found = await history.query(entity_id, from_ns=from_ns, to_ns=to_ns, points=most)
    is_boolean = entity.kind in ("binary_sensor", "switch")
    rows: list[list[Any]] = []
    for point in found:
        value = bool(point.value) if is_boolean and point.value is not None else point.value
        at = iso(timeline.wall_ns(point.boot, point.mono_ns))
        rows.append([at, value] if at is not None else [None, value, point.boot, point.seq])
    unit = getattr(entity.description, "unit", None)
    if format_ == "json":
        return Response({"entity": entity_id, "unit": unit, "points": rows})
    body = as_csv(rows, unit) if format_ == "csv" else as_ndjson(rows, entity_id, unit)
    kind = "text/csv; charset=utf-8" if format_ == "csv" else "application/x-ndjson"
    name = f'attachment; filename="{entity_id}.{format_}"'
    return Response(body, media_type=kind, headers={"Content-Disposition": name})


@patch("/entities/{entity_id:str}", opt=needs(Role.TECHNICIAN, "entities:write"), summary="Say what you call an entity")
async def change_entity(
    entities: EntityRegistry, timeline: Timeline, caller: Caller, entity_id: str, data: EntityWords
) -> dict[str, Any]:
    """Set name, icon, area, limits and whether its history is kept; null takes a word back.

    What the configuration owns answers 409 with the place where it stands.
    """
    changes = {name: value for name in OVERRIDES if (value := getattr(data, name)) is not msgspec.UNSET}
    if isinstance(changes.get("limits"), LimitWords):
        changes["limits"] = Limits(**msgspec.structs.asdict(changes["limits"]))
    return entity_view(entities.override(entity_id, changes, caller.cause), timeline)


def as_csv(rows: list[list[Any]], unit: str | None) -> str:
    """Give readings as CSV (RFC 4180): time, value, unit, and boot and seq where the time is not known."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["time", "value", "unit", "boot", "seq"])
    for at, value, *rest in rows:
        writer.writerow([at or "", "" if value is None else value, unit or "", *(rest or ["", ""])])
    return text.getvalue()


def as_ndjson(rows: list[list[Any]], entity_id: str, unit: str | None) -> bytes:
    """Give readings as JSON objects, one a line."""
    lines = []
    for at, value, *rest in rows:
        line = {"entity": entity_id, "time": at, "value": value, "unit": unit}
        if rest:
            line |= {"boot": rest[0], "seq": rest[1]}
        lines.append(msgspec.json.encode(line))
    return b"\n".join([*lines, b""])


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


ROUTES = [list_entities, get_entity, change_entity, get_history]

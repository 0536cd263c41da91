"""`/api/v1/entities/{id}/history` and `…/statistics`: what an entity was, as points, as a file, in figures."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.params import QueryParameter
from litestar.response import Stream

from autocore.core.clock import Timeline
from autocore.core.entities import Entity, EntityRegistry
from autocore.core.errors import InvalidData
from autocore.core.model import Role
from autocore.history.downsample import Point
from autocore.history.history import History
from autocore.history.past import Resolution
from autocore.moments import parse_time
from autocore.web.access import needs
from autocore.web.problems import FileOperation
from autocore.web.views import guarded, iso

Points = Annotated[
    int | None, QueryParameter(ge=4, le=10_000, description="How many points at most; no spike is lost; 1 000 unless said.")
]
From = Annotated[str | None, QueryParameter(name="from", description="ISO 8601 or seconds since 1970; a day ago when left out.")]
To = Annotated[str | None, QueryParameter(name="to", description="ISO 8601 or seconds since 1970; now when left out.")]
Format = Annotated[Literal["json", "csv", "ndjson"], QueryParameter(name="format", description="json, csv or ndjson.")]
MOST_POINTS = 1_000
READINGS_HEADER = "Autocore-Readings"
"""About how many rows an export has: what a progress bar needs."""
BOOLEANS = ("binary_sensor", "switch")
HEAD = ("time", "value", "unit", "boot", "seq", "resolution")

Row = tuple[Point, Resolution]


@get(
    "/entities/{entity_id:str}/history",
    opt=needs(Role.VIEWER, "read:history"),
    summary="What an entity was",
    operation_class=FileOperation,
)
async def get_history(  # the parts it asks and the parameters of the question
    entities: EntityRegistry,
    timeline: Timeline,
    history: History,
    entity_id: str,
    from_: From = None,
    to: To = None,
    points: Points = None,
    format_: Format = "json",
) -> Response[Any]:
    """Give `[time, value]` pairs; where the time is null, `[null, value, boot, seq]`.

    The server chooses the `resolution`: readings, minutes or hours, of which the lowest and the highest are given. As `csv` or
    `ndjson` it is a file with a row for each reading, all of them unless `points` says how many; it is sent while it is read.
    """
    entity = entities.get(entity_id)
    window = window_of(from_, to)
    if format_ == "json":
        answer = await history.past.query(entity_id, **window, points=points or MOST_POINTS)
        rows = [point_view(one, entity, timeline) for one in answer.points]
        return Response({"entity": entity_id, "unit": unit_of(entity), "resolution": answer.resolution.value, "points": rows})
    write = csv_lines if format_ == "csv" else ndjson_lines
    headers = {"Content-Disposition": f'attachment; filename="{entity_id}.{format_}"'}
    kind = "text/csv; charset=utf-8" if format_ == "csv" else "application/x-ndjson"
    if points is None:
        headers[READINGS_HEADER] = str(await history.past.amount(entity_id, **window))
        pieces = history.past.readings(entity_id, **window)
    else:
        pieces = _short(history, entity_id, window, points)
    return Stream(_lines(pieces, write, entity, timeline), media_type=kind, headers=headers)


@get("/entities/{entity_id:str}/statistics", opt=needs(Role.VIEWER, "read:history"), summary="What an entity was, in figures")
async def get_statistics(
    entities: EntityRegistry, history: History, entity_id: str, from_: From = None, to: To = None
) -> dict[str, Any]:
    """Give the lowest, the highest, the mean and the number of readings, and the last one; null where there is none."""
    entity = entities.get(entity_id)
    found = await history.past.statistics(entity_id, **window_of(from_, to))
    answer: dict[str, Any] = {"entity": entity_id, "unit": unit_of(entity), "count": 0 if found is None else found.amount}
    for name, field in (("min", "low"), ("max", "high"), ("mean", "mean"), ("last", "last")):
        answer[name] = None if found is None else getattr(found, field)
    return answer


async def _short(history: History, entity_id: str, window: dict[str, int | None], points: int) -> AsyncIterator[list[Row]]:
    answer = await history.past.query(entity_id, **window, points=points)
    yield [(one, answer.resolution) for one in answer.points]


async def _lines(
    pieces: AsyncIterator[list[Row]], write: Callable[[Iterable[Row], Entity, Timeline], str], entity: Entity, timeline: Timeline
) -> AsyncIterator[str]:
    yield write((), entity, timeline)
    async for piece in pieces:  # whoever closes the connection ends it here
        yield write(piece, entity, timeline)


def point_view(point: Point, entity: Entity, timeline: Timeline) -> list[Any]:
    """Give a point as `[time, value]`, with boot and seq where the time is not known."""
    at = iso(timeline.wall_ns(point.boot, point.mono_ns))
    value = value_of(point, entity)
    return [at, value] if at is not None else [None, value, point.boot, point.seq]


def value_of(point: Point, entity: Entity) -> Any:
    """Give the value of a point: of a switch true or false, also where the history keeps nought and one."""
    return bool(point.value) if entity.kind in BOOLEANS and point.value is not None else point.value


def unit_of(entity: Entity) -> str | None:
    """Give the unit of an entity, None when it has none."""
    unit: str | None = getattr(entity.description, "unit", None)
    return unit


def csv_lines(rows: Iterable[Row], entity: Entity, timeline: Timeline) -> str:
    """Give readings as CSV (RFC 4180); boot and seq stand where the time is not known. No rows: the head."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if not rows:
        writer.writerow(HEAD)
    for point, resolution in rows:
        at, value, *rest = point_view(point, entity, timeline)
        words = "" if value is None else str(value).lower() if isinstance(value, bool) else guarded(value)
        writer.writerow([at or "", words, unit_of(entity) or "", *(rest or ["", ""]), resolution.value])
    return text.getvalue()


def ndjson_lines(rows: Iterable[Row], entity: Entity, timeline: Timeline) -> str:
    """Give readings as JSON objects, one a line."""
    lines = []
    for point, resolution in rows:
        at, value, *rest = point_view(point, entity, timeline)
        line = {"entity": entity.id, "time": at, "value": value, "unit": unit_of(entity), "resolution": resolution.value}
        if rest:
            line |= {"boot": rest[0], "seq": rest[1]}
        lines.append(msgspec.json.encode(line).decode() + "\n")
    return "".join(lines)


def window_of(from_: str | None, to: str | None) -> dict[str, int | None]:
    """Give the wall times of a question.

    Raises:
        InvalidData: one is no time, or they are exchanged.
    """
    from_ns, to_ns = parse_time(from_, "from"), parse_time(to, "to")
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise InvalidData("lies after to; change the two", field="from")
    return {"from_ns": from_ns, "to_ns": to_ns}


ROUTES = [get_history, get_statistics]

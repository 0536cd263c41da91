"""`/api/v1/events` and `/api/v1/notices`: what happened, and what people were told."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from autocore.builtin.eventlog import Happened, Question
from autocore.builtin.eventtypes import EventClass, sentence_of
from autocore.core.clock import Timeline
from autocore.core.errors import InvalidData
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.problems import FileOperation
from autocore.web.routes.history import window_of
from autocore.web.views import LARGEST_SEQ, guarded, iso

PIECE_BYTES = 16_384
COLUMNS = ("seq", "at", "boot", "class", "type", "text", "who", "via", "data")

Types = Annotated[str, QueryParameter(name="type", max_length=100, description="What the type begins with, e.g. `device.`")]
Classes = Annotated[str, QueryParameter(name="class", max_length=100, description="One class or several, with commas between.")]
Text = Annotated[str, QueryParameter(max_length=100, description="What stands somewhere in it, or who did it.")]
From = Annotated[str | None, QueryParameter(name="from", max_length=40, description="ISO 8601, or seconds since 1970.")]
To = Annotated[str | None, QueryParameter(max_length=40)]


@get("/events", opt=needs(Role.VIEWER, "read:events"), summary="What happened")
async def list_events(  # the parts it asks and the parameters of the question
    parts: Parts,
    timeline: Timeline,
    caller: Caller,
    type_: Types = "",
    class_: Classes = "",
    text: Text = "",
    from_: From = None,
    to: To = None,
    cursor: Annotated[int | None, QueryParameter(ge=0, le=LARGEST_SEQ)] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Give the newest events first; `cursor` is the `next` of the page before. Security is for administrators."""
    question = asked(caller, type_, class_, text, from_, to)
    found = await parts.events.find(replace(question, before=cursor), limit + 1)
    page = found[:limit]
    return {
        "items": [event_view(one, timeline) for one in page],
        "next": page[-1].seq if len(found) > limit else None,
    }


@get("/events/export", opt=needs(Role.VIEWER, "read:events"), summary="What happened, as a file", operation_class=FileOperation)
async def export_events(  # the parts it asks and the parameters of the question
    parts: Parts,
    timeline: Timeline,
    caller: Caller,
    type_: Types = "",
    class_: Classes = "",
    text: Text = "",
    from_: From = None,
    to: To = None,
    format_: Annotated[Literal["ndjson", "csv"], QueryParameter(name="format")] = "ndjson",
) -> Stream:
    """Give all events that `/events` finds, the newest first, as a stream."""
    found = parts.events.every(asked(caller, type_, class_, text, from_, to))
    lines = _as_csv(found, timeline) if format_ == "csv" else _as_ndjson(found, timeline)
    kind = "text/csv; charset=utf-8" if format_ == "csv" else "application/x-ndjson"
    return Stream(_joined(lines), media_type=kind, headers={"Content-Disposition": f'attachment; filename="events.{format_}"'})


@get("/notices", opt=needs(Role.VIEWER, "read:notices"), summary="What people were told")
async def list_notices(parts: Parts, limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Give the newest notices first, and how many wait for each channel."""
    newest = await parts.notifications.newest(limit)
    return {
        "items": [msgspec.to_builtins(one) for one in newest],
        "next": None,
        "waiting": await parts.notifications.waiting(),
    }


def asked(caller: Caller, types: str, classes: str, text: str, from_: str | None, to: str | None) -> Question:
    """Give the question of a request; whoever is no administrator gets nothing about security.

    Raises:
        InvalidData: there is no such class, a time is none, or the two are exchanged.
    """
    kinds = [one for one in EventClass if one is not EventClass.SECURITY or caller.role is Role.ADMIN]
    wanted = {one.strip() for one in classes.split(",") if one.strip()}
    unknown = sorted(wanted - set(EventClass))
    if unknown:
        raise InvalidData(f"there is no class {unknown[0]}; use {', '.join(EventClass)}", field="class")
    if wanted:
        kinds = [one for one in kinds if one in wanted]
    return Question(types, text, tuple(kinds), **window_of(from_, to))


def event_view(one: Happened, timeline: Timeline) -> dict[str, Any]:
    """Give an event of the log."""
    return {
        "seq": one.seq,
        "at": iso(timeline.wall_ns(one.boot, one.at_ns)),
        "boot": one.boot,
        "type": one.type,
        "class": one.kind.value,
        "text": sentence_of(one.type, one.data),
        "data": dict(one.data),
        "via": one.via,
        "who": one.who,
    }


async def _joined(lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give lines some at a time: each piece costs a turn of the server."""
    piece = bytearray()
    async for line in lines:
        piece += line
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)


async def _as_ndjson(found: AsyncIterator[Happened], timeline: Timeline) -> AsyncIterator[bytes]:
    async for one in found:
        yield msgspec.json.encode(event_view(one, timeline)) + b"\n"


async def _as_csv(found: AsyncIterator[Happened], timeline: Timeline) -> AsyncIterator[bytes]:
    yield _csv_line(COLUMNS)
    async for one in found:
        view = event_view(one, timeline)
        view["data"] = msgspec.json.encode(view["data"]).decode()
        yield _csv_line(["" if view[name] is None else view[name] for name in COLUMNS])


def _csv_line(cells: Sequence[Any]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([guarded(one) for one in cells])
    return line.getvalue().encode()


ROUTES = [list_events, export_events, list_notices]

"""Logs and events: what happened (the database) and what the gateway said (the file); filter, follow, download."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter
from litestar.response import File

from autocore.builtin.eventlines import SILENT_CAUSES
from autocore.builtin.eventlog import Happened, Question
from autocore.builtin.eventtypes import EventClass, words_of
from autocore.core.errors import PermissionDenied, UnknownName
from autocore.core.model import Caller, Role
from autocore.web.access import needs
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes.events import asked
from autocore.web.views import LARGEST_SEQ

TAIL_BYTES = 256_000
MOST_LINES = 300
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
PAGE = 100
Place = Annotated[int | None, QueryParameter(ge=0, le=LARGEST_SEQ)]
Word = Annotated[str, QueryParameter(max_length=100)]


@get("/logs", opt=needs(Role.VIEWER, "pages:logs"), include_in_schema=False)
async def logs_page(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    show: Word = "events",
    text: Word = "",
    level: Word = "",
    class_: Annotated[str, QueryParameter(name="class", max_length=100)] = "",
    before: Place = None,
    after: Place = None,
    follow: Word = "true",
) -> Response[str]:
    """Show the event log, the notices, or the gateway's own log; the last is for technicians."""
    context: dict[str, Any] = {"show": show, "text": text, "level": level, "levels": LEVELS, "wanted": class_}
    context["is_followed"] = follow != "false" and before is None and after is None
    if show == "log":
        if caller.role < Role.TECHNICIAN:
            raise PermissionDenied("the log of the gateway needs the role technician")
        context["lines"] = await asyncio.to_thread(lambda: list(_lines(_file(parts), text, level)))
    elif show == "notices":
        context["notices"] = await parts.notifications.newest(200)
        context["waiting"] = await parts.notifications.waiting()
    else:
        question = asked(caller, "", class_, text, None, None)
        context["classes"] = [one.value for one in EventClass if one is not EventClass.SECURITY or caller.role is Role.ADMIN]
        context |= await _events(parts, replace(question, before=before, after=after))
        context["events"] = [shown(pages, request, parts, one) for one in context["events"]]
    template = "logs_rows.html" if request.headers.get("hx-request") else "logs.html"
    if template == "logs_rows.html":
        return await pages.fragment(request, template, context)
    return await pages.page(request, template, context)


@get("/logs/download", opt=needs(Role.TECHNICIAN, "read:logs"), include_in_schema=False)
async def download_log(parts: Parts) -> File:
    """Give the gateway's log file."""
    file = _file(parts)
    if not file.exists():
        raise UnknownName("log file", file.name)
    return File(file, filename="autocore.log", media_type="text/plain; charset=utf-8")


async def _events(parts: Parts, question: Question) -> dict[str, Any]:
    """Give a page of events, the newest first, and the places of the pages beside it."""
    found = await parts.events.find(question, PAGE + 1)
    is_full = len(found) > PAGE
    if question.after is not None:
        page = found[-PAGE:]
        return {"events": page, "older": page[-1].seq if page else question.after + 1, "newer": page[0].seq if is_full else None}
    page = found[:PAGE]
    newer = page[0].seq if page and question.before is not None else None
    return {"events": page, "older": page[-1].seq if is_full else None, "newer": newer}


def shown(pages: Pages, request: Request[Any, Any, Any], parts: Parts, one: Happened) -> dict[str, Any]:
    """Give an event as people read it."""
    sentence, words = words_of(one.type, one.data)
    return {
        "at_ns": parts.timeline.wall_ns(one.boot, one.at_ns),
        "type": one.type,
        "class": one.kind.value,
        "text": pages.translate(request, sentence) % words,
        "who": one.who if one.via not in SILENT_CAUSES else "",
    }


def _file(parts: Parts) -> Path:
    return parts.folders.data / "logs" / "autocore.log"


def _lines(file: Path, text: str, level: str) -> Iterator[dict[str, str]]:
    """Give the newest lines first, each as time, level and the rest."""
    try:
        with file.open("rb") as source:
            source.seek(max(0, os.fstat(source.fileno()).st_size - TAIL_BYTES))
            kept = source.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    wanted = LEVELS[LEVELS.index(level) :] if level in LEVELS else LEVELS
    amount = 0
    for line in reversed(kept):
        at, _, rest = line.partition(" ")
        word, _, said = rest.partition(" ")
        if word not in LEVELS:  # a line of a trace belongs to the one above; it is in the file
            continue
        if word in wanted and text.lower() in line.lower():
            yield {"at": at, "level": word, "text": said.strip()}
            amount += 1
            if amount >= MOST_LINES:
                return


ROUTES = [logs_page, download_log]

"""Logs and events: what happened (the database) and what the gateway said (the file); filter, follow, download."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter
from litestar.response import File

from autocore.core.errors import UnknownName
from autocore.core.model import Role
from autocore.web.access import needs
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts

TAIL_BYTES = 256_000
MOST_LINES = 300
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
Word = Annotated[str, QueryParameter(max_length=100)]


@get("/logs", opt=needs(Role.VIEWER, "pages:logs"), include_in_schema=False)
async def logs_page(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    show: Word = "events",
    text: Word = "",
    level: Word = "",
    before: Annotated[int | None, QueryParameter(ge=0)] = None,
) -> Response[str]:
    """Show the event log, the notices, or the gateway's own log; the last is for technicians."""
    context = await _facts(parts, show, text, level, before)
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


async def _facts(parts: Parts, show: str, text: str, level: str, before: int | None) -> dict[str, Any]:
    context: dict[str, Any] = {"show": show, "text": text, "level": level, "levels": LEVELS, "timeline": parts.timeline}
    if show == "log":
        context["lines"] = await asyncio.to_thread(lambda: list(_lines(_file(parts), text, level)))
    elif show == "notices":
        context["notices"] = await parts.notifications.newest(200)
        context["waiting"] = await parts.notifications.waiting()
    else:
        found = await parts.events.find(text=text, before=before, limit=100)
        context |= {"events": found, "next": found[-1].seq if len(found) == 100 else None}  # noqa: PLR2004  # the limit above
    return context


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

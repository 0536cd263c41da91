"""`/api/v1/can`: DBC files come in, frames and signals go out; and the pieces of the page that are drawn anew."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import Parameter

from autocore.api import AutocoreError, Caller, Draw, InvalidData, Role, needs

from .shelf import DbcFile
from .station import MOST_ITEMS, SHOWN_ROWS, Station

SHOWN_SIGNALS = 100
MARK = "HX-Request"  # a piece of the page asks, so HTML is answered

Query = Annotated[str, Parameter(max_length=200)]
Limit = Annotated[int, Parameter(ge=1, le=MOST_ITEMS)]


def handlers(station: Station) -> list[Any]:
    """Give the handlers of a running station."""
    return [*_lists(station), *_pieces(station), *_changes(station)]


def _lists(station: Station) -> list[Any]:
    @get("/frames", opt=needs(Role.VIEWER, "read:can"))
    async def frames(limit: Limit = MOST_ITEMS) -> dict[str, Any]:
        """Give the newest frame of every identifier."""
        return {"items": station.frames(limit), "next": None}

    @get("/signals", opt=needs(Role.VIEWER, "read:can"))
    async def signals(q: Query = "", cursor: Query = "", limit: Limit = MOST_ITEMS) -> dict[str, Any]:
        """Give the signals of all DBC files, and which of them are entities."""
        items, further = station.signals(q, cursor, limit)
        return {"items": items, "next": further}

    @get("/buses", opt=needs(Role.VIEWER, "read:can"))
    async def buses() -> dict[str, Any]:
        """Give every bus with its counters."""
        return {"items": [bus.facts() for bus in station], "next": None}

    return [frames, signals, buses]


def _pieces(station: Station) -> list[Any]:
    @get("/traffic", opt=needs(Role.VIEWER, "read:can"), include_in_schema=False)
    async def traffic(draw: Draw) -> Any:
        """Draw the raw traffic."""
        return await draw("can_traffic.html", {"frames": station.frames(SHOWN_ROWS)})

    @get("/chooser", opt=needs(Role.TECHNICIAN, "services:can.choose"), include_in_schema=False)
    async def chooser(draw: Draw, q: Query = "") -> Any:
        """Draw the form in which signals are chosen."""
        return await _chooser(station, draw, q)

    return [traffic, chooser]


def _changes(station: Station) -> list[Any]:
    services = station.host.services

    @post("/dbc", opt=needs(Role.ADMIN, "can:upload"), status_code=201)
    async def upload(request: Request[Any, Any, Any], draw: Draw) -> Any:
        """Take a DBC file, the part `file` of a multipart form; it is read in a process of its own."""
        is_piece = MARK in request.headers
        try:
            filename, content = await _uploaded(request)
            file = await station.upload(filename, content)
        except AutocoreError as error:
            if is_piece:
                return await _chooser(station, draw, problem=str(error))
            raise
        return await _chooser(station, draw, is_news=True) if is_piece else Response(_told(file), status_code=201)

    @post("/choose", opt=needs(Role.TECHNICIAN, "services:can.choose"), include_in_schema=False, status_code=200)
    async def choose(request: Request[Any, Any, Any], caller: Caller, draw: Draw) -> Any:
        """Call `can.choose` with a form, and draw the chooser again."""
        form = await request.form()
        data = {name: _text(form.get(name)) for name in ("dbc", "message", "signal")}
        call = services.call("can.choose", {**data, "on": _text(form.get("on")) == "yes"}, caller)
        return await _changed(station, request, draw, call)

    @post("/forget", opt=needs(Role.ADMIN, "services:can.forget_dbc"), include_in_schema=False, status_code=200)
    async def forget(request: Request[Any, Any, Any], caller: Caller, draw: Draw) -> Any:
        """Call `can.forget_dbc` with a form, and draw the chooser again."""
        form = await request.form()
        call = services.call("can.forget_dbc", {"dbc": _text(form.get("dbc"))}, caller)
        return await _changed(station, request, draw, call)

    return [upload, choose, forget]


async def _changed(station: Station, request: Request[Any, Any, Any], draw: Draw, call: Any) -> Any:
    form = await request.form()
    problem = None
    try:
        await call
    except AutocoreError as error:
        problem = str(error)
    return await _chooser(station, draw, _text(form.get("q")), problem, is_news=problem is None)


async def _uploaded(request: Request[Any, Any, Any]) -> tuple[str, bytes]:
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile):
        raise InvalidData("send the DBC file as the part `file` of a multipart form", field="file")
    return file.filename or "", await file.read()


def _told(file: DbcFile) -> dict[str, Any]:
    dbc = file.dbc
    return {"name": file.name, "messages": len(dbc.messages) if dbc else 0, "signals": dbc.signal_count if dbc else 0}


async def _chooser(station: Station, draw: Draw, query: str = "", problem: str | None = None, *, is_news: bool = False) -> Any:
    rows, further = station.signals(query, "", SHOWN_SIGNALS)
    context = {"rows": rows, "has_more": further is not None, "query": query, "files": list(station.shelf), "problem": problem}
    # The page shows the live signals elsewhere; they are drawn anew when a choice changed.
    return await draw("can_chooser.html", context, headers={"HX-Trigger": "can-signals"} if is_news else None)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""

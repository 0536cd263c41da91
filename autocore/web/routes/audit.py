"""`/api/v1/audit`: who did what, as pages and as a file, and whether nobody has touched it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import get, post
from litestar.params import QueryParameter
from litestar.response import Stream

from autocore.audit.export import export
from autocore.audit.question import Question
from autocore.audit.verdict import view
from autocore.builtin.audit import Audit
from autocore.core.clock import Timeline
from autocore.core.model import Role
from autocore.web.access import needs
from autocore.web.problems import FileOperation
from autocore.web.routes.history import window_of
from autocore.web.views import LARGEST_SEQ, iso

Text = Annotated[str, QueryParameter(max_length=100, description="What stands somewhere in it.")]
Who = Annotated[str, QueryParameter(max_length=100, description="The user, exactly.")]
Via = Annotated[str, QueryParameter(max_length=100, description="The way it came, e.g. `rest`, `mqtt`, `automation`.")]
Service = Annotated[str, QueryParameter(max_length=100, description="What the service begins with, e.g. `switch.`")]
Outcome = Annotated[str, QueryParameter(max_length=100, description="The result, e.g. `done`, `interlock`, `offline`.")]
From = Annotated[str | None, QueryParameter(name="from", max_length=40, description="ISO 8601, or seconds since 1970.")]
To = Annotated[str | None, QueryParameter(max_length=40)]


@get("/audit", opt=needs(Role.ADMIN, "read:audit"), summary="Who did what")
async def list_audit(  # the parts it asks and the parameters of the question
    audit: Audit,
    timeline: Timeline,
    who: Who = "",
    via: Via = "",
    service: Service = "",
    outcome: Outcome = "",
    text: Text = "",
    from_: From = None,
    to: To = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1_000)] = 100,
    cursor: Annotated[int | None, QueryParameter(ge=1, le=LARGEST_SEQ)] = None,
) -> dict[str, Any]:
    """Give the newest rows first; `cursor` is the `next` of the page before. `kind` is `act`, or names a checkpoint."""
    question = Question(who, via, service, outcome, text, **window_of(from_, to), before=cursor)
    rows = await audit.find(question, limit + 1)
    page = rows[:limit]
    items = [row_view(row, timeline) for row in page]
    return {"items": items, "next": page[-1]["seq"] if len(rows) > limit else None}


@get("/audit/export", opt=needs(Role.ADMIN, "read:audit"), summary="Who did what, as a file", operation_class=FileOperation)
async def export_audit(  # the parts it asks and the parameters of the question
    audit: Audit,
    who: Who = "",
    via: Via = "",
    service: Service = "",
    outcome: Outcome = "",
    text: Text = "",
    from_: From = None,
    to: To = None,
    format_: Annotated[Literal["ndjson", "csv"], QueryParameter(name="format")] = "ndjson",
) -> Stream:
    """Give all rows that `/audit` finds, the oldest first, with MACs and a seal; `autocore audit verify --file` checks it."""
    question = Question(who, via, service, outcome, text, **window_of(from_, to))
    lines = export(audit.every(question), audit.key, question.asked, as_csv=format_ == "csv")
    kind = "text/csv; charset=utf-8" if format_ == "csv" else "application/x-ndjson"
    return Stream(lines, media_type=kind, headers={"Content-Disposition": f'attachment; filename="audit.{format_}"'})


@post("/audit/verify", opt=needs(Role.ADMIN, "read:audit"), status_code=200, summary="Whether nobody has touched the audit")
async def verify_audit(audit: Audit) -> dict[str, Any]:
    """Look at the whole chain, off the loop: what is wrong, by sequence number, and every checkpoint of it."""
    return view(await audit.verify())


def row_view(row: dict[str, Any], timeline: Timeline) -> dict[str, Any]:
    """Give a row, dated where its time is known."""
    is_dated = isinstance(row["boot"], int) and isinstance(row["at_ns"], int)
    return row | {"at": iso(timeline.wall_ns(row["boot"], row["at_ns"])) if is_dated else None}


ROUTES = [list_audit, export_audit, verify_audit]

"""The audit: who did what, from where, when, with what result; filter, download, and look whether nobody has touched it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.params import QueryParameter

from autocore.audit.chain import Kind
from autocore.audit.question import Question
from autocore.audit.verdict import Fault, Mark, Verdict
from autocore.core.clock import NS
from autocore.core.errors import InvalidData
from autocore.core.model import Role
from autocore.moments import iso
from autocore.web.access import needs
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.views import LARGEST_SEQ

PAGE = 50
ACTUATIONS, LOOKED_THROUGH = 20, 60
Word = Annotated[str, QueryParameter(max_length=100)]
Moment = Annotated[str, QueryParameter(max_length=40)]
Place = Annotated[int | None, QueryParameter(ge=0, le=LARGEST_SEQ)]


@get("/audit", opt=needs(Role.ADMIN, "pages:audit"), include_in_schema=False)
async def audit_page(  # the parts it asks and the parameters of the question
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    who: Word = "",
    via: Word = "",
    service: Word = "",
    outcome: Word = "",
    text: Word = "",
    from_: Annotated[str, QueryParameter(name="from", max_length=40)] = "",
    to: Moment = "",
    before: Place = None,
    after: Place = None,
) -> Response[str]:
    """Show who did what, the newest first."""
    asked = {"who": who, "via": via, "service": service, "outcome": outcome, "text": text}
    question = Question(**asked, from_ns=_moment(from_, "from"), to_ns=_moment(to, "to"), before=before, after=after)
    context = await _context(request, pages, parts, question, {**asked, "from": from_, "to": to})
    return await pages.page(request, "audit.html", context)


@post("/audit/verify", opt=needs(Role.ADMIN, "pages:audit"), include_in_schema=False, status_code=200)
async def verify_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Look at the whole chain, and show what was found above the newest rows."""
    verdict = await parts.audit.verify()
    context = await _context(request, pages, parts, Question(), {})
    return await pages.page(request, "audit.html", context | {"verdict": _told(request, pages, parts, verdict)})


@get("/entities/{entity_id:str}/actuations", opt=needs(Role.TECHNICIAN, "pages:actuations"), include_in_schema=False)
async def actuations(request: Request[Any, Any, Any], pages: Pages, parts: Parts, entity_id: str) -> Response[str]:
    """Show who moved one entity, through what, with what result and how fast, the newest first."""
    entity = parts.entities.get(entity_id)
    found = await parts.audit.find(Question(text=f'"{entity.id}"'), LOOKED_THROUGH)
    rows = [_shown(request, pages, parts, row) for row in found if _is_of(row, entity.id)]
    return await pages.fragment(request, "actuations.html", {"rows": rows[:ACTUATIONS], "entity": entity.id})


def _is_of(row: dict[str, Any], entity: str) -> bool:
    named = row["data"].get("entity")
    return named == entity or (isinstance(named, list) and entity in named)


async def _context(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, question: Question, asked: dict[str, str]
) -> dict[str, Any]:
    found = await parts.audit.find(question, PAGE + 1)
    is_full = len(found) > PAGE
    if question.after is not None:
        page = found[-PAGE:]
        older, newer = page[-1]["seq"] if page else question.after + 1, page[0]["seq"] if is_full else None
    else:
        page = found[:PAGE]
        older, newer = page[-1]["seq"] if is_full else None, page[0]["seq"] if page and question.before is not None else None
    filled = {name: value for name, value in asked.items() if value}
    times = {"from": iso(question.from_ns), "to": iso(question.to_ns)}
    return {
        "rows": [_shown(request, pages, parts, row) for row in page],
        "asked": {name: asked.get(name, "") for name in ("who", "via", "service", "outcome", "text", "from", "to")},
        "is_filtered": bool(filled),
        "known": await parts.audit.known(),
        "filters": urlencode(filled),
        "download": urlencode({**filled, **{name: at for name, at in times.items() if at is not None}}),
        "older": older,
        "newer": newer,
        "keep": parts.config.core.audit,
        "verdict": None,
    }


def _shown(request: Request[Any, Any, Any], pages: Pages, parts: Parts, row: dict[str, Any]) -> dict[str, Any]:
    """Give a row as people read it; a checkpoint of the chain is a sentence."""
    sentence = ""
    if row["kind"] in set(Kind) - {Kind.ACT}:
        mark = Mark(Kind(row["kind"]), row["seq"], row["boot"], row["at_ns"], row["data"])
        sentence = _sentence(request, pages, mark)
    entity = row["data"].get("entity")
    return row | {
        "wall_ns": _wall_ns(parts, row["boot"], row["at_ns"]),
        "sentence": sentence,
        "entity": entity if isinstance(entity, str) else "",
        "json": json.dumps(row["data"], ensure_ascii=False, indent=2) if row["data"] else "",
        "latency_ms": row["latency_s"] * 1000 if isinstance(row["latency_s"], float) else None,
    }


def _told(request: Request[Any, Any, Any], pages: Pages, parts: Parts, verdict: Verdict) -> dict[str, Any]:
    def told(one: Fault | Mark) -> dict[str, Any]:
        at_ns = _wall_ns(parts, one.boot, one.at_ns)
        return {"seq": one.seq, "at_ns": at_ns, "text": _sentence(request, pages, one)}

    return {
        "is_intact": verdict.is_intact,
        "rows": verdict.rows,
        "checked": verdict.checked,
        "older": verdict.older,
        "first": verdict.first,
        "newest": verdict.newest,
        "faults": [told(one) for one in verdict.faults],
        "more": verdict.faults_amount - len(verdict.faults),
        "marks": [told(one) for one in reversed(verdict.marks)],
    }


def _sentence(request: Request[Any, Any, Any], pages: Pages, one: Fault | Mark) -> str:
    text, words = one.words()
    return pages.translate(request, text) % words


def _wall_ns(parts: Parts, boot: Any, at_ns: Any) -> int | None:
    return parts.timeline.wall_ns(boot, at_ns) if isinstance(boot, int) and isinstance(at_ns, int) else None


def _moment(text: str, field: str) -> int | None:
    """Give nanoseconds since 1970 for what a field for date and time holds: it is in the vehicle's time zone.

    Raises:
        InvalidData: it is no such thing.
    """
    if not text:
        return None
    try:
        return round(datetime.fromisoformat(text).timestamp() * NS)
    except (ValueError, OverflowError, OSError):
        raise InvalidData("is no date and time; write e.g. 2026-05-01T12:00", field=field) from None


ROUTES = [audit_page, verify_page, actuations]

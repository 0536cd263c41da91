"""Backup: make one, see how far it is, keep, download, send, delete and restore them. Plain forms; only the progress moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import File, Redirect

from autocore.backup.cipher import check_passphrase
from autocore.backup.desk import LARGEST_UPLOAD, Job, wall_of
from autocore.backup.shelf import Backup
from autocore.core.clock import NS
from autocore.core.errors import AutocoreError, InvalidData
from autocore.core.model import Caller, Quality, Role
from autocore.core.names import N_
from autocore.web.access import needs
from autocore.web.errors import status_of
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.routes.backup import (
    WRONG_PASSWORD,
    Restore,
    begin_backup,
    begin_restore,
    delete_one,
    downloaded,
    remember,
    take_in,
)

MEGABYTE = 1_000_000
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
STEPS = {
    "settle": N_("Writing down what waits in memory"),
    "copy": N_("Copying the databases"),
    "pack": N_("Packing"),
    "verify": N_("Reading it again"),
    "unpack": N_("Unpacking and checking"),
}
ORIGINS = {
    "auto": N_("made by the gateway"),
    "manual": N_("made by a person"),
    "upload": N_("uploaded"),
    "other": N_("put there as a file"),
}
SENTENCES = (
    N_("a passphrase has at least 10 characters; four words are good"),
    N_("the passphrase is wrong; use the one that the backup was made with"),
    N_("this backup is encrypted; give its passphrase"),
    N_("the backup is damaged: a part of it was changed or cut off"),
    N_("this is no backup of AutoCore: it has no manifest"),
    N_("cancelled; nothing was kept of it"),
    N_("choose a file first"),
    N_("a backup or a restore is under way; wait for it, or cancel it"),
    N_("another backup is being received; wait until it is there"),
    N_("the password is wrong; it is asked again because a restore replaces everything"),
)


class MakeForm(msgspec.Struct):
    """A backup to be made."""

    history: str = ""
    passphrase: str = ""


class RestoreForm(msgspec.Struct):
    """The password, and the passphrase of an encrypted backup."""

    password: str = ""
    passphrase: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, and at which form: `make`, `upload`, or the name of a backup."""

    form: str
    error: AutocoreError


Form = Body(media_type=RequestEncodingType.URL_ENCODED)


@get("/backup", opt=needs(Role.ADMIN, "backup:read"), include_in_schema=False)
async def backup_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[str]:
    """Show the backups, and how far the present one is."""
    return await _page(request, pages, parts)


@get("/backup/standing", opt=needs(Role.ADMIN, "backup:read"), include_in_schema=False)
async def standing(request: Request[Any, Any, Any], pages: Pages, parts: Parts) -> Response[Any]:
    """Give the progress alone; when it is over, or the gateway has started again, the whole page is drawn anew."""
    job = parts.backups.newest_job
    if request.query_params.get("since") != str(parts.started_ns):
        return Response("", headers={"HX-Redirect": "/backup"})
    if job is None or (job.state != "running" and not _is_restarting(job)):
        return Response("", headers={"HX-Refresh": "true"})
    return await pages.fragment(request, "backup_job.html", _job(request, pages, parts, job))


@post("/backup", opt=needs(Role.ADMIN, "backup:write"), include_in_schema=False, status_code=303)
async def make_backup(
    request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller, data: Annotated[MakeForm, Form]
) -> Response[Any]:
    """Begin to make one."""
    try:
        passphrase = check_passphrase(data.passphrase) if data.passphrase else None
        begin_backup(parts, caller, passphrase, with_history=bool(data.history))
    except AutocoreError as error:
        return await _page(request, pages, parts, Fault("make", error))
    return Redirect("/backup", status_code=303)


@post("/backup/cancel/{job_id:str}", opt=needs(Role.ADMIN, "backup:write"), include_in_schema=False, status_code=303)
async def cancel_job(parts: Parts, caller: Caller, job_id: str) -> Redirect:
    """Let the job end."""
    parts.backups.cancel(job_id)
    remember(parts, caller, "cancel", {"job": job_id})
    return Redirect("/backup", status_code=303)


@post(
    "/backup/upload",
    opt=needs(Role.ADMIN, "backup:write"),
    include_in_schema=False,
    status_code=303,
    request_max_body_size=LARGEST_UPLOAD,
)
async def upload_backup(request: Request[Any, Any, Any], pages: Pages, parts: Parts, caller: Caller) -> Response[Any]:
    """Take a backup in."""
    try:
        await take_in(request, parts, caller)
    except AutocoreError as error:
        return await _page(request, pages, parts, Fault("upload", error))
    return Redirect("/backup", status_code=303)


@get("/backup/files/{name:str}", opt=needs(Role.ADMIN, "backup:read"), include_in_schema=False)
async def download_backup(parts: Parts, caller: Caller, name: str) -> File:
    """Give the file."""
    path = parts.backups.shelf.path(name)
    downloaded(parts, caller, name)
    return File(path, filename=name, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@post("/backup/files/{name:str}/delete", opt=needs(Role.ADMIN, "backup:write"), include_in_schema=False, status_code=303)
async def delete_backup(parts: Parts, caller: Caller, name: str) -> Redirect:
    """Delete the file for ever."""
    await delete_one(parts, caller, name)
    return Redirect("/backup", status_code=303)


@post("/backup/files/{name:str}/restore", opt=needs(Role.ADMIN, "backup:restore"), include_in_schema=False, status_code=303)
async def restore_backup(
    request: Request[Any, Any, Any],
    pages: Pages,
    parts: Parts,
    caller: Caller,
    name: str,
    data: Annotated[RestoreForm, Form],
) -> Response[Any]:
    """Begin to restore one, when the password is right."""
    try:
        await begin_restore(request, parts, caller, name, Restore(data.password, data.passphrase or None))
    except AutocoreError as error:
        return await _page(request, pages, parts, Fault(name, error))
    return Redirect("/backup", status_code=303)


async def _page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, fault: Fault | None = None) -> Response[str]:
    job = parts.backups.newest_job
    restored = await parts.backups.last_restore()
    section = parts.config.core.backup
    backups = await parts.backups.all()
    if job is not None and job.state == "done" and job.kind == "backup" and all(one.name != job.name for one in backups):
        job = None  # what it made was deleted since
    context: dict[str, Any] = {
        "backups": [_row(parts, one) for one in backups],
        "origins": ORIGINS,
        "restored": restored,
        "is_taken_back": bool(restored and restored.phase.value == "back"),
        "every_h": round(section.every / HOUR_S),
        "keep": section.keep,
        "fault": None,
        "job": None,
    }
    if job is not None:
        context |= _job(request, pages, parts, job)
    status = 200
    if fault is not None:
        error = fault.error
        field = error.field if isinstance(error, InvalidData) else ""
        field = "password" if str(error) == WRONG_PASSWORD else field
        said = error.message if isinstance(error, InvalidData) else str(error)
        context["fault"] = {"form": fault.form, "field": field, "message": pages.translate(request, said)}
        status = status_of(error)
    return await pages.page(request, "backup.html", context, status=status)


def _job(request: Request[Any, Any, Any], pages: Pages, parts: Parts, job: Job) -> dict[str, Any]:
    return {
        "job": job,
        "since": parts.started_ns,
        "step": STEPS.get(job.work.step, ""),
        "percent": round(100 * job.share),
        "is_moving": job.state == "running" or _is_restarting(job),
        "job_error": pages.translate(request, job.error) if job.error else None,
    }


def _is_restarting(job: Job) -> bool:
    return job.kind == "restore" and job.state == "done"


def _row(parts: Parts, one: Backup) -> dict[str, Any]:
    made_ns = wall_of(one.about.created)
    now_ns, quality = parts.clock.wall_ns()
    is_known = made_ns is not None and now_ns is not None and quality is not Quality.UNSET
    age_s = (now_ns - made_ns) // NS if is_known and now_ns is not None and made_ns is not None else None
    return {
        "backup": one,
        "about": one.about,
        "made_ns": made_ns,
        "megabytes": one.about.size / MEGABYTE,
        "age": None if age_s is None or age_s < MINUTE_S else _age(int(age_s)),
    }


def _age(age_s: int) -> tuple[str, int]:
    """Give an age in the largest unit that fills two."""
    for unit, size_s in (("d", DAY_S), ("h", HOUR_S)):
        if age_s >= 2 * size_s:
            return unit, age_s // size_s
    return "min", age_s // MINUTE_S


ROUTES = [
    backup_page,
    standing,
    make_backup,
    cancel_job,
    upload_backup,
    download_backup,
    delete_backup,
    restore_backup,
]

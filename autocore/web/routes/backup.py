"""`/api/v1/backup`: backups made, listed, downloaded, taken in, deleted and restored; for administrators, and audited."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.datastructures import State
from litestar.response import File

from autocore.backup.cipher import check_passphrase
from autocore.backup.desk import LARGEST_UPLOAD, backup_view, job_view
from autocore.core.errors import AutocoreError
from autocore.core.model import Caller, Role
from autocore.core.services import Record
from autocore.web.access import needs
from autocore.web.parts import Parts
from autocore.web.proof import prove
from autocore.web.uploads import file_of

Text = Annotated[str, msgspec.Meta(max_length=300)]
WRONG_PASSWORD = "the password is wrong; it is asked again because a restore replaces everything"  # noqa: S105  # a sentence


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A backup to be made: encrypted by a passphrase, which also lets the secrets leave; with or without the readings."""

    passphrase: Text | None = None
    history: bool = True


class Restore(msgspec.Struct, forbid_unknown_fields=True):
    """The caller's password, and the passphrase of an encrypted backup."""

    password: Text
    passphrase: Text | None = None


def remember(parts: Parts, caller: Caller, act: str, data: dict[str, Any], error: AutocoreError | None = None) -> None:
    """Put an act into the audit."""
    outcome, detail = ("done", "") if error is None else (error.code, str(error))
    parts.audit.remember(Record(parts.clock.monotonic_ns(), f"backup.{act}", data, caller, outcome, detail, 0.0))


def begin_backup(parts: Parts, caller: Caller, passphrase: str | None, *, with_history: bool) -> Any:
    """Begin to make one, and remember who asked; gives the job."""
    data = {"encrypted": passphrase is not None, "history": with_history}
    try:
        job = parts.backups.begin(passphrase=passphrase, with_history=with_history)
    except AutocoreError as error:
        remember(parts, caller, "make", data, error)
        raise
    remember(parts, caller, "make", data)
    return job


async def take_in(request: Request[Any, Any, Any], parts: Parts, caller: Caller) -> Any:
    """Take in the file that a request carries, and remember who sent it; gives the backup."""
    try:
        taken = await parts.backups.receive(file_of(request))
    except AutocoreError as error:
        remember(parts, caller, "upload", {}, error)
        raise
    remember(parts, caller, "upload", {"name": taken.name, "bytes": taken.about.size})
    parts.bus.emit("backup.uploaded", {"file": taken.name, "bytes": taken.about.size}, caller.cause)
    return taken


def downloaded(parts: Parts, caller: Caller, name: str) -> None:
    """Remember who took a backup along."""
    remember(parts, caller, "download", {"name": name})
    parts.bus.emit("backup.downloaded", {"file": name}, caller.cause)


async def delete_one(parts: Parts, caller: Caller, name: str) -> None:
    """Delete a backup for ever, and remember who did; raises UnknownName."""
    await parts.backups.delete(name)
    remember(parts, caller, "delete", {"name": name})
    parts.bus.emit("backup.removed", {"file": name}, caller.cause)


async def begin_restore(request: Request[Any, Any, Any], parts: Parts, caller: Caller, name: str, proof: Restore) -> Any:
    """Begin to restore one when the password is right, and remember who asked; gives the job."""
    try:
        parts.backups.shelf.get(name)
        await prove(request, parts.accounts, caller, proof.password, WRONG_PASSWORD)
        job = parts.backups.begin_restore(name, proof.passphrase or None)
    except AutocoreError as error:
        remember(parts, caller, "restore", {"name": name[:150]}, error)
        raise
    remember(parts, caller, "restore", {"name": name})
    return job


@post("/backup", opt=needs(Role.ADMIN, "backup:write"), status_code=202, summary="Make a backup")
async def make_backup(parts: Parts, caller: Caller, data: Wanted) -> dict[str, Any]:
    """Begin to make a backup; `GET backup/{id}` says how far it is. 409 while another job is under way."""
    if data.passphrase is not None:
        check_passphrase(data.passphrase)
    return job_view(begin_backup(parts, caller, data.passphrase, with_history=data.history))


@get("/backup", opt=needs(Role.ADMIN, "backup:read"), summary="List backups")
async def list_backups(parts: Parts) -> dict[str, Any]:
    """Give every backup, the newest first, and the job that began last."""
    job = parts.backups.newest_job
    return {
        "items": [backup_view(one) for one in await parts.backups.all()],
        "next": None,
        "job": None if job is None else job_view(job),
    }


@get("/backup/{job_id:str}", opt=needs(Role.ADMIN, "backup:read"), summary="How far a backup is")
async def get_job(parts: Parts, job_id: str) -> dict[str, Any]:
    """Give a job: `running`, `done`, `failed` or `cancelled`, its progress from 0 to 1, and the backup's name at the end."""
    return job_view(parts.backups.job(job_id))


@delete("/backup/{job_id:str}", opt=needs(Role.ADMIN, "backup:write"), status_code=202, summary="Cancel a backup")
async def cancel_job(parts: Parts, caller: Caller, job_id: str) -> dict[str, Any]:
    """Let a job end; nothing of it is kept."""
    job = parts.backups.cancel(job_id)
    remember(parts, caller, "cancel", {"job": job_id})
    return job_view(job)


@post(
    "/backup/files",
    opt=needs(Role.ADMIN, "backup:write"),
    status_code=201,
    summary="Send a backup",
    request_max_body_size=LARGEST_UPLOAD,
)
async def upload_backup(request: Request[Any, Any, State], parts: Parts, caller: Caller) -> dict[str, Any]:
    """Take in a backup: the body itself, or the part `file` of a multipart form. One without passphrase is checked whole."""
    return backup_view(await take_in(request, parts, caller))


@get("/backup/files/{name:str}", opt=needs(Role.ADMIN, "backup:read"), summary="Download a backup")
async def download_backup(parts: Parts, caller: Caller, name: str) -> File:
    """Give the file."""
    path = parts.backups.shelf.path(name)
    downloaded(parts, caller, name)
    return File(path, filename=name, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@delete("/backup/files/{name:str}", opt=needs(Role.ADMIN, "backup:write"), summary="Delete a backup")
async def delete_backup(parts: Parts, caller: Caller, name: str) -> None:
    """Delete the file for ever."""
    await delete_one(parts, caller, name)


@post("/backup/files/{name:str}/restore", opt=needs(Role.ADMIN, "backup:restore"), status_code=202, summary="Restore a backup")
async def restore_backup(
    request: Request[Any, Any, State], parts: Parts, caller: Caller, name: str, data: Restore
) -> dict[str, Any]:
    """Unpack and check a backup; when it is right the gateway restarts with it. Files of plugins are skipped and listed."""
    return job_view(await begin_restore(request, parts, caller, name, data))


ROUTES = [
    make_backup,
    list_backups,
    get_job,
    cancel_job,
    upload_backup,
    download_backup,
    delete_backup,
    restore_backup,
]

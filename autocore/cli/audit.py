"""`autocore audit`: who did what, read from the data folder, and whether nobody has touched it; also beside a running gateway."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from autocore.audit.chain import KEY_BYTES
from autocore.audit.export import Exported, export, verify_file
from autocore.audit.files import KEY, is_copied
from autocore.audit.question import Question, exported, row_of
from autocore.audit.verdict import Verdict, lines, view
from autocore.audit.verify import verify_folder
from autocore.backup.applying import untold
from autocore.backup.plan import check_none_waits
from autocore.cli.options import Common, common
from autocore.core.disk import write_file
from autocore.core.errors import InvalidData, Refused, StorageError, UnknownName
from autocore.core.storage.damage import UNREADABLE, peek
from autocore.moments import iso, parse_time

PAGE = 500
BUSY_S = 10.0
EXISTING = click.Path(path_type=Path, dir_okay=False)


@click.group()
def audit() -> None:
    """Show, export and check who did what."""


@audit.command()
@click.option("--file", "file", type=EXISTING, help="Check this export instead of the data folder.")
@click.option("--key", "key_file", type=EXISTING, help="The key of the export. [default: <data>/audit.key]")
@common
def verify(shared: Common, file: Path | None, key_file: Path | None) -> None:
    """Look whether a row was changed, taken out, put in or cut off. Exit code 1 when one was."""
    if file is not None:
        verdict = verify_file(file, _key(key_file or shared.data / KEY))
    else:
        _check_settled(shared.data)
        verdict = verify_folder(shared.data)
    _show(shared, verdict)
    sys.exit(0 if verdict.is_intact else 1)


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which rows."""
    for option in (
        click.option("--who", default="", help="The user, exactly."),
        click.option("--via", default="", help="The way it came, e.g. rest or mqtt."),
        click.option("--service", default="", help="What the service begins with, e.g. switch."),
        click.option("--outcome", default="", help="The result, e.g. done or interlock."),
        click.option("--text", default="", help="What stands somewhere in it."),
        click.option("--from", "from_", help="ISO 8601, or seconds since 1970."),
        click.option("--to", help="ISO 8601, or seconds since 1970."),
    ):
        command = option(command)
    return command


@audit.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many rows, the newest.")
@common
def list_rows(shared: Common, limit: int, **asked: Any) -> None:
    """List the newest rows, the newest first."""
    with closing(_opened(shared.data)) as connection:
        found = exported(connection, _question(**asked), limit)
    rows = [row_of(one.fields) | {"at": iso(one.wall_ns)} for one in found]
    shared.show(rows, "\n".join(map(_line, rows)) or "no row is like that")


@audit.command("export")
@click.argument("file", type=EXISTING)
@_filters
@click.option("--format", "format_", type=click.Choice(["ndjson", "csv"]), help="[default: csv for FILE.csv, else ndjson]")
@common
def export_rows(shared: Common, file: Path, format_: str | None, **asked: Any) -> None:
    """Write rows into FILE, with their MACs and a seal, so that they can be checked elsewhere with the key."""
    if file.exists():
        raise InvalidData(f"{file} exists already; nothing was written")
    key, question = _key(shared.data / KEY), _question(**asked)
    as_csv = (format_ or file.suffix.lstrip(".")) == "csv"
    amount = 0

    async def work() -> bytes:
        nonlocal amount
        pieces = []
        async for piece in export(_pages(shared.data, question), key, question.asked, as_csv=as_csv):
            pieces.append(piece)
            amount += piece.count(b"\n")
        return b"".join(pieces)

    content = asyncio.run(work())
    try:
        write_file(file, content)
    except OSError as error:
        raise StorageError(f"{file} cannot be written: {error.strerror}") from error
    amount -= 2 if as_csv else 1  # the head of the columns, and the seal
    shared.show({"file": str(file), "rows": amount}, f"{file}: {amount} rows")


async def _pages(data: Path, question: Question) -> AsyncIterator[list[Exported]]:
    with closing(_opened(data)) as connection:
        question = replace(question, after=-1)
        while found := exported(connection, question, PAGE):
            yield found
            question = replace(question, after=found[-1].seq)


def _check_settled(data: Path) -> None:
    """Refuse to judge what the next start has still to put into words; raises Refused."""
    if data.is_dir():
        check_none_waits(data)
        if untold(data) is not None or is_copied(data):
            raise Refused("a backup or a copy has taken the place of state.db; start the gateway once, then ask again")


def _opened(data: Path) -> sqlite3.Connection:
    file = data / "state.db"
    if not file.is_file():
        raise UnknownName("database", str(file))
    try:
        connection = peek(file, BUSY_S)
        columns = {row[1] for row in connection.execute("PRAGMA table_info(audit)")}
        if "mac" not in columns:
            connection.close()
            raise StorageError(f"{file} is of an older AutoCore; start the gateway once")
        connection.execute("BEGIN")
    except UNREADABLE as error:
        raise StorageError(f"{file} cannot be read: {error}; `autocore doctor` looks closer") from error
    return connection


def _key(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidData(
            f"{file} cannot be read: {error.strerror}; name the key with --key, or its folder with --data"
        ) from error
    if len(content) != KEY_BYTES:
        raise InvalidData(f"{file} is no key of an audit: it has {len(content)} bytes, not {KEY_BYTES}")
    return content


def _question(from_: str | None, to: str | None, **asked: Any) -> Question:
    return Question(from_ns=parse_time(from_, "--from"), to_ns=parse_time(to, "--to"), **asked)


def _line(row: dict[str, Any]) -> str:
    at = row["at"] or f"start {row['boot']}, time unknown"
    by = " ".join(one for one in (row["who"] or "-", row["via"], row["address"]) if one)
    detail = f" ({row['detail']})" if row["detail"] else ""
    return f"{row['seq']}  {at}  {by}  {row['service']} {json.dumps(row['data'])}  {row['outcome']}{detail}"


def _show(shared: Common, verdict: Verdict) -> None:
    shared.show(view(verdict), "\n".join(lines(verdict)))

"""`autocore notify`: tell whoever owns the vehicle something, also while the gateway is down."""

from __future__ import annotations

import asyncio
import sys

import click

from autocore.builtin.outbox import Told, leave_note
from autocore.cli.options import Common, common
from autocore.control import CONTROL_SOCKET, ask
from autocore.core.clock import SystemClock
from autocore.core.errors import InvalidData
from autocore.core.notices import Severity
from autocore.core.storage.state import DataFolder, StateStore

LONGEST = 2_000


@click.command()
@click.argument("text", nargs=-1)
@click.option("--title", default="", help="A few words above the text.")
@click.option("--severity", type=click.Choice([one.value for one in Severity]), default="info", show_default=True)
@common
def notify(shared: Common, text: tuple[str, ...], title: str, severity: str) -> None:
    """Tell TEXT on every channel; without TEXT, or with -, it is read from standard input.

    While the gateway is down the notice waits in the data folder, with its own time.
    """
    words = " ".join(text)
    if words in ("", "-"):
        words = sys.stdin.read(LONGEST + 1) if words == "-" or not sys.stdin.isatty() else ""
    words = words.strip()
    if not 0 < len(words) <= LONGEST:
        raise InvalidData(f"a notice has 1 to {LONGEST} characters; write autocore notify 'The text'")
    if (shared.data / CONTROL_SOCKET).exists():
        body = {"text": words, "title": title, "severity": severity}
        ask(shared.data, "POST", "/api/v1/services/notify/send", body)
        shared.show({"sent": True}, "told")
        return
    asyncio.run(_leave(shared, Told("cli", words, Severity(severity), title, words, 0)))
    shared.show({"sent": False}, "the gateway is down; the notice waits for its start")


async def _leave(shared: Common, told: Told) -> None:
    DataFolder(shared.data).make()
    store = StateStore(shared.data)
    await store.open()
    try:
        await leave_note(store.database, SystemClock(), told)
    finally:
        await store.close()

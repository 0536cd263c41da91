"""Running a gateway until it is told to end: signals, the start again after a restore, and the way back when that one fails."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from autocore.app import Gateway, Settings
from autocore.backup.applying import apply, finish, take_back
from autocore.backup.plan import Plan
from autocore.check import load_checked
from autocore.core.errors import AutocoreError
from autocore.core.notices import Severity
from autocore.core.storage.state import DataFolder
from autocore.damage import Damages
from autocore.mend import load_mended

Beside = Callable[[Gateway], AbstractAsyncContextManager[None]]

log = logging.getLogger("autocore")


async def run(settings: Settings, beside: Beside) -> None:
    """Run the gateway until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    Before each start a restore that waits or was interrupted is done. A gateway that does not start with what was restored gets
    back what stood there before.

    Args:
        settings: how to run.
        beside: what to enter once the gateway is ready, and to leave before it stops.

    Raises:
        AutocoreError: it cannot start.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    running: list[Gateway] = []
    reloads: set[asyncio.Task[None]] = set()

    def ask_reload() -> None:
        for gateway in running:
            task = loop.create_task(_reload(gateway))
            reloads.add(task)
            task.add_done_callback(reloads.discard)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, ask_reload)
    while not stop.is_set():
        gateway = await _started(settings)
        running = [gateway]
        try:
            async with beside(gateway):
                await _either(stop, gateway.restart, gateway.ended)
            if gateway.ended.is_set():
                stop.set()
        finally:
            running = []
            await gateway.stop()


async def _reload(gateway: Gateway) -> None:
    try:
        await gateway.reload()
    except AutocoreError as error:  # a wrong configuration must not end a running gateway
        log.error("the configuration was not taken over: %s", error)  # noqa: TRY400  # sentences, no trace


async def _either(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()


async def _started(settings: Settings) -> Gateway:
    """Start the gateway, on trial with what was restored when something was."""
    plan = await asyncio.to_thread(_restore, settings)
    try:
        gateway = _mended(settings) if plan is None else Gateway(settings, load_checked(settings.config, settings.only))
        await gateway.start()
    except Exception as error:  # whatever it is: the vehicle must not stand without a gateway because of a restore
        if plan is None or not await asyncio.to_thread(_take_back, settings, str(error)):
            raise
        gateway = _mended(settings)
        await gateway.start()
        sentence = f"the gateway does not start with what was restored and goes on with what it had: {error}"
        log.error("%s", sentence)  # noqa: TRY400  # a sentence; and only now is there a log file
        if gateway.core is not None:
            gateway.core.notify(sentence, title="AutoCore", severity=Severity.ERROR, source="backup", key="restore")
    else:
        if plan is not None:
            await asyncio.to_thread(finish, settings.data)
            log.warning("restored %s; what stood there before is in %s", plan.source, settings.data / plan.aside)
    return gateway


def _mended(settings: Settings) -> Gateway:
    damages = Damages()
    return Gateway(settings, load_mended(settings.config, damages, settings.only), damages=damages)


def _restore(settings: Settings) -> Plan | None:
    """Do what waits to be restored, alone on the data folder; nothing waits where no folder is."""
    if not settings.data.is_dir():
        return None
    folder = DataFolder(settings.data)
    folder.hold()
    try:
        return apply(settings.data)
    finally:
        folder.let_go(is_clean=folder.was_clean)  # the gateway itself must still see a crash before it


def _take_back(settings: Settings, reason: str) -> bool:
    folder = DataFolder(settings.data)
    folder.hold()
    try:
        return take_back(settings.data, reason)
    finally:
        folder.let_go()

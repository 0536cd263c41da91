"""Users and tokens from the command line: the same accounts on the same data folder, also beside a running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from autocore.auth.accounts import HOUR_S, NO_BOOT, Accounts
from autocore.auth.tokens import signing_key
from autocore.backup.plan import check_none_waits
from autocore.builtin.setupcode import SetupCode
from autocore.core.clock import SystemClock
from autocore.core.storage.state import DataFolder, StateStore
from autocore.damage import Damages

T = TypeVar("T")


def with_accounts(folder: Path, work: Callable[[Accounts], Awaitable[T]]) -> T:
    """Open the accounts of a data folder, do `work` with them, and close them."""

    async def run() -> T:
        DataFolder(folder).make()
        check_none_waits(folder)
        store = StateStore(folder)
        await store.open()
        clock = SystemClock()
        try:
            accounts = Accounts(
                store.database,
                clock,
                boot=NO_BOOT,
                key=signing_key(None, folder, Damages().set_aside),
                session_s=24 * HOUR_S,
                setup=SetupCode(clock, folder),
            )
            return await work(accounts)
        finally:
            await store.close()

    return asyncio.run(run())

"""The way to Telegram: opened when there is a token, known to be up or down, and said once an outage."""

from __future__ import annotations

import asyncio
import importlib

from autocore.api import N_, BinarySensor, PluginHost

from .api import Api, Away
from .section import TelegramSection

NS = 1_000_000_000
BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0)
NOT_PAIRED = N_("There is no token yet.")
CONNECTING = N_("The connection is being made.")


class Line:
    """The connection of one run of the plugin.

    Args:
        host: whose it is.
        section: gives the token and the server.
    """

    def __init__(self, host: PluginHost, section: TelegramSection) -> None:
        self._host = host
        self._section = section
        self._down_since_ns: int | None = None
        self._api: Api | None = None
        self._making = asyncio.Lock()
        self._failing: dict[str, Away] = {}
        self.is_up = False
        self.sensor = host.entities.add(
            BinarySensor("telegram_connected", name=N_("Telegram connected"), device_class="connectivity", icon="send")
        )
        self.sensor.set(value=False)

    @property
    def problem(self) -> str | None:
        """Why it is not up, a sentence for the page; None while it is."""
        if not self._section.token:
            return NOT_PAIRED
        fault = next(iter(self._failing.values()), None)
        return fault.problem if fault else None if self.is_up else CONNECTING

    async def api(self) -> Api:
        """Give the connection, made when it is asked for first; only with a token."""
        async with self._making:
            if self._api is None:
                # In a thread: the library takes a third of a second, and everything else would wait for it.
                module = await asyncio.to_thread(importlib.import_module, f"{__package__}.bot")
                made: Api = module.LibraryBot(self._section.token, self._section.base_url)
                self._api = made
            return self._api

    async def hold(self) -> None:
        """Stay until the plugin stops, and close the connection then: whoever uses it stops in the same moment."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._api is not None:
                await self._api.close()

    def up(self, who: str) -> None:
        """Note that Telegram answered `who`: the sending or the receiving half."""
        self._failing.pop(who, None)
        if self.is_up or self._failing:
            return
        self.is_up = True
        self.sensor.set(value=True)
        if self._down_since_ns is not None:
            away_s = (self._host.clock.monotonic_ns() - self._down_since_ns) / NS
            self._host.log.info("Telegram is back after %.0f s", away_s)
            self._down_since_ns = None

    def down(self, who: str, fault: Away) -> None:
        """Note that Telegram cannot be used by `who`; the first to notice an outage says so in the log."""
        self._failing[who] = fault
        self.is_up = False
        self.sensor.set(value=False)
        if self._down_since_ns is None:
            self._down_since_ns = self._host.clock.monotonic_ns()
            self._host.log.warning("Telegram cannot be used, and messages wait on disk: %s", fault)


class BackOff:
    """Waits longer after each failure in a row: 1, 2, 5, 15, then 60 s."""

    def __init__(self, host: PluginHost) -> None:
        self._clock = host.clock
        self._misses = 0

    def reset(self) -> None:
        """Begin anew after a success."""
        self._misses = 0

    async def pause(self) -> None:
        """Wait after a failure."""
        delay_s = BACK_OFF_S[min(self._misses, len(BACK_OFF_S) - 1)]
        self._misses += 1
        await self._clock.sleep(delay_s)

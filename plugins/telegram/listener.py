"""Hears what chats say, by long polling: one task, which knows what was said before it was there."""

from __future__ import annotations

from autocore.api import N_, AutocoreError, PluginHost

from .api import Api, Away, Fault, Heard, Wait
from .chats import Chats
from .commands import Commands
from .line import BackOff, Line

POLL_S = 25  # below the 30 s after which many mobile networks forget a silent connection
LISTENER = "listener"
REFUSED = N_("Telegram does not take the gateway's requests.")


class Listener:
    """Polls for ever.

    Args:
        host: its clock waits after failures.
        line: the way to Telegram.
        chats: must be known before anybody is answered.
        commands: answers.
    """

    def __init__(self, host: PluginHost, line: Line, chats: Chats, commands: Commands) -> None:
        self._host = host
        self._line = line
        self._chats = chats
        self._commands = commands
        self._offset = 0

    async def run(self) -> None:
        """Hear and answer, for ever."""
        await self._chats.loaded()
        back_off = BackOff(self._host)
        is_live = has_name = False
        while True:
            try:
                api = await self._line.api()
                if not has_name:
                    self._commands.bot = await api.me()
                    has_name = True
                heard = await api.updates(self._offset, POLL_S if is_live else 0)
            except Wait as fault:
                await self._host.clock.sleep(fault.retry_after_s)
            except Fault as fault:
                self._line.down(LISTENER, _away(fault))
                is_live = False
                await back_off.pause()
            else:
                self._line.up(LISTENER)
                back_off.reset()
                await self._take(api, heard, is_backlog=not is_live)
                is_live = is_live or not heard  # what waited is heard out first

    async def _take(self, api: Api, heard: list[Heard], *, is_backlog: bool) -> None:
        for one in heard:
            self._offset = one.number + 1
            try:
                await self._commands.take(api, one, is_backlog=is_backlog)
            except Fault as fault:
                self._host.log.warning("a chat could not be answered: %s", fault)
            except AutocoreError as error:
                self._host.log.error("a chat could not be answered: %s", error)  # noqa: TRY400  # a sentence


def _away(fault: Fault) -> Away:
    return fault if isinstance(fault, Away) else Away(str(fault), REFUSED)

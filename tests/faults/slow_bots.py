"""A Bot API that takes messages and does not answer until it is told to; in a thread, because the gateway is another process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.plugins.telegram.bot_api import BotApi

T = TypeVar("T")


class _Stuck(BotApi):
    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def _answer(self, token: str, method: str, data: dict[str, Any]) -> Any:
        if method == "sendMessage":
            await self.opened.wait()
        return await super()._answer(token, method, data)


class SlowBots:
    """That server, and what arrived in its chats."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._do(self._made())

    @property
    def url(self) -> str:
        """Its address."""
        return self._server.url

    def open(self) -> None:
        """Answer, from now on and what waits."""
        self._loop.call_soon_threadsafe(self._server.opened.set)

    def texts(self, chat: int) -> list[str]:
        """Give what people saw in a chat, oldest first."""
        return self._server.texts(chat)

    def close(self) -> None:
        """Be gone."""
        self._do(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _made(self) -> _Stuck:
        server = _Stuck()
        await server.start()
        return server

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

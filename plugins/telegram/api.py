"""What the plugin needs of the Bot API, and what can go wrong with it. Nothing here imports the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Button = tuple[str, str]
"""What a button shows, and what it says when it is pressed (at most 64 bytes)."""


class Fault(Exception):
    """A request that Telegram did not carry out; no sentence holds the token."""


class Away(Fault):
    """There is no way to Telegram now; `problem` is a sentence for the page."""

    def __init__(self, detail: str, problem: str) -> None:
        super().__init__(detail)
        self.problem = problem


class Wait(Fault):
    """Telegram wants to be left alone for `retry_after_s` seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"Telegram asks to wait {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class Blocked(Fault):
    """The chat does not want to hear from the bot."""


class Rejected(Fault):
    """Telegram will never take this request."""


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote something; `at_s` is Telegram's time of it in seconds since 1970."""

    number: int
    chat: int
    chat_name: str
    user: int
    text: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button under the message `message`; Telegram does not say when."""

    number: int
    chat: int
    user: int
    query: str
    message: int
    data: str


@dataclass(frozen=True, slots=True)
class Other:
    """An update of which nothing but its number matters."""

    number: int


Heard = Said | Pressed | Other


class Api(Protocol):
    """The requests that are made; each raises a `Fault`."""

    async def me(self) -> str:
        """Give the bot's name as people see it."""

    async def updates(self, offset: int, timeout_s: int) -> list[Heard]:
        """Give what was said from the number `offset` on; when there is nothing, wait for it up to `timeout_s` seconds."""

    async def send(self, chat: int, html: str, buttons: Sequence[Button] = ()) -> None:
        """Send a message."""

    async def edit(self, chat: int, message: int, html: str, buttons: Sequence[Button] = ()) -> None:
        """Put another text, and other buttons, in the place of a message of the bot."""

    async def answer(self, query: str) -> None:
        """Tell a press on a button that it was heard."""

    async def close(self) -> None:
        """Close the connections."""

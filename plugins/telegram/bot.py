"""The Bot API through python-telegram-bot: the only module that imports the library, and itself imported in a thread.

The token is part of every address, so no text of the library leaves this module unscrubbed: not as an error, not as a log line.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

os.environ.setdefault("PTB_TIMEDELTA", "1")  # read at import: times as timedelta, without a warning at each

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, Message, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from autocore.api import N_

from .api import Away, Blocked, Button, Fault, Heard, Other, Pressed, Rejected, Said, Wait

T = TypeVar("T")

LOGGERS = ("telegram", "httpx", "httpcore")
REQUEST_S = 20.0  # through a mobile network in the hills; the library's own is 5 s
REASONED = range(400, 500)
KNOWN = (400, 401, 403, 404, 409, 429)  # the library has an error for each
NO_WAY = N_("There is no connection to Telegram.")
NO_TOKEN = N_("Telegram refuses the token; take a new one from @BotFather.")
NOT_ALONE = N_("Another program reads this bot's messages with the same token; stop it.")


class LibraryBot:
    """A bot, by its token, at a Bot API server; see `Api` for what it can do."""

    def __init__(self, token: str, base_url: str) -> None:
        self._token = token
        hide(token)
        self._requests = [_request(8), _request(1)]
        self._bot = Bot(token, f"{base_url}/bot", f"{base_url}/file/bot", self._requests[0], self._requests[1])

    async def me(self) -> str:
        """Give the bot's name as people see it."""
        user = await self._ask(self._bot.get_me)
        return user.first_name

    async def updates(self, offset: int, timeout_s: int) -> list[Heard]:
        """Give what was said from the number `offset` on; when there is nothing, wait for it up to `timeout_s` seconds."""
        found = await self._ask(lambda: self._bot.get_updates(offset, 100, timeout_s, ["message", "callback_query"]))
        return [_heard(update) for update in found]

    async def send(self, chat: int, html: str, buttons: Sequence[Button] = ()) -> None:
        """Send a message."""
        keyboard = _keyboard(buttons)
        await self._ask(
            lambda: self._bot.send_message(
                chat, html, ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True), reply_markup=keyboard
            )
        )

    async def edit(self, chat: int, message: int, html: str, buttons: Sequence[Button] = ()) -> None:
        """Put another text, and other buttons, in the place of a message of the bot."""
        keyboard = _keyboard(buttons)
        await self._ask(lambda: self._bot.edit_message_text(html, chat, message, None, ParseMode.HTML, reply_markup=keyboard))

    async def answer(self, query: str) -> None:
        """Tell a press on a button that it was heard."""
        await self._ask(lambda: self._bot.answer_callback_query(query))

    async def close(self) -> None:
        """Close the connections."""
        for request in self._requests:
            await request.shutdown()

    async def _ask(self, request: Callable[[], Awaitable[T]]) -> T:
        try:
            return await request()
        except TelegramError as error:
            fault = self._fault(error)
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # an answer that the library does not understand
            fault = Rejected(f"the answer is not the Bot API's ({type(error).__name__})")
        raise fault  # outside of the handler: the library's error, which may hold the token, is no context of it

    def _fault(self, error: TelegramError) -> Fault:
        text = scrubbed(str(error), self._token)
        if isinstance(error, RetryAfter):
            wait = error.retry_after
            return Wait(wait.total_seconds() if isinstance(wait, timedelta) else float(wait))
        if isinstance(error, Forbidden):
            return Blocked(text)
        if isinstance(error, InvalidToken):
            return Away(text, NO_TOKEN)
        if isinstance(error, Conflict):
            return Away(text, NOT_ALONE)
        if isinstance(error, ChatMigrated):
            return Rejected(f"the group has a new number, {error.new_chat_id}; write that one")
        return Rejected(text) if isinstance(error, BadRequest) else Away(text, NO_WAY)


class _Request(HTTPXRequest):
    """The library's own, but an answer 4xx that it has no error for is a refusal, not a failing network."""

    async def do_request(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        code, payload = await super().do_request(*args, **options)
        if code in REASONED and code not in KNOWN:
            raise BadRequest(f"Telegram answered {code}")
        return code, payload


def _request(connections: int) -> _Request:
    return _Request(connections, REQUEST_S, REQUEST_S, REQUEST_S, REQUEST_S)


def scrubbed(text: str, token: str) -> str:
    """Give `text` without the token, nor the secret part of it."""
    return text.replace(token, "***").replace(token.partition(":")[2], "***")


def hide(token: str) -> None:
    """Keep the token out of every line that the library and the HTTP client below it log, at any level."""
    known = list(logging.root.manager.loggerDict)
    for name in known:
        if name.partition(".")[0] in LOGGERS:
            logging.getLogger(name).addFilter(_Scrub(token))


class _Scrub(logging.Filter):
    """Rewrites lines; two for the same token are one."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Scrub) and other._token == self._token

    def __hash__(self) -> int:
        return hash(self._token)

    def filter(self, record: logging.LogRecord) -> bool:
        line = record.getMessage()
        if record.exc_info:
            line = f"{line}\n{logging.Formatter().formatException(record.exc_info)}"
            record.exc_info = record.exc_text = None
        record.msg, record.args = scrubbed(line, self._token), None
        return True


def _keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup([[InlineKeyboardButton(words, callback_data=data)] for words, data in buttons])


def _heard(update: Update) -> Heard:
    query, message = update.callback_query, update.message
    if query is not None and query.data is not None and query.message is not None:
        return Pressed(
            update.update_id, query.message.chat.id, query.from_user.id, query.id, query.message.message_id, query.data
        )
    if message is not None and message.text is not None:
        user = message.from_user.id if message.from_user is not None else message.chat.id
        return Said(update.update_id, message.chat.id, _name(message), user, message.text, message.date.timestamp())
    return Other(update.update_id)


def _name(message: Message) -> str:
    chat = message.chat
    return chat.title or " ".join(part for part in (chat.first_name, chat.last_name) if part) or str(chat.id)

"""A Bot API server on a loopback port, which can be away, slow down its clients, and refuse them."""

from __future__ import annotations

import asyncio
import html
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "123456:AAtheSecretPartOfTheToken"
LONGEST = 4_096
BOT = "Landy"


@dataclass
class Request:
    """What a client asked: the method of the API and its data, JSON decoded where they are JSON."""

    method: str
    data: dict[str, Any]


@dataclass
class Answer:
    """An error that is answered instead."""

    code: int
    description: str
    parameters: dict[str, Any] = field(default_factory=dict)


class BotApi:
    """The server. Everything that was asked is in `requests`; what was taken as a message is in `messages`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.messages: list[dict[str, Any]] = []
        self.edits: list[dict[str, Any]] = []
        self.refusals: list[Answer] = []
        """Given to the next calls of sendMessage, one each."""
        self.blocked: set[int] = set()
        self.unacknowledged = 0
        """So many messages are taken, and then the connection breaks before the answer."""
        self.poisonous: str | None = None
        """A message with this in it is answered 400."""
        self.refuses_token = False
        self._updates: list[dict[str, Any]] = []
        self._number = 0
        self._polls = 0
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[Any]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> BotApi:
        """Be there, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Be gone: connections break, and new ones are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        while self._serving:  # also what was accepted in the last moment
            for task in list(self._serving):
                task.cancel()
            await asyncio.wait(self._serving)

    @property
    def is_polled(self) -> bool:
        """Whether a long poll waits for news."""
        return self._polls > 0

    def texts(self, chat: int | None = None) -> list[str]:
        """Give what people saw, oldest first."""
        return [seen(one["text"]) for one in self.messages if chat is None or int(one["chat_id"]) == chat]

    async def say(self, text: str, *, at_s: float, chat: int = 7, user: int | None = None, name: str = "Ana") -> None:
        """Write to the bot."""
        message = {
            "message_id": self._number + 1_000,
            "date": int(at_s),
            "chat": {"id": chat, "type": "private", "first_name": name},
            "from": {"id": user or chat, "is_bot": False, "first_name": name},
            "text": text,
        }
        await self.inject({"message": message})

    async def press(self, label: str, *, chat: int = 7, user: int | None = None) -> None:
        """Press a button of the newest message or edit that has one with this label."""
        for one in reversed(self.messages + self.edits):
            for row in one.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"] == label:
                        await self.press_data(button["callback_data"], chat=chat, user=user)
                        return
        raise AssertionError(f"there is no button {label}")

    async def press_data(self, data: str, *, chat: int = 7, user: int | None = None) -> None:
        query = {
            "id": str(self._number),
            "chat_instance": "x",
            "from": {"id": user or chat, "is_bot": False, "first_name": "Ana"},
            "message": {"message_id": 5, "date": 1, "chat": {"id": chat, "type": "private"}, "text": "?"},
            "data": data,
        }
        await self.inject({"callback_query": query})

    async def inject(self, update: dict[str, Any]) -> None:
        """Have the bot get an update; a long poll that waits is answered."""
        async with self._news:
            self._number += 1
            self._updates.append({"update_id": self._number, **update})
            self._news.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:  # the server stops: the connection breaks
            writer.transport.abort()
        finally:
            self._serving.discard(task)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line = await reader.readline()
        if not line:
            return False
        path, length = line.split()[1].decode(), 0
        while (header := await reader.readline()).strip():
            name, _, value = header.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = (await reader.readexactly(length)).decode()
        data = {name: _read(value) for name, value in parse_qsl(body, keep_blank_values=True)}
        _, bot, method = path.split("/")
        code, answer = 200, await self._answer(bot.removeprefix("bot"), method, data)
        if answer is None:
            writer.transport.abort()
            return False
        if isinstance(answer, Answer):
            code = answer.code
            shown = {"ok": False, "error_code": code, "description": answer.description, "parameters": answer.parameters}
        else:
            shown = {"ok": True, "result": answer}
        content = json.dumps(shown).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (code, len(content)))
        writer.write(content)
        await writer.drain()
        return True

    async def _answer(self, token: str, method: str, data: dict[str, Any]) -> Any:
        self.requests.append(Request(method, data))
        if token != TOKEN or self.refuses_token:
            return Answer(401, "Unauthorized")
        match method:
            case "getMe":
                answer: Any = {"id": 1, "is_bot": True, "first_name": BOT, "username": "landy_bot"}
            case "getUpdates":
                answer = await self._wait(int(data.get("offset", 0)), float(data.get("timeout", 0)))
            case "sendMessage":
                answer = self._take(data)
            case "editMessageText":
                self.edits.append(data)
                answer = self._message(data)
            case "answerCallbackQuery":
                answer = True
            case _:
                answer = Answer(404, "Not Found")
        return answer

    def _has_news(self, offset: int) -> bool:
        return any(one["update_id"] >= offset for one in self._updates)

    async def _wait(self, offset: int, timeout_s: float) -> list[dict[str, Any]]:
        async with self._news:
            self._updates = [one for one in self._updates if one["update_id"] >= offset]
            if not self._updates and timeout_s:
                self._polls += 1
                try:
                    async with asyncio.timeout(timeout_s):
                        await self._news.wait_for(lambda: self._has_news(offset) or self._server is None)
                except TimeoutError:
                    return []
                finally:
                    self._polls -= 1
            return list(self._updates)

    def _take(self, data: dict[str, Any]) -> Any:
        if self.refusals:
            return self.refusals.pop(0)
        if int(data["chat_id"]) in self.blocked:
            return Answer(403, "Forbidden: bot was blocked by the user")
        text = seen(data["text"])
        if len(text.encode("utf-16-le")) // 2 > LONGEST:
            return Answer(400, "Bad Request: message is too long")
        if self.poisonous is not None and self.poisonous in text:
            return Answer(400, "Bad Request: can't parse entities")
        self.messages.append(data)
        if self.unacknowledged:
            self.unacknowledged -= 1
            return None
        return self._message(data)

    def _message(self, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "message_id": len(self.messages),
            "date": 1,
            "chat": {"id": int(data["chat_id"]), "type": "private"},
            "text": data["text"],
        }


def seen(text: str) -> str:
    """Give what people see of HTML; a tag or an entity that Telegram does not know is an error."""
    for tag in re.findall(r"<[^>]*>", text):
        assert re.fullmatch(r"</?(b|i|code)>", tag), f"Telegram refuses {tag}"
    assert not re.search(r"&(?!amp;|lt;|gt;|quot;)", text), text
    return html.unescape(re.sub(r"<[^>]*>", "", text))


def _read(value: str) -> Any:
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, (dict, list)) else value

"""The plugin as a whole: what comes in is kept, what waits is sent, chats are paired, and the page shows all of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import voluptuous as vol

from autocore.api import N_, InvalidData, Message, Notification, PluginHost, Role, Sensor, ServiceCall, Severity

from .chats import Chats
from .commands import Commands
from .letters import NS
from .line import Line
from .listener import Listener
from .outbox import LONGEST_TEXT, LONGEST_TITLE, NOBODY, Outbox, Parcel, draft_of, parcel_of
from .pairing import Pairing
from .section import ROLES, SEVERITIES, Chat, TelegramSection, chat_id, one_of
from .sender import Sender
from .words import Words

TOPIC = "{root}/telegram/send"
SEND = vol.Schema(
    {
        vol.Required("text"): vol.All(
            str,
            vol.Length(min=1, max=LONGEST_TEXT, msg=f"write 1 to {LONGEST_TEXT} characters"),
        ),
        vol.Optional("title", default=""): vol.All(str, vol.Length(max=LONGEST_TITLE, msg="a title has at most 120 characters")),
        vol.Optional("severity", default=Severity.INFO.value): one_of(SEVERITIES),
        vol.Optional("chat", description=N_("The number of one chat; empty sends it to all.")): vol.Any(
            vol.All(int, chat_id), None
        ),
    }
)
PAIR = vol.Schema({vol.Optional("role", default="operator"): one_of(ROLES)})
UNPAIR = vol.Schema({vol.Required("chat"): vol.All(int, chat_id)})


class Send(msgspec.Struct, frozen=True):
    """What `{root}/telegram/send` takes: a text for all chats, or for one."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    title: Annotated[str, msgspec.Meta(max_length=LONGEST_TITLE)] = ""
    severity: Severity = Severity.INFO
    chat: int | None = None


class Messenger:
    """One run of the plugin.

    Args:
        host: the doors.
        section: what the configuration says.
    """

    def __init__(self, host: PluginHost, section: TelegramSection) -> None:
        self.host = host
        self._section = section
        self._words = Words(section.language)
        self._counts: Mapping[int, int] = {}  # chat -> messages that wait
        run = secrets.token_hex(8)
        self._line = Line(host, section)
        self._outbox = Outbox(host, run, self._on_change)
        self._chats = Chats(host, section)
        self._pairing = Pairing(host.clock)
        self._sender = Sender(host, section, self._line, self._outbox, self._chats, run)
        self._commands = Commands(host, self._chats, self._pairing, self._words, self._on_paired)
        self._waiting = host.entities.add(
            Sensor("telegram_waiting", name=N_("Messages waiting for Telegram"), icon="send", state_class="measurement")
        )

    def start(self) -> None:
        """Take messages, and with a token send and hear."""
        self.host.mqtt.subscribe(TOPIC, self._on_message, payload=Send, qos=1)
        self.host.spawn(self._load())
        self._sender.start()
        if self._section.token is not None:
            self.host.spawn(Listener(self.host, self._line, self._chats, self._commands).run())
            self.host.spawn(self._line.hold())

    async def deliver(self, notification: Notification) -> bool:
        """Keep notices for every chat that wants them; they are on disk when this answers."""
        await self._chats.loaded()
        now_ns = self.host.clock.monotonic_ns()
        await self._keep([parcel_of(notice, self._readers(notice.severity), now_ns) for notice in notification.notices])
        return True

    async def send(self, call: ServiceCall) -> Mapping[str, Any]:
        """Carry out `telegram.send`: keep a text for all chats or for one.

        Raises:
            InvalidData: the chat is not paired.
        """
        data = call.data
        wanted = Send(data["text"], data["title"], Severity(data["severity"]), data.get("chat"))
        await self._send(wanted, call.caller.cause.who)
        return {"waiting": sum(self._counts.values())}

    async def pair(self, call: ServiceCall) -> Mapping[str, Any]:
        """Carry out `telegram.pair`: give a code that lets one chat in; raises `Refused` while pairing is locked."""
        code = self._pairing.open(Role.parse(call.data["role"]))
        _ = self._words
        said = _("Send this to the bot within ten minutes: %(command)s", command=f"/pair {code}")
        return {"code": code, "message": said}

    async def unpair(self, call: ServiceCall) -> Mapping[str, Any]:
        """Carry out `telegram.unpair`: let a chat go, with what waits for it; raises `UnknownName` or `Refused`."""
        chat = await self._chats.remove(call.data["chat"])
        await self._outbox.forget(chat.id)
        return {"chat": chat.id}

    def context(self) -> Mapping[str, Any]:
        """Give what the page shows."""
        waiting = self._counts
        chats = [
            {"chat": one, "waiting": waiting.get(one.id, 0), "has_blocked": self._chats.has_blocked(one.id)}
            for one in self._chats
        ]
        return {
            "has_token": self._section.token is not None,
            "is_up": self._line.is_up,
            "problem": self._line.problem,
            "bot": self._commands.bot if self._line.is_up else None,
            "chats": chats,
            "waiting": sum(waiting.values()),
            "is_quiet": self._sender.is_quiet(),
            "hours": self._section.quiet_hours,
        }

    def facts(self) -> Mapping[str, Any]:
        """Give what helps to find a fault: no token, no texts, and no numbers of chats."""
        waiting = self._counts
        return {
            "has_token": self._section.token is not None,
            "is_connected": self._line.is_up,
            "problem": self._line.problem,
            "chats": len(self._chats),
            "chats_that_blocked": sum(self._chats.has_blocked(one.id) for one in self._chats),
            "waiting": sum(waiting.values()),
            "waiting_for_nobody": waiting.get(NOBODY, 0),
            "sent": self._sender.sent,
            "is_quiet": self._sender.is_quiet(),
            "is_pairing_open": self._pairing.is_open,
        }

    async def _load(self) -> None:
        await self._chats.load()
        await self._outbox.adopt({one.id: self._chats.minimum(one) for one in self._chats})

    async def _on_message(self, message: Message, wanted: Send) -> None:
        try:
            await self._send(wanted, message.topic)
        except InvalidData as error:
            self.host.mqtt.reject(message, None, error.field, error.message)

    async def _send(self, wanted: Send, who: str) -> None:
        await self._chats.loaded()
        if wanted.chat is not None and self._chats.find(wanted.chat) is None:
            raise InvalidData("this chat is not paired; leave it out to send to all", field="chat")
        chats = (wanted.chat,) if wanted.chat is not None else self._readers(None)
        wall_ns, _quality = self.host.clock.wall_ns()
        at = None if wall_ns is None else datetime.fromtimestamp(wall_ns / NS, UTC).isoformat(timespec="seconds")
        draft = draft_of(wanted.text, wanted.title, wanted.severity, who, at=at, at_ns=self.host.clock.monotonic_ns())
        await self._keep([Parcel(draft, chats)])

    def _readers(self, severity: Severity | None) -> tuple[int, ...]:
        """Give the chats that want something of a severity, all for None; `NOBODY` while none is paired."""
        if not len(self._chats):
            return (NOBODY,)
        return tuple(
            one.id for one in self._chats.reached() if severity is None or severity.rank >= self._chats.minimum(one).rank
        )

    async def _keep(self, parcels: list[Parcel]) -> None:
        await self._outbox.put(parcels)
        self._sender.wake()

    def _on_change(self, waiting: Mapping[int, int]) -> None:
        self._counts = dict(waiting)
        self._waiting.set(sum(waiting.values()))

    async def _on_paired(self, chat: Chat) -> None:
        await self._outbox.adopt({chat.id: self._chats.minimum(chat)})
        self._sender.wake()

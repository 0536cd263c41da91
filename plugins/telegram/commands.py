"""What chats say to the bot, and what it answers. Strangers hear nothing, except while pairing is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from autocore.api import AutocoreError, Caller, Cause, PluginHost, Role, readable

from .api import Api, Fault, Other, Pressed, Said
from .chats import Chats
from .letters import NS, escaped
from .pairing import Pairing
from .reports import Reports
from .section import Chat
from .sights import Sights
from .switching import NO, YES, Question, Reply, Switching
from .words import Words

TOO_OLD_S = 30.0  # security.md: what is older never acts
TRUSTED = ("ntp", "gps")
MOST_STRANGERS = 100

OnPaired = Callable[[Chat], Awaitable[None]]


class Commands:
    """Answers.

    Args:
        host: the doors.
        chats: who is answered.
        pairing: who may be let in.
        words: the language.
        on_paired: is told of a chat that was let in.
    """

    def __init__(self, host: PluginHost, chats: Chats, pairing: Pairing, words: Words, on_paired: OnPaired) -> None:
        self._host = host
        self._chats = chats
        self._pairing = pairing
        self._words = words
        self._on_paired = on_paired
        sights = Sights(host)
        self._reports = Reports(host, sights, words)
        self._switching = Switching(host, sights, words)
        self._strangers: set[int] = set()
        self.bot = ""
        """The bot's own name, once it is known."""

    async def take(self, api: Api, heard: Said | Pressed | Other, *, is_backlog: bool) -> None:
        """Answer one update.

        Args:
            api: to answer.
            heard: what was said.
            is_backlog: it was said before this connection was there.
        """
        if isinstance(heard, Other):
            return
        chat = self._chats.find(heard.chat)
        if chat is None:
            if isinstance(heard, Said):
                await self._take_stranger(api, heard)
            return
        await self._chats.unblock(chat.id)
        if isinstance(heard, Pressed):
            await self._take_press(api, heard, chat, is_backlog=is_backlog)
        else:
            reply = await self._answer(heard, chat, is_backlog=is_backlog)
            if reply is not None:
                await api.send(chat.id, reply.html, reply.buttons)

    async def _take_stranger(self, api: Api, said: Said) -> None:
        _ = self._words
        word, rest = _split(said.text)
        if self._pairing.is_open and word == "/pair":
            await api.send(said.chat, (await self._pair(said, rest)).html)
        elif self._pairing.is_open and word == "/start":
            await api.send(said.chat, _("This is the bot of a vehicle. Send /pair and the code that its page shows."))
        elif said.chat not in self._strangers and len(self._strangers) < MOST_STRANGERS:
            self._strangers.add(said.chat)
            self._host.log.info("the chat %d is not paired and gets no answer", said.chat)
            if len(self._strangers) == MOST_STRANGERS:
                self._host.log.warning("%d strangers wrote to the bot; no more of them are logged", MOST_STRANGERS)

    async def _answer(self, said: Said, chat: Chat, *, is_backlog: bool) -> Reply | None:
        _ = self._words
        word, rest = _split(said.text)
        reply = None  # people may talk in a group
        match word:
            case "/on" | "/off":
                reply = self._switch(said, chat, rest, is_on=word == "/on", is_backlog=is_backlog)
            case "/stop":
                reply = await self._stop(said, chat, is_backlog=is_backlog)
            case "/start" | "/help":
                reply = self._help(chat)
            case "/status":
                reply = Reply(self._reports.status(self._host.vehicle))
            case "/devices":
                reply = Reply(self._reports.devices())
            case "/pair":
                reply = await self._pair(said, rest) if self._pairing.is_open else Reply(_("This chat is paired."))
            case _ if word.startswith("/"):
                reply = Reply(_("There is no such command; /help lists them."))
        return reply

    def _help(self, chat: Chat) -> Reply:
        _ = self._words
        lines = [_("/status: how the vehicle is"), _("/devices: the boards and whether they are there")]
        if chat.role >= Role.OPERATOR:
            lines += [_("/on NAME, /off NAME: turn a switch on or off, after a question")]
        lines += [_("/stop: stop everything at once; only a person at the vehicle's web resets that")]
        lines += [_("Warnings and alarms arrive here by themselves.")]
        return Reply("\n".join(escaped(line) for line in lines))

    def _switch(self, said: Said, chat: Chat, name: str, *, is_on: bool, is_backlog: bool) -> Reply:
        _ = self._words
        if chat.role < Role.OPERATOR:
            return Reply(_("You may look, but not switch; an administrator can change that."))
        if self._is_old(said, is_backlog=is_backlog):
            return Reply(_("This came too old; send it again if you still want it."))
        return self._switching.ask(chat, said.user, name, is_on=is_on)

    async def _stop(self, said: Said, chat: Chat, *, is_backlog: bool) -> Reply:
        """Stop everything, whoever says so and without a question; but not minutes later, when nobody expects it any more."""
        _ = self._words
        if self._is_old(said, is_backlog=is_backlog):
            return Reply(_("This came too old; send it again if you still want it."))
        try:
            await self._host.services.call("gateway.stop_all", {}, Caller(Cause("telegram", chat.name), chat.role))
        except AutocoreError as error:
            return Reply(f"❗ {escaped(str(error))}")
        return Reply(_("Everything was told to stop. A person at the vehicle's web resets that."))

    def _is_old(self, said: Said, *, is_backlog: bool) -> bool:
        wall_ns, quality = self._host.clock.wall_ns()
        if wall_ns is None or quality not in TRUSTED:
            return is_backlog  # without a clock, all that is known is that it was said before we were there
        return wall_ns / NS - said.at_s > TOO_OLD_S

    async def _take_press(self, api: Api, pressed: Pressed, chat: Chat, *, is_backlog: bool) -> None:
        _ = self._words
        await api.answer(pressed.query)
        token, _colon, choice = pressed.data.partition(":")
        question = self._switching.take(token, pressed.chat, pressed.user)
        if question is None or is_backlog:
            await api.edit(pressed.chat, pressed.message, _("This came too late; nothing was done. Send it again."))
        elif choice == NO:
            await api.edit(pressed.chat, pressed.message, _("Nothing was done."))
        elif question.is_choice and choice.isdecimal() and int(choice) < len(question.entities):
            reply = self._switching.chosen(question, int(choice))
            await api.edit(pressed.chat, pressed.message, reply.html, reply.buttons)
        elif choice == YES:
            # In the background: the board may take seconds, and other chats wait for nothing.
            self._host.spawn(self._act(api, pressed, question, chat))

    async def _act(self, api: Api, pressed: Pressed, question: Question, chat: Chat) -> None:
        text = await self._switching.act(question, chat)
        try:
            await api.edit(pressed.chat, pressed.message, text)
        except Fault as fault:
            self._host.log.warning("what became of a command could not be told to the chat %s: %s", chat.name, fault)

    async def _pair(self, said: Said, code: str) -> Reply:
        _ = self._words
        role = self._pairing.enter(code)
        if role is None:
            self._host.log.warning("the chat %d sent a wrong pairing code", said.chat)
            if self._pairing.is_locked:
                return Reply(_("That is not the code. Pairing is locked for ten minutes."))
            return Reply(_("That is not the code."))
        chat = Chat(said.chat, readable(said.chat_name, 60), role)
        try:
            await self._chats.add(chat)
        except AutocoreError as error:
            return Reply(escaped(str(error)))
        await self._on_paired(chat)
        self._host.log.info("the chat %d was paired as %s", chat.id, role.name.lower())
        return Reply(_("This chat is paired. /help says what you can do."))


def _split(text: str) -> tuple[str, str]:
    """Give the command of a text, without the bot's name that groups put behind it, and what follows."""
    word, _space, rest = text.strip().partition(" ")
    return word.partition("@")[0].lower(), rest.strip()

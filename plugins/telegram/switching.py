"""Turning something on or off from a chat: the switch is found by its name, and nothing moves before a Yes that comes in time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from autocore.api import AutocoreError, Caller, Cause, Entity, NoAnswer, PluginHost

from .api import Button
from .letters import NS, escaped
from .section import Chat
from .sights import Sights, meant, name_of
from .words import Words

VALID_S = 60.0
MOST_OPEN = 50
MOST_OFFERED = 6
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the bot says, as HTML, and the buttons under it."""

    html: str
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question with buttons that somebody was asked: one entity to confirm, or several to choose from."""

    chat: int
    user: int
    is_on: bool
    entities: tuple[str, ...]
    until_ns: int
    is_choice: bool


class Switching:
    """Asks, and acts on the answer, each question once and for a minute.

    Args:
        host: calls the service.
        sights: knows the switches.
        words: the language.
    """

    def __init__(self, host: PluginHost, sights: Sights, words: Words) -> None:
        self._host = host
        self._sights = sights
        self._words = words
        self._open: dict[str, Question] = {}

    def ask(self, chat: Chat, user: int, name: str, *, is_on: bool) -> Reply:
        """Answer a command: ask for confirmation, or which switch is meant."""
        _ = self._words
        switches = self._sights.switches()
        if not switches:
            return Reply(_("There is nothing to switch yet."))
        found = meant(name, switches) if name else switches
        if not found:
            return Reply(_("There is no switch %(name)s; send the command without a name to choose one.", name=escaped(name)))
        if len(found) == 1 and name:
            return self._confirm(chat.id, user, found[0], is_on=is_on)
        return self._choose(chat.id, user, found, is_on=is_on)

    def take(self, token: str, chat: int, user: int) -> Question | None:
        """Give a question that is open for whoever presses, and close it; None when it is too late or another's."""
        self._expire()
        question = self._open.get(token)
        if question is None or (question.chat, question.user) != (chat, user):
            return None
        return self._open.pop(token)

    def chosen(self, question: Question, number: int) -> Reply:
        """Ask for confirmation of the switch that was chosen."""
        _ = self._words
        entity = self._host.states.find(question.entities[number])
        if entity is None:
            return Reply(_("This switch is gone."))
        return self._confirm(question.chat, question.user, entity, is_on=question.is_on)

    async def act(self, question: Question, chat: Chat) -> str:
        """Turn it on or off in the name of `chat`, and say as HTML what the board reported or why nothing was done."""
        _ = self._words
        entity_id = question.entities[0]
        entity = self._host.states.find(entity_id)
        name = escaped(name_of(entity) if entity is not None else entity_id)
        caller = Caller(Cause("telegram", chat.name), chat.role)
        verb = "turn_on" if question.is_on else "turn_off"
        try:
            await self._host.services.call(f"switch.{verb}", {"entity": entity_id, "confirm": True}, caller)  # they were asked
        except NoAnswer as error:
            said = _("%(name)s: the board did not answer; whether it acted is not known.", name=name)
            return f"❗ {said}\n{escaped(str(error))}"
        except AutocoreError as error:
            said = _("%(name)s: nothing was done.", name=name)
            return f"❗ {said}\n{escaped(str(error))}"
        return self._outcome(entity, name, is_on=question.is_on)

    def _outcome(self, entity: Entity | None, name: str, *, is_on: bool) -> str:
        _ = self._words
        if entity is None or not entity.state.available or entity.state.value is not is_on:
            return "⚠️ " + _("%(name)s: it was asked, and the board has not reported it yet.", name=name)
        if is_on:
            return "✅ " + _("%(name)s: the board reports on.", name=name)
        return "✅ " + _("%(name)s: the board reports off.", name=name)

    def _confirm(self, chat: int, user: int, entity: Entity, *, is_on: bool) -> Reply:
        _ = self._words
        token = self._keep(chat, user, [entity], is_on=is_on, is_choice=False)
        name = escaped(name_of(entity))
        text = _("Turn on %(name)s?", name=name) if is_on else _("Turn off %(name)s?", name=name)
        return Reply(text, ((_("Yes"), f"{token}:{YES}"), (_("No"), f"{token}:{NO}")))

    def _choose(self, chat: int, user: int, found: Sequence[Entity], *, is_on: bool) -> Reply:
        _ = self._words
        offered = list(found[:MOST_OFFERED])
        token = self._keep(chat, user, offered, is_on=is_on, is_choice=True)
        names = [name_of(one) for one in offered]
        # Two of the same name are told apart by their ids.
        labels = [f"{name} ({one.id})" if names.count(name) > 1 else name for name, one in zip(names, offered, strict=True)]
        buttons = tuple((label, f"{token}:{number}") for number, label in enumerate(labels))
        return Reply(_("Which one?"), (*buttons, (_("None of these"), f"{token}:{NO}")))

    def _keep(self, chat: int, user: int, entities: Sequence[Entity], *, is_on: bool, is_choice: bool) -> str:
        self._expire()
        while len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        token = secrets.token_hex(8)
        until_ns = self._host.clock.monotonic_ns() + round(VALID_S * NS)
        self._open[token] = Question(chat, user, is_on, tuple(one.id for one in entities), until_ns, is_choice)
        return token

    def _expire(self) -> None:
        now_ns = self._host.clock.monotonic_ns()
        self._open = {token: one for token, one in self._open.items() if now_ns < one.until_ns}

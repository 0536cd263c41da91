"""The types of events: each with its class, its sentence and its fields. Pure: a type and its data in, class and words out.

What a plugin tells is information, unless its data say otherwise: `class` names another class, `text` is its sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autocore.audit.masking import MASKED, masked
from autocore.core.names import N_

VALUE_CHARS = 200
SENTENCE_CHARS = 400  # a line of the log, and of the page
FIELDS_SHOWN = 8


class EventClass(StrEnum):
    """How much an event matters, and how long it is kept."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    SECURITY = "security"


@dataclass(frozen=True, slots=True)
class EventType:
    """One type.

    Args:
        name: e.g. `device.online`.
        kind: its class.
        sentence: what happened, with `%(field)s` for fields of its data.
        turns: the classes of some values of one field, as `{field: {value: class}}`.
        is_kept: whether the event log keeps it: what every start or every command makes stands elsewhere.
        is_said: whether the place where it happens writes the line of the log itself, with more than the sentence.
    """

    name: str
    kind: EventClass
    sentence: str
    turns: Mapping[str, Mapping[str, EventClass]] = field(default_factory=dict)
    is_kept: bool = True
    is_said: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that its sentence names."""
        return tuple(_FIELD.findall(self.sentence))


_FIELD = re.compile(r"%\((\w+)\)s")
_INFO, _WARNING, _ERROR, _SECURITY = EventClass

TYPES: Mapping[str, EventType] = {
    one.name: one
    for one in (
        EventType("entity.added", _INFO, N_("%(plugin)s added %(entity)s"), is_kept=False),
        EventType("entity.released", _INFO, N_("%(entity)s has no plugin any more"), is_kept=False),
        EventType("entity.removed", _INFO, N_("%(entity)s is gone"), is_kept=False),
        EventType("entity.changed", _INFO, N_("%(entity)s was changed: %(changed)s")),
        EventType(
            "entity.limit",
            _INFO,
            N_("%(entity)s is %(value)s: level %(level)s"),
            {"level": {"warn": _WARNING, "critical": _ERROR}},
        ),
        EventType("device.found", _INFO, N_("the device %(device)s spoke for the first time")),
        EventType("device.online", _INFO, N_("the device %(device)s is online")),
        EventType("device.offline", _WARNING, N_("the device %(device)s is offline")),
        EventType("device.error", _ERROR, N_("the device %(device)s is in trouble")),
        EventType("device.unknown", _INFO, N_("nobody knows whether the device %(device)s is there")),
        EventType("device.changed", _INFO, N_("the device %(device)s was changed")),
        EventType("device.reported", _ERROR, N_("the device %(device)s reports: %(message)s (%(code)s)")),
        EventType("device.config_asked", _INFO, N_("the device %(device)s is to be told its configuration anew"), is_kept=False),
        EventType("device.config_applied", _INFO, N_("the device %(device)s works by version %(version)s of its configuration")),
        EventType("device.config_refused", _WARNING, N_("the device %(device)s does not take version %(version)s: %(problem)s")),
        EventType("device.forgotten", _SECURITY, N_("the device %(device)s was forgotten")),
        EventType("device.credentials", _SECURITY, N_("the device %(device)s has new credentials")),
        EventType("device.replaced", _SECURITY, N_("another board (%(mac)s) has taken the place of %(device)s")),
        EventType("device.joining", _SECURITY, N_("join mode was opened or closed")),
        EventType(
            "device.joining_refused",
            _SECURITY,
            N_("a second board (%(type)s, %(mac)s) asked with the same joining code; join mode was closed"),
            is_said=True,
        ),
        EventType("device.ack", _INFO, N_("the device %(device)s answered %(id)s: %(status)s"), is_kept=False),
        EventType("device.flooding", _WARNING, N_("the device %(device)s sends too much on %(topic)s; the rest is left out")),
        EventType("device.slowed", _WARNING, N_("the broker takes nothing of %(device)s on %(topic)s for %(seconds)s s")),
        EventType(
            "device.calm", _INFO, N_("the device %(device)s floods no more: %(dropped)s messages left out in %(seconds)s s")
        ),
        EventType("mqtt.flooding", _WARNING, N_("too much comes on %(topic)s; the rest is left out")),
        EventType("mqtt.slowed", _WARNING, N_("the broker takes nothing on %(topic)s for %(seconds)s s")),
        EventType("mqtt.calm", _INFO, N_("no more flood on %(topic)s: %(dropped)s messages left out in %(seconds)s s")),
        EventType("stop_all.stopped", _ERROR, N_("%(who)s stopped everything")),
        EventType("stop_all.reset", _WARNING, N_("%(who)s reset the stop: things can be turned on again")),
        EventType("mqtt.retained_command", _WARNING, N_("a retained command stood on %(topic)s and was deleted"), is_said=True),
        EventType(
            "notification.sent",
            _INFO,
            N_("people were told: %(text)s"),
            {"severity": {"warning": _WARNING, "error": _ERROR, "critical": _ERROR}},
        ),
        EventType("plugin.running", _INFO, N_("the plugin %(plugin)s runs")),
        EventType("plugin.stopped", _INFO, N_("the plugin %(plugin)s stopped")),
        EventType("plugin.failed", _ERROR, N_("the plugin %(plugin)s could not start: %(reason)s"), is_said=True),
        EventType("plugin.quarantined", _ERROR, N_("the plugin %(plugin)s was taken out: %(reason)s")),
        EventType("plugin.errors", _ERROR, N_("the plugin %(plugin)s raised %(errors)s errors; the log has them")),
        EventType("gateway.started", _INFO, N_("the gateway started (version %(version)s, start %(boot)s)")),
        EventType("gateway.going_down", _WARNING, N_("the gateway gets ready to lose its power")),
        EventType("gateway.came_back", _INFO, N_("the power stays; the gateway goes on")),
        EventType("gateway.stopping", _INFO, N_("the gateway stops")),
        EventType("broker.lost", _WARNING, N_("the broker is away: %(reason)s")),
        EventType("broker.back", _INFO, N_("the broker is connected")),
        EventType("clock.set", _INFO, N_("the clock is right now (%(quality)s)")),
        EventType("clock.corrected", _INFO, N_("the clock was %(by_s)s s off and is right now (%(quality)s)")),
        EventType("clock.implausible", _WARNING, N_("the clock says %(at)s, which cannot be; it counts as not set")),
        EventType("config.reloaded", _INFO, N_("the configuration was read again; started anew: %(changed)s")),
        EventType("config.refused", _ERROR, N_("the configuration was not taken over: %(reason)s")),
        EventType("config.written", _SECURITY, N_("the section %(section)s was written in the web")),
        EventType("config.removed", _SECURITY, N_("the section %(section)s was taken out in the web")),
        EventType("service.called", _INFO, N_("%(service)s %(entity)s: done")),
        EventType("service.refused", _WARNING, N_("%(service)s %(entity)s: refused, %(detail)s")),
        EventType("service.failed", _ERROR, N_("%(service)s %(entity)s: failed, %(detail)s")),
        EventType("service.denied", _SECURITY, N_("%(service)s %(entity)s: denied, %(detail)s")),
        EventType("auth.set_up", _SECURITY, N_("the first administrator %(user)s was made")),
        EventType("auth.logged_in", _SECURITY, N_("%(user)s logged in from %(address)s")),
        EventType("auth.failed", _SECURITY, N_("somebody at %(address)s could not log in as %(user)s")),
        EventType("auth.slowed", _SECURITY, N_("%(address)s tried too often and must wait")),
        EventType("auth.pin_failed", _SECURITY, N_("a wrong PIN was given for %(user)s from %(address)s")),
        EventType("session.ended", _SECURITY, N_("a session of %(user)s was ended")),
        EventType("user.added", _SECURITY, N_("the user %(user)s was made (%(role)s)")),
        EventType("user.changed", _SECURITY, N_("the user %(user)s is %(role)s now")),
        EventType("user.password", _SECURITY, N_("the user %(user)s has another password")),
        EventType("user.pin", _SECURITY, N_("the PIN of %(user)s was set or taken away")),
        EventType("user.removed", _SECURITY, N_("the user %(user)s was removed")),
        EventType("token.added", _SECURITY, N_("the API token %(name)s of %(user)s was made")),
        EventType("token.removed", _SECURITY, N_("the API token %(name)s of %(user)s was revoked")),
        EventType("tls.renewed", _SECURITY, N_("the certificate of the ports was renewed and holds until %(until)s")),
        EventType("storage.failing", _ERROR, N_("%(file)s cannot be written: %(reason)s")),
        EventType("storage.recovered", _INFO, N_("%(file)s is written again")),
        EventType("storage.damaged", _ERROR, N_("%(file)s is damaged and was set aside: %(reason)s")),
        EventType("storage.restored", _WARNING, N_("%(file)s was taken from %(source)s")),
        EventType("storage.salvaged", _WARNING, N_("of the damaged %(file)s %(kept)s rows were saved, %(lost)s are lost")),
        EventType("audit.gap", _SECURITY, N_("the audit has a gap (%(reason)s); rows that are missing: %(lost)s")),
        EventType("backup.made", _INFO, N_("the backup %(file)s was made")),
        EventType("backup.failed", _ERROR, N_("no backup was made: %(reason)s")),
        EventType("backup.removed", _INFO, N_("the backup %(file)s was removed")),
        EventType("backup.downloaded", _SECURITY, N_("the backup %(file)s was downloaded")),
        EventType("backup.uploaded", _SECURITY, N_("the backup %(file)s was uploaded")),
        EventType("backup.restored", _SECURITY, N_("the backup %(file)s was put back; what stood there before is in %(aside)s")),
    )
}
"""Every event of the gateway itself, by its name."""

LEFT_OUT = frozenset(one.name for one in TYPES.values() if not one.is_kept)
"""Events that every start or every command makes: the registry, the history and the audit have them."""

SECRETS = MASKED - {"code"}  # an event's code is the code of an error


def class_of(event_type: str, data: Mapping[str, Any]) -> EventClass:
    """Give the class of an event."""
    known = TYPES.get(event_type)
    if known is None:
        said = data.get("class")
        return EventClass(said) if isinstance(said, str) and said in frozenset(EventClass) else EventClass.INFO
    for name, classes in known.turns.items():
        return classes.get(str(data.get(name)), known.kind)
    return known.kind


def words_of(event_type: str, data: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
    """Give the sentence of an event, to be translated, and the words that belong into it: printable, short, without secrets."""
    known = TYPES.get(event_type)
    if known is not None:
        return known.sentence, {name: word(data.get(name), name) for name in known.fields}
    if isinstance(data.get("text"), str):
        return "%(text)s", {"text": word(data["text"], "text")}
    shown = ", ".join(f"{name} {word(value, str(name))}" for name, value in list(data.items())[:FIELDS_SHOWN] if name != "class")
    return "%(type)s: %(shown)s" if shown else "%(type)s", {"type": event_type, "shown": shown}


def sentence_of(event_type: str, data: Mapping[str, Any]) -> str:
    """Give the sentence of an event in English."""
    sentence, words = words_of(event_type, data)
    return _cut(" ".join((sentence % words).split()), SENTENCE_CHARS)


def word(value: Any, name: str = "") -> str:
    """Give a value for a sentence: one line, printable, bounded, and `***` when its name is a secret's."""
    if name.lower() in SECRETS:
        return "***"
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {word(one, str(key))}" for key, one in list(value.items())[:FIELDS_SHOWN])
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        text = ", ".join(word(one) for one in list(value)[:FIELDS_SHOWN])
    else:
        text = "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return _cut("".join(one if one.isprintable() else " " for one in text), VALUE_CHARS)


def without_secrets(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give `data` with every secret in it replaced by `***`."""
    return masked(data, SECRETS)


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"

"""The section `telegram` of the configuration, and what it says, typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from autocore.api import N_, Role, Severity, label

BASE_URL = "https://api.telegram.org"
ROLES = tuple(role.name.lower() for role in Role)
SEVERITIES = tuple(severity.value for severity in Severity)
LANGUAGES = ("en", "pt-BR")
DAY_MIN = 24 * 60
LONGEST_ID = 2**52  # Telegram: ids of chats have at most 52 significant bits
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Chat:
    """One chat that is answered.

    Args:
        id: Telegram's number of it; negative for groups.
        name: what people call it.
        role: what it may do.
        minimum: notices below it are not sent to this chat; None leaves it to the section.
        is_written: it stands in the configuration, so that only the configuration changes it.
    """

    id: int
    name: str
    role: Role
    minimum: Severity | None = None
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When only what is critical is sent at once: minutes of the local day, from `start_min` until before `end_min`."""

    start_min: int
    end_min: int

    def __contains__(self, minute: int) -> bool:
        """Say whether a minute of the day (0 to 1439) is quiet; hours may go past midnight."""
        if self.start_min < self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


@dataclass(frozen=True, slots=True)
class TelegramSection:
    """The whole section; `token` is a secret and None while the plugin is not paired with a bot."""

    token: str | None
    chats: tuple[Chat, ...]
    minimum: Severity
    quiet_hours: QuietHours | None
    base_url: str
    language: str


def chat_id(value: Any) -> int:
    """Give the id of a chat (voluptuous)."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < abs(value) < LONGEST_ID:
        return value
    raise vol.Invalid("write the number of a chat, e.g. 123456789; groups have a negative one")


def one_of(words: tuple[str, ...]) -> vol.In:
    """Give a validator that takes one of `words`."""
    return vol.In(words, msg=f"write one of {', '.join(words)}")


def _token(value: Any) -> str | None:
    # No message quotes what was written: it may be a token with a slip in it.
    if value is None:
        return None
    if isinstance(value, str) and _TOKEN.fullmatch(value.strip()):
        return value.strip()
    raise vol.Invalid("write the token as @BotFather gave it, best as !secret telegram_token")


def _clock(value: Any) -> int:
    """Give the minute of the day; YAML reads 22:00 without quotes as the number 1320, which is that minute."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < DAY_MIN:
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise vol.Invalid('write a time of the day, e.g. "22:00"')
    return int(found[1]) * 60 + int(found[2])


def _quiet(hours: Mapping[str, int]) -> Mapping[str, int]:
    if hours["from"] == hours["to"]:
        raise vol.Invalid("the quiet hours end when they begin; leave them out, or change one", path=["to"])
    return hours


def _address(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        return value.rstrip("/")
    raise vol.Invalid(f"write the address of a Bot API server, e.g. {BASE_URL}")


_CHAT = vol.Schema(
    {
        vol.Required("id", description="Telegram's number of the chat"): chat_id,
        vol.Optional("name", default="", description="what you call it"): vol.Any("", label),
        vol.Optional("role", default="operator", description="what it may do"): one_of(ROLES),
        vol.Optional("minimum", default=None, description="what matters less is not sent to it"): vol.Any(
            None, one_of(SEVERITIES)
        ),
    }
)


def _chat(value: Any) -> Any:
    return _CHAT(value if isinstance(value, Mapping) else {"id": chat_id(value)})


def _differ(section: Mapping[str, Any]) -> Mapping[str, Any]:
    seen: set[int] = set()
    for index, chat in enumerate(section["chats"]):
        if chat["id"] in seen:
            raise vol.Invalid("this chat stands here twice; take one out", path=["chats", index])
        seen.add(chat["id"])
    return section


def _written(section: Any) -> Any:
    """Take a section without content for its defaults."""
    return {} if section is None else section


SCHEMA = vol.Schema(
    vol.All(
        _written,
        {
            vol.Optional("token", default=None, description=N_("the bot's; without it what is sent waits")): _token,
            vol.Optional(
                "chats", default=list, description=N_("who is answered: numbers, or mappings with more; others pair on the page")
            ): [_chat],
            vol.Optional("minimum_severity", default=Severity.INFO.value, description=N_("what is less is not sent")): one_of(
                SEVERITIES
            ),
            vol.Optional("quiet_hours", default=None, description=N_("when only what is critical is sent at once")): vol.Any(
                None,
                vol.All(
                    {
                        vol.Required("from", description="when they begin, local time"): _clock,
                        vol.Required("to", description="when they end"): _clock,
                    },
                    _quiet,
                ),
            ),
            vol.Optional("base_url", default=BASE_URL, description=N_("another server of the Bot API")): _address,
            vol.Optional("language", default="en", description=N_("what the bot speaks")): one_of(LANGUAGES),
        },
        _differ,
    )
)


def section_of(section: Mapping[str, Any]) -> TelegramSection:
    """Give what a validated section says."""
    hours = section["quiet_hours"]
    return TelegramSection(
        section["token"],
        tuple(chat_of(one, is_written=True) for one in section["chats"]),
        Severity(section["minimum_severity"]),
        None if hours is None else QuietHours(hours["from"], hours["to"]),
        section["base_url"],
        section["language"],
    )


def chat_of(facts: Mapping[str, Any], *, is_written: bool) -> Chat:
    """Give the chat in a mapping with `id`, `name`, `role` and `minimum`."""
    minimum = facts.get("minimum")
    return Chat(
        facts["id"],
        facts["name"] or str(facts["id"]),
        Role.parse(facts["role"]),
        None if minimum is None else Severity(minimum),
        is_written,
    )

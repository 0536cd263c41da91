"""The section `telegram`: what it takes, and what it says of what it does not take."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
import yaml
from hypothesis import given
from hypothesis import strategies as st

import autocore_plugins.telegram
from autocore.api import Role, Severity
from autocore_plugins.telegram.section import DAY_MIN, SCHEMA, QuietHours, section_of


def test_nothing_written_means_the_defaults() -> None:
    section = section_of(SCHEMA(None))
    assert (section.token, section.chats, section.minimum, section.quiet_hours) == (None, (), Severity.INFO, None)
    assert section.base_url == "https://api.telegram.org"


def test_a_chat_is_a_number_or_says_more() -> None:
    section = section_of(SCHEMA({"chats": [1, {"id": -2, "name": "Crew", "role": "viewer", "minimum": "error"}]}))
    assert [(one.id, one.name, one.role, one.minimum) for one in section.chats] == [
        (1, "1", Role.OPERATOR, None),
        (-2, "Crew", Role.VIEWER, Severity.ERROR),
    ]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"token": "hunter2:slip"}, "as @BotFather gave it"),
        ({"token": 5}, "as @BotFather gave it"),
        ({"chats": ["@ana"]}, "the number of a chat"),
        ({"chats": [0]}, "the number of a chat"),
        ({"chats": [True]}, "the number of a chat"),
        ({"chats": [1, {"id": 1}]}, "twice"),
        ({"chats": [{"id": 1, "role": "king"}]}, "viewer, operator"),
        ({"minimum_severity": "loud"}, "info, warning"),
        ({"quiet_hours": {"from": "22:00", "to": "22:00"}}, "end when they begin"),
        ({"quiet_hours": {"from": "25:00", "to": "7:00"}}, "time of the day"),
        ({"quiet_hours": {"from": "22:00"}}, "required"),
        ({"base_url": "ftp://x"}, "Bot API server"),
        ({"base_url": "http://me:secret@x"}, "Bot API server"),
        ({"language": "de"}, "en, pt-BR"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_without_the_secret(section: dict[str, Any], words: str) -> None:
    with pytest.raises(vol.Invalid, match=words) as caught:
        SCHEMA(section)
    assert "hunter2" not in str(caught.value)


def test_an_unquoted_time_that_yaml_takes_for_a_number_is_that_time() -> None:
    hours = section_of(SCHEMA({"quiet_hours": {"from": 22 * 60, "to": "07:00"}})).quiet_hours
    assert hours == QuietHours(22 * 60, 7 * 60)


def test_the_readme_shows_a_section_that_holds() -> None:
    text = Path(autocore_plugins.telegram.__file__).with_name("README.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    section = section_of(SCHEMA(yaml.safe_load(block.replace("!secret telegram_token", "null"))["telegram"]))
    assert [one.name for one in section.chats] == ["123456789", "Crew"]


def test_the_library_is_not_imported_before_there_is_a_bot() -> None:
    words = "import sys, autocore_plugins.telegram; sys.exit('telegram' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


MINUTES = st.integers(0, DAY_MIN - 1)


@given(MINUTES, MINUTES, MINUTES)
def test_a_minute_is_quiet_when_it_lies_between_the_ends_also_across_midnight(start: int, end: int, minute: int) -> None:
    after_start, length = (minute - start) % DAY_MIN, (end - start) % DAY_MIN
    if start != end:
        assert (minute in QuietHours(start, end)) == (after_start < length)

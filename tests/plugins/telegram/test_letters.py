"""How what waited becomes few messages: nothing lost, nothing doubled, in order, and none longer than Telegram takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.api import Severity
from autocore_plugins.telegram.letters import LONGEST, Now, compose, told_time, width
from autocore_plugins.telegram.outbox import LONGEST_TEXT, Draft, Letter, cut, draft_of
from autocore_plugins.telegram.words import Words
from tests.plugins.telegram.bot_api import seen

NS = 1_000_000_000
NOW = Now(1_767_225_600 * NS, 5_000 * NS, "run")
TEXTS = st.one_of(st.text(max_size=300), st.sampled_from(["&" * 3_600, "😀" * 3_000, "</b><script>", "\ud800", "\0", " "]))
DRAFTS = st.builds(
    draft_of,
    TEXTS,
    TEXTS,
    st.sampled_from(Severity),
    st.text(max_size=20),
    at=st.sampled_from([None, "2026-01-01T00:00:00Z", "2025-06-01T12:00:00Z"]),
    at_ns=st.sampled_from([None, 0, 4_000 * NS]),
    count=st.integers(1, 99),
)


@given(st.lists(DRAFTS, max_size=30), st.integers(0, 2_000), st.sampled_from(["en", "pt-BR"]), st.booleans())
def test_every_message_is_in_exactly_one_that_is_sent_and_in_order(
    drafts: list[Draft], lost: int, language: str, is_split: bool
) -> None:
    letters = [Letter(number, draft, "run") for number, draft in enumerate(drafts)]
    sheets = compose(letters, lost, NOW, Words(language), is_split=is_split)
    assert [number for sheet in sheets for number in sheet.letters] == list(range(len(drafts)))
    assert all(width(seen(sheet.html)) <= LONGEST for sheet in sheets)
    assert sum(sheet.told_lost for sheet in sheets) == (lost if drafts else 0)


@given(st.text(max_size=200), st.integers(1, 100))
def test_a_cut_text_fits_and_is_the_beginning(text: str, most: int) -> None:
    shown = cut(text, most)
    assert width(shown) <= most
    assert shown == text.replace("\0", "").strip() or shown.removesuffix("…").rstrip() == shown.removesuffix("…")


def test_three_come_alone_and_four_together() -> None:
    letters = [Letter(number, draft_of("x", "", Severity.INFO, "s", at=None, at_ns=0), "run") for number in range(4)]
    assert [len(sheet.letters) for sheet in compose(letters[:3], 0, NOW, Words("en"))] == [1, 1, 1]
    assert [len(sheet.letters) for sheet in compose(letters, 0, NOW, Words("en"))] == [4]


@pytest.mark.parametrize(
    ("at", "at_ns", "run", "words"),
    [
        (None, None, "run", "time unknown"),
        (None, 4_000 * NS, "earlier", "time unknown"),
        (None, 4_000 * NS, "run", "16 min ago"),
        (None, 1, "run", "1 h 23 min ago"),
    ],
    ids=["nothing is known", "it was said before a restart", "its age is known", "hours ago"],
)
def test_without_a_clock_the_age_is_said(at: str | None, at_ns: int | None, run: str, words: str) -> None:
    letter = Letter(1, draft_of("x", "", Severity.INFO, "s", at=at, at_ns=at_ns), run)
    assert told_time(letter, Now(None, 5_000 * NS, "run"), Words("en")) == words


def test_an_age_becomes_a_time_once_there_is_a_clock() -> None:
    letter = Letter(1, draft_of("x", "", Severity.INFO, "s", at=None, at_ns=4_400 * NS), "run")
    known = Letter(2, draft_of("x", "", Severity.INFO, "s", at="2025-12-31T23:50:00Z", at_ns=None), "earlier")
    assert told_time(letter, NOW, Words("en")) == told_time(known, NOW, Words("en"))


@pytest.mark.parametrize(("language", "shown"), [("en", "2025-06-0"), ("pt-BR", "/06/2025 ")])
def test_another_day_is_said_with_its_date(language: str, shown: str) -> None:
    letter = Letter(1, draft_of("x", "", Severity.INFO, "s", at="2025-06-02T12:00:00Z", at_ns=None), "run")
    assert shown in told_time(letter, NOW, Words(language))


def test_the_longest_text_fits() -> None:
    letters = [Letter(1, draft_of("&" * 5_000, "t" * 500, Severity.CRITICAL, "s", at=None, at_ns=None, count=9), "x")]
    assert seen(compose(letters, 9, NOW, Words("pt-BR"))[0].html).count("&") == LONGEST_TEXT - 1

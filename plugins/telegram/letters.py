"""How waiting messages become what people read: one message each, or all that waited in as few as fit. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .outbox import Letter
from .words import SIGNS, Words

NS = 1_000_000_000
LONGEST = 4_096  # UTF-16 units of the text that is seen: Telegram's limit
SINGLE_AT_MOST = 3  # more waiting than these are an absence
LATE_S = 60.0  # a message that comes later than this says when it was


@dataclass(frozen=True, slots=True)
class Now:
    """The present moment; `wall_ns` is None while the gateway's clock was never set."""

    wall_ns: int | None
    monotonic_ns: int
    run: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One message as it is sent: HTML, the numbers of the messages it carries, and how many losses it tells of."""

    html: str
    letters: tuple[int, ...]
    told_lost: int = 0


def compose(letters: Sequence[Letter], lost: int, now: Now, words: Words, *, is_split: bool = False) -> list[Sheet]:
    """Give the messages to send, in order.

    Args:
        letters: what waits for one chat, oldest first.
        lost: how many were dropped before these.
        now: when it is sent.
        words: the language.
        is_split: each as its own message, however many wait.
    """
    if is_split or len(letters) <= SINGLE_AT_MOST:
        sheets = [Sheet(_single(one, now, words), (one.id,)) for one in letters]
        if sheets and lost:
            first = sheets[0]
            sheets[0] = Sheet(f"{first.html}\n\n{_lost(lost, words)}", first.letters, lost)
        return sheets
    return list(_grouped(letters, lost, now, words))


def escaped(text: str) -> str:
    """Give `text` so that Telegram shows it as it stands."""
    return html.escape(text, quote=False)


def width(text: str) -> int:
    """Give how long Telegram finds a text without tags: in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def moment(letter: Letter, now: Now) -> tuple[datetime | None, float | None]:
    """Give when a message was written, in local time, and how many seconds ago; None for what cannot be known."""
    draft = letter.draft
    age_s: float | None = None
    if draft.at_ns is not None and letter.run == now.run:
        age_s = max(0.0, (now.monotonic_ns - draft.at_ns) / NS)
    if draft.at is not None:
        at = datetime.fromisoformat(draft.at)
        if age_s is None and now.wall_ns is not None:
            age_s = max(0.0, now.wall_ns / NS - at.timestamp())
        return at.astimezone(), age_s
    if age_s is not None and now.wall_ns is not None:
        return datetime.fromtimestamp(now.wall_ns / NS - age_s, UTC).astimezone(), age_s
    return None, age_s


def told_time(letter: Letter, now: Now, words: Words) -> str:
    """Give when a message was written as people say it: the local time, its age, or that nobody knows."""
    at, age_s = moment(letter, now)
    _ = words
    if at is None:
        return _("time unknown") if age_s is None else _("%(age)s ago", age=words.age(age_s))
    is_today = now.wall_ns is not None and datetime.fromtimestamp(now.wall_ns / NS, UTC).astimezone().date() == at.date()
    if is_today:
        return f"{at:%H:%M}"
    return f"{at:%d/%m/%Y %H:%M}" if words.language == "pt-BR" else f"{at:%Y-%m-%d %H:%M}"


def _single(letter: Letter, now: Now, words: Words) -> str:
    draft = letter.draft
    sign, word = SIGNS[draft.severity]
    head = f"{sign} <b>{escaped(words(word))}: {escaped(draft.title or draft.source)}</b>"
    _, age_s = moment(letter, now)
    is_late = age_s is None or age_s >= LATE_S
    when = f"\n<i>{escaped(told_time(letter, now, words))}</i>" if is_late else ""
    return f"{head}\n{escaped(draft.text)}{_times(draft.count)}{when}"


def _grouped(letters: Sequence[Letter], lost: int, now: Now, words: Words) -> Iterator[Sheet]:
    count = len(letters)
    head = words.ngettext("%(num)s message was waiting:", "%(num)s messages were waiting:", count)
    loss = f"\n{_lost(lost, words)}" if lost else ""
    parts, told_lost = [f"<b>{head}</b>{loss}"], lost
    carried: list[int] = []
    taken = width(head) + width(loss)
    for letter in letters:
        shown, plain = _line(letter, now, words)
        if carried and taken + 1 + width(plain) > LONGEST:
            yield Sheet("\n".join(parts), tuple(carried), told_lost)
            parts, carried, told_lost, taken = [], [], 0, 0
        parts.append(shown)
        carried.append(letter.id)
        taken += 1 + width(plain)
    yield Sheet("\n".join(parts), tuple(carried), told_lost)


def _line(letter: Letter, now: Now, words: Words) -> tuple[str, str]:
    """Give one line of a group as HTML, and as it is seen."""
    draft = letter.draft
    sign, word = SIGNS[draft.severity]
    when, title = told_time(letter, now, words), draft.title or draft.source
    rest = f"{sign} {words(word)} · {title}: {' '.join(draft.text.split())}{_times(draft.count)}"
    return f"<b>{escaped(when)}</b> {escaped(rest)}", f"{when} {rest}"


def _times(count: int) -> str:
    return f" (\N{MULTIPLICATION SIGN}{count})" if count > 1 else ""


def _lost(lost: int, words: Words) -> str:
    return words.ngettext(
        "%(num)s less important message was dropped because too many waited.",
        "%(num)s less important messages were dropped because too many waited.",
        lost,
    )

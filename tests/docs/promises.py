"""What a page promises in its prose, looked for in the vehicle."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress

from autocore.testing import Car
from tests.docs.markdown import Prose

ENTITY = r"`(?P<entity>[a-z_]+\.[a-z0-9_]+)`"
PROMISES = {
    "value": rf"{ENTITY} is `(?P<value>[^`]+)`",
    "nothing": rf"{ENTITY} has no value yet",
    "silent": rf"{ENTITY} is unavailable",
    "page": r"`(?P<path>/[a-z/_]*)` shows `(?P<shown>[^`]+)`(?P<portuguese> in Portuguese)?",
    "told": r"you are told `(?P<told>[^`]+)`",
    "logged": r"the log says `(?P<logged>[^`]+)`",
    "heard": r"`(?P<topic>[a-z_/]+)` hears `(?P<said>[^`]+)`",
    "wait": r"after (?P<wait>\d+) s of",
}
"""The sentences that are looked into, by what they promise."""


class Promises:
    """Looks for what prose promises.

    Attributes:
        kept: how many promises of each kind were found true.
    """

    def __init__(self, car: Car) -> None:
        self._car = car
        self.kept: Counter[str] = Counter()

    async def believe(self, prose: Prose) -> None:
        """Look for what a piece of prose promises, in the order in which it does."""
        text = " ".join(prose.text.split())
        found = sorted(
            ((match.start(), kind, match) for kind, words in PROMISES.items() for match in re.finditer(words, text)),
            key=lambda one: one[0],
        )
        for _, kind, match in found:
            await getattr(self, f"see_{kind}")(match, f"below line {prose.line}: {match[0]}")
            self.kept[kind] += 1

    async def see_value(self, match: re.Match[str], place: str) -> None:
        wanted = json.loads(match["value"])
        with suppress(TimeoutError):  # what goes through a database takes a moment
            await self._car.until(lambda: self._car.value(match["entity"]) == wanted)
        value = self._car.value(match["entity"])
        assert (value, isinstance(value, bool)) == (wanted, isinstance(wanted, bool)), place

    async def see_nothing(self, match: re.Match[str], place: str) -> None:
        assert self._car.entity(match["entity"]).state.value is None, place

    async def see_silent(self, match: re.Match[str], place: str) -> None:
        state = self._car.entity(match["entity"]).state
        assert (state.available, state.value is None) == (False, False), place

    async def see_page(self, match: re.Match[str], place: str) -> None:
        page = await self._car.page(match["path"], "pt-BR" if match["portuguese"] else "en")
        text = " ".join(re.sub(r"<[^>]*>", "", page).split())
        assert match["shown"] in text, f"{place}\n{text}"

    async def see_told(self, match: re.Match[str], place: str) -> None:
        web = await self._car.web()
        for _ in range(200):
            notices = (await web.get("/api/v1/notices")).json()["items"]
            if any(match["told"] in one["text"] for one in notices):
                return
        raise AssertionError(f"{place}\n{notices}")

    async def see_logged(self, match: re.Match[str], place: str) -> None:
        log = self._car.folder / "data/logs/autocore.log"
        assert await self._car.until(lambda: match["logged"] in log.read_text()), place

    async def see_heard(self, match: re.Match[str], place: str) -> None:
        with suppress(TimeoutError):
            await self._car.until(lambda: match["said"] in map(str, self._car.heard(match["topic"])))
        assert match["said"] in map(str, self._car.heard(match["topic"])), place

    async def see_wait(self, match: re.Match[str], _place: str) -> None:
        for _ in range(int(match["wait"])):
            await self._car.advance(1)

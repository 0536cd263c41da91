"""Who comes in, who may, and who changed that: told, also when it was the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.auth.accounts import Accounts
from autocore.builtin.people import COMMAND_LINE, LOOK_S, People
from autocore.builtin.setupcode import SetupCode
from autocore.core.bus import Bus, Event
from autocore.core.clock import Sequence
from autocore.core.errors import NotAuthenticated, TooManyAttempts
from autocore.core.model import Cause, Role
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock

PASSWORD = "three random words"
ANA = Cause("rest", "ana", "::1")


class House:
    def __init__(self, store: StateStore, folder: Path) -> None:
        self.clock = FakeClock()
        self.told: list[Event] = []
        self._store = store
        self._setup = SetupCode(self.clock, folder)
        bus = Bus(self.clock, Sequence(1, lambda limit: None))
        bus.on("*", self.told.append)
        facts = {"key": b"k" * 32, "session_s": 3600, "setup": self._setup}
        self.command_line = Accounts(store.database, self.clock, boot=0, **facts)
        self.make = lambda boot: People(bus, store.database, self.clock, boot=boot, **facts)
        self.people = self.make(1)

    def open(self) -> str:
        return self._setup.open()

    def heard(self) -> list[tuple[str, str]]:
        told, self.told[:] = [(one.type, one.cause.via) for one in self.told], []
        return told


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = StateStore(tmp_path)
    await store.open()
    made = House(store, tmp_path)
    yield made
    await made.people.stop()
    await store.close()


async def test_the_first_administrator_and_each_log_in_are_told(house: House) -> None:
    await house.people.start()
    code = house.open()
    with pytest.raises(NotAuthenticated):
        await house.people.set_up("AAAA-AAAA", "ana", PASSWORD, "::1")
    await house.people.set_up(code, "ana", PASSWORD, "::1")
    session = await house.people.log_in("ana", PASSWORD, "::1")
    await house.people.end_session(session.id, ANA)
    assert house.heard() == [
        ("auth.failed", "web"),
        ("user.added", "web"),
        ("auth.set_up", "web"),
        ("auth.logged_in", "web"),
        ("session.ended", "rest"),
    ]


async def test_a_failure_names_a_user_but_not_what_may_be_a_password(house: House) -> None:
    await house.people.add_user("ana", PASSWORD, Role.ADMIN)
    house.heard()
    for name in ("ana", PASSWORD):
        with pytest.raises(NotAuthenticated):
            await house.people.log_in(name, "wrong password", "::1")
    assert [one.data["user"] for one in house.told] == ["ana", "nobody known"]
    assert PASSWORD not in str(house.told)


async def test_who_goes_on_trying_is_told_once_a_minute(house: House) -> None:
    house.people._limiter.check = lambda account, peer: _raise()  # type: ignore[method-assign]  # always closed
    for _ in range(50):
        with pytest.raises(TooManyAttempts):
            await house.people.log_in("ana", "x", "::1")
    assert house.heard() == [("auth.slowed", "web")]
    house.clock.advance(61)
    with pytest.raises(TooManyAttempts):
        await house.people.log_in("ana", "x", "::1")
    assert house.heard() == [("auth.slowed", "web")]


def _raise() -> None:
    raise TooManyAttempts("wait", retry_after_s=2)


async def test_what_the_web_changes_is_told_with_who_did_it(house: House) -> None:
    people = house.people
    await people.start()
    await people.add_user("ana", PASSWORD, Role.ADMIN, ANA)
    await people.add_user("bia", PASSWORD, Role.VIEWER, ANA)
    made = await people.add_token("script", "bia", by=ANA)
    await people.add_token("other", "bia", by=ANA)
    await people.remove_token(made.id, ANA)
    await people.set_password("bia", PASSWORD + "!", ANA)
    await people.remove_user("bia", ANA)
    assert {one.cause for one in house.told} == {ANA}
    assert [one for one, _ in house.heard()] == [
        *["user.added"] * 2,
        *["token.added"] * 2,
        "token.removed",
        "user.password",
        "token.removed",
        "user.removed",
    ]


async def test_what_the_command_line_changes_beside_the_gateway_is_told_as_its_own(house: House) -> None:
    await house.people.start()
    await house.command_line.add_user("ana", PASSWORD, Role.ADMIN)
    await house.people.add_user("bia", PASSWORD, Role.VIEWER, ANA)  # at the same moment
    assert house.heard() == [("user.added", "cli"), ("user.added", "rest")]
    await house.command_line.add_token("script", "ana")
    house.clock.advance(LOOK_S)
    assert house.people._task is not None
    await house.people._task
    assert house.heard() == [("token.added", "cli")]


async def test_what_was_changed_while_the_gateway_stood_still_is_told_when_it_starts(house: House) -> None:
    await house.command_line.add_user("ana", PASSWORD, Role.ADMIN)
    await house.people.start()
    assert house.heard() == [("user.added", "cli")]
    await house.command_line.set_password("ana", PASSWORD + "!")
    again = house.make(2)
    await again.start()
    assert [(one.type, one.data, one.cause) for one in house.told] == [("user.password", {"user": "ana"}, COMMAND_LINE)]
    await again.stop()

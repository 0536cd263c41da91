"""PINs: which are refused, how they are kept, and that guessing them takes years."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore.auth import passwords
from autocore.builtin.people import People
from autocore.builtin.pins import check_pin
from autocore.builtin.setupcode import SetupCode
from autocore.core.bus import Bus, Event
from autocore.core.clock import Sequence
from autocore.core.errors import InvalidData, NotAuthenticated, PermissionDenied, Refused, TooManyAttempts
from autocore.core.model import Role
from autocore.core.storage.state import StateStore
from autocore.testing import FakeClock
from tests.conftest import STRONG

PIN, PASSWORD = "7305", "three random words"


class House:
    def __init__(self, store: StateStore, folder: Path) -> None:
        self.clock, self.store = FakeClock(), store
        self.told: list[Event] = []
        bus = Bus(self.clock, Sequence(1, lambda limit: None))
        bus.on("*", self.told.append)
        setup = SetupCode(self.clock, folder)
        self.people = People(bus, store.database, self.clock, boot=1, key=b"k" * 32, session_s=3600, setup=setup)

    async def tried(self, pin: str, user: str = "ana", peer: str = "::1") -> type[Exception] | None:
        try:
            await self.people.check_pin(user, pin, peer)
        except (PermissionDenied, Refused, TooManyAttempts) as error:
            return type(error)
        return None


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = StateStore(tmp_path)
    await store.open()
    made = House(store, tmp_path)
    await made.people.add_user("ana", PASSWORD, Role.ADMIN)
    await made.people.set_pin("ana", PIN)
    yield made
    await store.close()


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "123",
        "123456789",
        "12a4",
        "١٢٣٥",
        " 7305",
        "0000",
        "1234",
        "4321",
        "7890",
        "9012",
        "1212",
        "123123",
        "2580",
        "11111111",
    ],
)
def test_what_is_no_pin_or_is_tried_at_once_is_refused(pin: str) -> None:
    with pytest.raises(InvalidData) as error:
        check_pin(pin)
    assert not pin.strip() or pin not in str(error.value) or pin == "123"


@given(st.integers(0, 9), st.integers(4, 8))
def test_no_run_of_digits_is_taken_wherever_it_begins(first: int, length: int) -> None:
    for step in (-1, 0, 1):
        with pytest.raises(InvalidData):
            check_pin("".join(str((first + step * place) % 10) for place in range(length)))


@given(st.text("0123456789", min_size=1, max_size=4), st.integers(2, 8))
def test_nothing_repeated_is_taken(part: str, times: int) -> None:
    with pytest.raises(InvalidData):
        check_pin(part * times)


def test_most_pins_are_taken() -> None:
    def is_taken(pin: str) -> bool:
        try:
            check_pin(pin)
        except InvalidData:
            return False
        return True

    assert 9_800 < sum(is_taken(f"{number:04}") for number in range(10_000)) < 10_000


async def test_a_pin_is_kept_as_its_argon2id_hash(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_context", STRONG)
    await house.people.set_pin("ana", PIN)
    db = house.store.database.pony
    kept = await house.store.database.read(lambda: db.User["ana"].pin)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await house.tried(PIN) is None


async def test_only_the_right_pin_passes_and_who_has_none_is_told_so(house: House) -> None:
    assert await house.tried(PIN) is None
    assert await house.tried("7306") is PermissionDenied
    assert await house.tried(PIN, "nobody") is Refused
    await house.people.set_pin("ana", None)
    assert await house.tried(PIN) is Refused
    assert PIN not in str([one.data for one in house.told])


async def test_who_guesses_waits_longer_each_time_by_a_clock_that_nobody_sets(house: House) -> None:
    for guess in range(5):
        assert await house.tried(f"831{guess}") is PermissionDenied
    house.clock.set_wall(0)
    assert await house.tried(PIN) is TooManyAttempts
    assert await house.tried(PIN, peer="10.0.0.7") is None  # somebody else's phone is not shut out
    house.clock.advance(2)
    assert await house.tried("8319") is PermissionDenied
    house.clock.advance(2)
    assert await house.tried(PIN) is TooManyAttempts  # four seconds now
    house.clock.advance(2)
    assert await house.tried(PIN) is None
    assert "auth.pin_failed" in [one.type for one in house.told]


async def test_guesses_at_the_same_moment_are_counted_one_by_one(house: House) -> None:
    became = await asyncio.gather(*(house.tried(f"83{guess}") for guess in range(10, 40)))
    assert became.count(PermissionDenied) == 5
    assert became.count(TooManyAttempts) == 25


async def test_passwords_guessed_at_the_same_moment_are_counted_one_by_one(house: House) -> None:
    async def tried(number: int) -> type[Exception]:
        with pytest.raises((NotAuthenticated, TooManyAttempts)) as error:
            await house.people.log_in("ana", f"guess number {number}", "::1")
        return error.type

    became = await asyncio.gather(*(tried(number) for number in range(20)))
    assert became.count(NotAuthenticated) == 5


async def test_wrong_pins_shut_nobody_out_of_the_log_in_nor_the_other_way_round(house: House) -> None:
    for guess in range(6):
        await house.tried(f"831{guess}")
    await house.people.log_in("ana", PASSWORD, "::1")
    house.clock.advance(400)
    for _ in range(5):
        with pytest.raises(NotAuthenticated):
            await house.people.log_in("ana", "wrong password", "::1")
    assert await house.tried(PIN) is None

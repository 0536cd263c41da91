"""Who may, and until when; no clock that jumps logs anybody out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autocore.auth import passwords, tokens
from autocore.auth.accounts import HOUR_S, Accounts
from autocore.auth.limiter import Limiter
from autocore.auth.passwords import check_password, hash_password, is_password
from autocore.builtin.setupcode import SetupCode
from autocore.core.clock import EARLIEST_WALL_NS, NS
from autocore.core.errors import InvalidData, NameTaken, NotAuthenticated, StorageError, TooManyAttempts, UnknownName
from autocore.core.model import Role
from autocore.core.storage.state import StateStore
from autocore.damage import Damages
from autocore.testing import FakeClock
from tests.conftest import STRONG

PASSWORD = "three random words"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[StateStore]:
    made = StateStore(tmp_path)
    await made.open()
    yield made
    await made.close()


def accounts_of(store: StateStore, clock: FakeClock, folder: Path, boot: int = 1) -> Accounts:
    key = tokens.signing_key(None, folder, Damages().set_aside)
    return Accounts(store.database, clock, boot=boot, key=key, session_s=24 * HOUR_S, setup=SetupCode(clock, folder))


@pytest.fixture
async def accounts(store: StateStore, clock: FakeClock, tmp_path: Path) -> Accounts:
    made = accounts_of(store, clock, tmp_path)
    await made.add_user("ana", PASSWORD, Role.ADMIN)
    return made


@pytest.mark.parametrize("wrong", ["short", "1234567890", "aaaaaaaaaaaa", "1212121212", "x" * 300, "Ana1234567"])
def test_a_password_that_anybody_tries_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidData):
        check_password(wrong, "ana")


def test_a_password_is_known_by_its_hash_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_context", STRONG)
    hashed = hash_password(PASSWORD)
    assert hashed.startswith("$argon2id$")
    assert "m=19456,t=2,p=1" in hashed
    assert is_password(PASSWORD, hashed)
    assert not is_password(PASSWORD + "x", hashed)
    assert not is_password(PASSWORD, None)


async def test_the_set_up_code_works_once_and_for_fifteen_minutes(store: StateStore, clock: FakeClock, tmp_path: Path) -> None:
    accounts = accounts_of(store, clock, tmp_path)
    setup = accounts._setup
    code = setup.open()
    file = tmp_path / "autocore-setup.txt"
    assert file.read_text().strip() == code
    assert file.stat().st_mode & 0o777 == 0o600
    clock.advance(901)
    with pytest.raises(NotAuthenticated, match="restart"):
        await accounts.set_up(code, "ana", PASSWORD, "::1")
    code = setup.open()
    with pytest.raises(NotAuthenticated):
        await accounts.set_up("AAAA-AAAA", "ana", PASSWORD, "::1")
    await accounts.set_up(f" {code.lower().replace('-', ' ')} ", "ana", PASSWORD, "::1")
    assert not file.exists()
    with pytest.raises(NotAuthenticated, match="already"):
        await accounts.set_up(code, "eve", PASSWORD, "::1")


async def test_a_log_in_lasts_a_day_of_the_gateways_own_clock(accounts: Accounts, clock: FakeClock) -> None:
    session = await accounts.log_in("ana", PASSWORD, "::1")
    for wall_ns in (EARLIEST_WALL_NS * 2, 0, None):  # fifty years on, 1970, no clock at all
        clock.set_wall(wall_ns)
        clock.advance(1)
        assert (await accounts.authenticate(session.token, "rest", "::1")).role is Role.ADMIN
    clock.advance(24 * HOUR_S)
    with pytest.raises(NotAuthenticated, match="log in again"):
        await accounts.authenticate(session.token, "rest", "::1")


async def test_after_a_restart_a_session_ends_by_trusted_wall_time_only(
    accounts: Accounts, store: StateStore, clock: FakeClock, tmp_path: Path
) -> None:
    session = await accounts.log_in("ana", PASSWORD, "::1")
    later = FakeClock(wall_ns=None)
    again = accounts_of(store, later, tmp_path, boot=2)
    assert (await again.authenticate(session.token, "rest", "::1")).cause.who == "ana"
    later.set_wall(EARLIEST_WALL_NS + 25 * HOUR_S * NS)
    later.advance(1)
    with pytest.raises(NotAuthenticated):
        await again.authenticate(session.token, "rest", "::1")
    assert len(await again.sessions()) == 1  # the clock may be wrong: it is refused, and stays
    later.set_wall(EARLIEST_WALL_NS + HOUR_S * NS)
    later.advance(1)
    assert (await again.authenticate(session.token, "rest", "::1")).cause.who == "ana"
    later.advance(24 * HOUR_S)  # this start alone has lasted longer than the session may
    with pytest.raises(NotAuthenticated):
        await again.authenticate(session.token, "rest", "::1")
    assert await again.sessions() == []


async def test_there_is_an_end_to_sessions_that_never_end(
    accounts: Accounts, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocore.auth.accounts.MOST_SESSIONS", 2)
    made = []
    for _ in range(4):
        made.append((await accounts.log_in("ana", PASSWORD, "::1")).id)
        clock.advance(1)
    assert [one.id for one in await accounts.sessions()] == made[:1:-1]


async def test_a_token_that_the_command_line_made_lives_as_long_as_it_says(
    accounts: Accounts, store: StateStore, clock: FakeClock, tmp_path: Path
) -> None:
    clock.advance(30 * 24 * HOUR_S)  # the gateway has run for longer than the token shall
    token = await accounts_of(store, clock, tmp_path, boot=0).add_token("display", "ana", (), HOUR_S)
    assert (await accounts.authenticate(token.text, "rest", "")).cause.who == "ana"
    clock.advance(HOUR_S + 1)
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(token.text, "rest", "")


async def test_what_another_process_revokes_is_gone_within_a_second(
    accounts: Accounts, store: StateStore, clock: FakeClock, tmp_path: Path
) -> None:
    token = await accounts.add_token("display", "ana", ["read:*"], 60)
    caller = await accounts.authenticate(token.text, "mqtt", "::1")
    assert (caller.may(Role.VIEWER, "read:entities"), caller.may(Role.VIEWER, "services:switch.turn_on")) == (True, False)
    beside = accounts_of(store, clock, tmp_path, boot=0)
    assert [one.name for one in await beside.tokens("ana")] == ["display"]
    await beside.remove_token(token.id)
    clock.advance(0.6)
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(token.text, "mqtt", "::1")
    with pytest.raises(UnknownName):
        await beside.remove_token(token.id)


async def test_a_token_expires(accounts: Accounts, clock: FakeClock) -> None:
    token = await accounts.add_token("display", "ana", (), 60)
    await accounts.authenticate(token.text, "rest", "")
    clock.advance(61)
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(token.text, "rest", "")


@pytest.mark.parametrize("wrong", ["", "ac_unknown", "not.a.token", "eyJhbGciOiJub25lIn0.eyJqdGkiOiJ4Iiwic3ViIjoiYW5hIn0."])
async def test_what_is_no_token_opens_nothing(accounts: Accounts, wrong: str) -> None:
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(wrong, "rest", "")


async def test_a_token_signed_with_another_key_opens_nothing(accounts: Accounts) -> None:
    session = await accounts.log_in("ana", PASSWORD, "::1")
    forged = tokens.sign(b"x" * 32, tokens.SessionClaims(session.id, "ana"))
    with pytest.raises(NotAuthenticated):
        await accounts.authenticate(forged, "rest", "")


async def test_users_have_one_name_and_the_last_administrator_stays(accounts: Accounts) -> None:
    with pytest.raises(NameTaken):
        await accounts.add_user("ana", PASSWORD, Role.VIEWER)
    for name in ("", " ana", "a\nb", "x" * 65):
        with pytest.raises(InvalidData):
            await accounts.add_user(name, PASSWORD, Role.VIEWER)
    with pytest.raises(InvalidData, match="last administrator"):
        await accounts.remove_user("ana")
    with pytest.raises(UnknownName, match="did you mean ana"):
        await accounts.add_token("t", "anna")
    with pytest.raises(InvalidData, match=r"read:\*"):
        await accounts.add_token("t", "ana", ["everything"])
    await accounts.add_user("bia", PASSWORD, Role.ADMIN)
    await accounts.remove_user("ana")
    assert [(one.name, one.role) for one in await accounts.users()] == [("bia", Role.ADMIN)]


def test_whoever_fails_waits_longer_each_time_and_locks_nobody_else_out() -> None:
    clock = FakeClock()
    limiter = Limiter(clock)
    waits = []
    for _ in range(8):
        try:
            limiter.check("ana", "10.0.0.9")
        except TooManyAttempts as error:
            waits.append(error.retry_after_s)
            clock.advance(error.retry_after_s)
            limiter.check("ana", "10.0.0.9")
        limiter.failed("ana", "10.0.0.9")
    assert waits == [2.0, 4.0, 8.0]
    limiter.check("ana", "10.0.0.1")
    clock.set_wall(0)
    with pytest.raises(TooManyAttempts):
        limiter.check("ana", "10.0.0.9")
    limiter.succeeded("ana", "10.0.0.9")
    limiter.check("ana", "10.0.0.9")
    for number in range(12_000):
        limiter.failed(f"user{number}", f"peer{number}")
    assert len(limiter._failures) <= 10_001


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    first = tokens.signing_key(None, tmp_path, Damages().set_aside)
    assert tokens.signing_key(None, tmp_path, Damages().set_aside) == first
    assert len(first) >= 32
    assert (tmp_path / "session.key").stat().st_mode & 0o777 == 0o600
    assert tokens.signing_key("k" * 32, tmp_path, Damages().set_aside) == b"k" * 32


@pytest.mark.parametrize("content", [b"", b"short", b"k" * 20 + bytes(44)], ids=["empty", "short", "zeros in it"])
def test_a_key_that_is_none_is_kept_aside_and_told_of(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "session.key").write_bytes(content)
    damages = Damages()
    key = tokens.signing_key(None, tmp_path, damages.set_aside)
    assert len(key) >= 32
    assert (tmp_path / "session.key").read_bytes() == key
    assert (tmp_path / "session.key.damaged-1").read_bytes() == content
    assert "session.key" in damages.sentences[0]


async def test_a_wrong_name_is_hashed_as_a_wrong_password_is(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    verify = passwords._context.verify

    def noting(secret: str, against: str) -> bool:
        hashed.append(against)
        return bool(verify(secret, against))

    monkeypatch.setattr(passwords._context, "verify", noting)
    for name in ("ana", "nobody"):
        with pytest.raises(NotAuthenticated):
            await accounts.log_in(name, "wrong password", "::1")
    known, unknown = (one.split("$")[:4] for one in hashed)  # $argon2id$v=19$m=19456,t=2,p=1$salt$…
    assert known == unknown  # the same work, hence the same time


async def test_who_was_known_may_act_while_the_disk_cannot_be_read(
    accounts: Accounts, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await accounts.add_token("display", "ana")).text
    await accounts.authenticate(token, "rest", "::1")

    async def broken(work: object) -> None:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(accounts._database, "read", broken)
    clock.advance(300)
    assert (await accounts.authenticate(token, "rest", "::1")).cause.who == "ana"
    with pytest.raises(StorageError):
        await accounts.authenticate("ac_another", "rest", "::1")
    clock.advance(301)
    with pytest.raises(StorageError):
        await accounts.authenticate(token, "rest", "::1")

"""The certificate while the gateway runs: weeks go by, the Wi-Fi comes and goes, the clock is set, the disk is full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autocore.core.bus import Bus
from autocore.core.clock import NS, Sequence
from autocore.core.errors import StorageError
from autocore.damage import Damages
from autocore.testing import FakeClock
from autocore.tls.certificates import fingerprint, span_of
from autocore.tls.keeper import LOOK_EVERY_S, CertificateKeeper
from autocore.tls.names import Names
from tests.conftest import eventually

TODAY = datetime(2026, 11, 26, tzinfo=UTC)
DAY_S = 86_400


def ns(at: datetime) -> int:
    return int(at.timestamp()) * NS


class Van:
    """A keeper on a clock that a test moves, and what it told."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.clock = clock
        self.names = Names(("localhost", "van.local"), ("127.0.0.1", "192.168.4.1"))
        self.keeper = CertificateKeeper(folder, clock, lambda: self.names, Damages())
        self.bus = Bus(clock, Sequence(1, lambda _limit: None))
        self.told: list[str] = []
        self.bus.on("tls.renewed", lambda event: self.told.append(event.data["until"]))
        self.keeper.on_renewed(lambda: self.told.append("shown"))
        self.keeper.on_ending(lambda: self.told.append("begin again"))

    @property
    def certificate(self) -> str:
        server = self.keeper.authority.server
        assert server is not None
        return fingerprint(server)

    async def look(self, s: float = LOOK_EVERY_S) -> None:
        """Let time pass, and what falls due then be done."""
        self.clock.advance(s=s)
        if self.keeper._task is not None:
            await self.keeper._task


@pytest.fixture
async def van(tmp_path: Path) -> AsyncIterator[Van]:
    made = Van(tmp_path / "ca", FakeClock(ns(TODAY)))
    await made.keeper.start()
    made.keeper.follow(made.bus)
    yield made
    await made.keeper.stop()


async def test_it_is_renewed_by_itself_thirty_days_before_its_end(van: Van) -> None:
    before = van.certificate
    await van.look((306 - 31) * DAY_S)
    assert (van.certificate, van.told) == (before, [])
    await van.look(1 * DAY_S + LOOK_EVERY_S)
    assert van.certificate != before
    assert van.told == ["shown", (TODAY + timedelta(days=276 + 306)).date().isoformat()]


async def test_a_port_that_shows_the_old_one_is_begun_again_before_that_ends(van: Van) -> None:
    await van.look(277 * DAY_S)
    assert "begin again" not in van.told
    await van.look(21 * DAY_S)
    assert "begin again" not in van.told
    await van.look(2 * DAY_S)
    assert van.told.count("begin again") == 1
    await van.look(2 * DAY_S)
    assert van.told.count("begin again") == 1


async def test_another_address_is_in_it_within_a_minute(van: Van) -> None:
    before = van.certificate
    van.names = Names(van.names.hosts, (*van.names.addresses, "10.0.0.7"))
    await van.look()
    assert (van.certificate != before, len(van.told)) == (True, 2)
    van.names = Names(van.names.hosts, van.names.addresses[:1])
    held = van.certificate
    await van.look()
    assert van.certificate == held  # an address that is gone harms nobody


async def test_a_clock_that_is_lost_renews_nothing_and_one_that_is_set_does_at_once(van: Van) -> None:
    before = van.certificate
    van.clock.set_wall(None)
    await van.look(400 * DAY_S)
    assert van.certificate == before
    van.clock.set_wall(ns(TODAY + timedelta(days=400)))
    van.bus.emit("clock.set", {"quality": "ntp"})
    await eventually(lambda: van.certificate != before)


async def test_a_clock_that_was_ahead_made_a_certificate_that_does_not_hold_yet_and_it_is_replaced(tmp_path: Path) -> None:
    van = Van(tmp_path / "ca", FakeClock(ns(TODAY + timedelta(days=3_000))))
    await van.keeper.start()
    van.keeper.follow(van.bus)
    van.clock.set_wall(ns(TODAY))
    await van.look()
    assert span_of(van.keeper.authority.server).holds(TODAY)  # type: ignore[arg-type]  # it is there
    assert span_of(van.keeper.authority.certificate).holds(TODAY)
    await van.keeper.stop()


def _full(file: Path, content: bytes, *, mode: int = 0o600) -> None:
    raise OSError(28, "No space left on device")


async def test_a_full_disk_costs_one_line_and_the_next_look_tries_again(
    van: Van, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = van.certificate
    with monkeypatch.context() as patch:
        patch.setattr("autocore.tls.authority.write_file", _full)
        await van.look(277 * DAY_S)
        await van.look()
        assert van.certificate == before
        with pytest.raises(StorageError, match="No space left"):
            await van.keeper.renew()
    assert [one.message.partition(":")[0] for one in caplog.records] == ["the certificate is not renewed"]
    await van.look()
    assert van.certificate != before


async def test_a_gateway_with_a_certificate_starts_on_a_full_disk_and_one_without_says_why_not(
    van: Van, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autocore.tls.authority.write_file", _full)
    later = Van(tmp_path / "ca", FakeClock(ns(TODAY + timedelta(days=300))))
    await later.keeper.start()
    assert later.certificate == van.certificate
    with pytest.raises(StorageError, match="No space left on device; the gateway has no certificate"):
        await Van(tmp_path / "blank", FakeClock(ns(TODAY))).keeper.start()


async def test_renewing_and_looking_at_once_make_one_certificate_after_the_other(van: Van) -> None:
    await asyncio.gather(*(van.keeper.renew() for _ in range(4)))
    assert len(van.told) == 8
    assert van.keeper.authority.server_file.read_bytes().count(b"BEGIN CERTIFICATE") == 1

"""A chain in a folder, written by the audit itself, and a hand that has the database but not the key."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from autocore.audit.retention import Keep
from autocore.audit.verdict import Verdict
from autocore.audit.verify import verify_folder
from autocore.builtin.audit import Audit, Place
from autocore.core.clock import Sequence
from autocore.core.model import Caller, Cause, Role
from autocore.core.services import Record
from autocore.core.storage.state import StateStore
from autocore.damage import Damages
from autocore.testing import FakeClock

ANA = Caller(Cause("rest", "ana", "::1"), Role.ADMIN)


def record(number: int, caller: Caller = ANA) -> Record:
    return Record(5 + number, "switch.turn_on", {"entity": f"switch.{number}"}, caller, "done", "", 0.01 * number)


class Vehicle:
    """A gateway's audit on a folder, started and stopped as often as one likes."""

    def __init__(self, folder: Path, keep: Keep | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.keep = keep or Keep(50_000, 400)
        self.explained = lambda: None
        self.damages = Damages()
        self.audit: Audit
        self.store: StateStore
        self.losses: list[str] = []

    async def start(self) -> Audit:
        self.store = StateStore(self.folder)
        await self.store.open()
        boot = await self.store.begin_boot(self.clock)
        sequence = Sequence(boot.first_seq, self.store.reserve)
        place = Place(self.folder, self.damages, self.keep, self.explained)
        self.audit = Audit(self.store.database, self.clock, sequence, boot.number, place)
        self.audit.on_loss(lambda checkpoint: self.losses.append(checkpoint.reason.value))
        await self.audit.start()
        return self.audit

    async def stop(self) -> None:
        await self.audit.close()
        await self.store.close()

    async def crash(self) -> None:
        """End as `kill -9` would: what was committed is there, the head is what it was."""
        if self.audit._timer is not None:
            self.audit._timer.cancel()
        await self.store.close()

    async def drive(self, *amounts: int) -> None:
        """One start for each amount, with so many acts in it."""
        for amount in amounts:
            audit = await self.start()
            for number in range(amount):
                audit.remember(record(number))
            await self.stop()

    def verify(self) -> Verdict:
        return verify_folder(self.folder)

    def found(self) -> list[tuple[str, int | None]]:
        """Give what is wrong, and at which row."""
        return [(str(one.what), one.seq) for one in self.verify().faults]


@contextmanager
def by_hand(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database in the hands of somebody who has no key."""
    with closing(sqlite3.connect(folder / "state.db", isolation_level=None)) as connection:
        yield connection


def seqs(folder: Path) -> list[int]:
    with by_hand(folder) as connection:
        return [row[0] for row in connection.execute("SELECT seq FROM audit ORDER BY seq")]


@pytest.fixture
def vehicle(tmp_path: Path) -> Vehicle:
    return Vehicle(tmp_path)

"""The devices' passwords at the broker, in state.db, as the broker checks them; the words themselves are kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable

from autocore.broker.accounts import Account, Sealed
from autocore.broker.grants import rights_of
from autocore.core.clock import Clock
from autocore.core.devices import Device, Standing
from autocore.core.storage.database import Database


class Credentials:
    """Who has a password.

    Args:
        database: state.db.
        clock: stamps what is issued.
        boot: the present start of the gateway.
    """

    def __init__(self, database: Database, clock: Clock, boot: int) -> None:
        self._database = database
        self._clock = clock
        self._boot = boot
        self._known: dict[str, Sealed] = {}

    async def load(self) -> None:
        """Read them; raises StorageError."""
        db = self._database.pony

        def work() -> dict[str, Sealed]:
            return {row.device: Sealed(row.salt, row.digest, row.iterations) for row in db.CredentialRow.select()}

        self._known = await self._database.run(work)

    def of(self, device_id: str) -> Sealed | None:
        """Give a device's password, sealed; None when it has none."""
        return self._known.get(device_id)

    def __contains__(self, device_id: str) -> bool:
        """Say whether a device has a password."""
        return device_id in self._known

    async def put(self, device_id: str, sealed: Sealed) -> None:
        """Keep a device's password; it is on disk when this returns. Raises StorageError."""
        db = self._database.pony
        row = (device_id, sealed.salt, sealed.digest, sealed.iterations, self._boot, self._clock.monotonic_ns())

        def work() -> None:
            db.get_connection().execute("INSERT OR REPLACE INTO credential VALUES (?, ?, ?, ?, ?, ?)", row)

        await self._database.run(work)
        self._known[device_id] = sealed

    async def drop(self, device_id: str) -> None:
        """Forget a device's password; on disk when this returns. Raises StorageError."""
        db = self._database.pony

        def work() -> None:
            db.get_connection().execute("DELETE FROM credential WHERE device = ?", (device_id,))

        await self._database.run(work)
        self._known.pop(device_id, None)

    def accounts(self, devices: Iterable[Device], root: str) -> list[Account]:
        """Give the accounts that the broker must have: of every approved device with a password."""
        approved = [one for one in devices if one.standing is Standing.APPROVED and one.id in self._known]
        return [Account(one.id, self._known[one.id], rights_of(root, one.id, one.granted)) for one in approved]

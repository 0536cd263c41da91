"""Lets devices in and shuts them out: standing, rights and credentials, on disk and at the broker, in one place.

What lets somebody in is on disk before the broker knows of it; who is shut out is cut off by the broker first. What the broker
could not be told is told when it is there again; its accounts are made anew from what is on disk whenever the gateway starts it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from autocore.broker.accounts import new_password, seal
from autocore.broker.grants import CAPABILITIES, PUBLISH, Right, rights_of
from autocore.broker.security import BrokerSecurity
from autocore.core.bus import Bus
from autocore.core.devices import Device, DeviceRegistry, Presence, Standing
from autocore.core.errors import BrokerError, InvalidData, NameTaken, Refused
from autocore.core.model import Cause
from autocore.core.mqtt.hub import MqttHub
from autocore.core.names import check_readable, is_device_id, nearest
from autocore.provisioning.credentials import Credentials

RESERVED = frozenset({"autocore-gateway", "enrol"})
"""User names at the broker that are no device's."""

log = logging.getLogger("autocore.devices")


@dataclass(frozen=True, slots=True)
class Issued:
    """Credentials, the only time that they can be read; the id is user name and client id."""

    device: str
    password: str = field(repr=False)


class Provisioner:
    """Changes who takes part.

    Args:
        hub: says when the broker is there.
        security: changes the broker's accounts.
        credentials: who has a password.
        devices: who is approved, and what each is granted.
        bus: told when credentials are issued.
        saved: returns once the registry is on disk.
        has_strangers: whether clients without a name may publish.
    """

    def __init__(
        self,
        hub: MqttHub,
        security: BrokerSecurity,
        credentials: Credentials,
        devices: DeviceRegistry,
        bus: Bus,
        saved: Callable[[], Awaitable[None]],
        *,
        has_strangers: bool = False,
    ) -> None:
        self.is_enforced: bool | None = None
        """Whether the broker lets the gateway decide who may enter; None while that is not known."""
        self._hub = hub
        self._security = security
        self._credentials = credentials
        self._devices = devices
        self._bus = bus
        self._saved = saved
        self._has_strangers = has_strangers
        self._withheld: dict[str, str | None] = {}  # topic -> whose it is
        self._turn = asyncio.Lock()
        self._owed: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._undo: Callable[[], None] | None = None

    def start(self) -> None:
        """Bring the broker up to date whenever it is there."""
        self._undo = self._hub.on_connection(self._on_connection)

    async def stop(self) -> None:
        """Finish what is under way."""
        if self._undo is not None:
            self._undo()
        if self._task is not None:
            await self._task

    def has_credentials(self, device_id: str) -> bool:
        """Say whether a device has a password at the broker."""
        return device_id in self._credentials

    async def approve(self, device_id: str, cause: Cause, granted: Collection[str] | None = None) -> Device:
        """Let a device take part.

        Args:
            device_id: which one.
            cause: who lets it.
            granted: the capabilities that give it rights (`CAPABILITIES`); None leaves those it has.

        Raises:
            UnknownName: no such device.
            InvalidData: there is no such capability.
            StorageError: it could not be kept.
            BrokerError: it is approved, but the broker does not know its rights yet.
        """
        if granted is not None:
            check_granted(granted)
        device = self._devices.approve(device_id, cause, granted)
        await self._saved()
        await self._tell_broker(device_id)
        return device

    async def retire(self, device_id: str, cause: Cause) -> Device:
        """Shut a device out: it is cut off at once, and its password is worth nothing any more.

        Raises:
            UnknownName: no such device.
            BrokerError: it is not listened to any more, but the broker could not be told yet, and is as soon as it is there.
            StorageError: it could not be kept.
        """
        self._devices.retire(device_id, cause)
        had_credentials = device_id in self._credentials
        try:
            await self._tell_broker(device_id)
            if had_credentials and self.is_enforced:  # the broker has cut it off, and a client without a will leaves no word
                self._devices.update(device_id, presence=Presence.OFFLINE, session=None, is_welcomed=False)
        finally:  # also when the broker is away: it must stay out
            await self._saved()
        return self._devices.get(device_id)

    async def forget(self, device_id: str, cause: Cause) -> None:
        """Forget a device that was only found, or is retired.

        Raises:
            UnknownName: no such device.
            Refused: it is approved.
            BrokerError, StorageError: as `retire`.
        """
        self._devices.forget(device_id, cause)
        await self._tell_broker(device_id)
        await self._saved()

    async def add(self, device: Device, cause: Cause) -> Issued:
        """Take in a board that has not spoken yet, approved, and give it credentials.

        Raises:
            InvalidData: its id is none or reserved, something is hidden in a word, or it shall be granted what there is not.
            NameTaken: there is a device with that id.
            Refused: there are too many devices.
            BrokerError, StorageError: as `issue`.
        """
        if not is_device_id(device.id) or device.id in RESERVED:
            raise InvalidData("a device's id is a-z, 0-9, _ and -, at most 64 characters, and not a reserved one", field="id")
        check_readable({"name": device.name, "type": device.type})
        check_granted(device.granted)
        self._devices.add(device, cause)
        return await self.issue(device.id, cause)

    async def issue(self, device_id: str, cause: Cause) -> Issued:
        """Give an approved device a new password; whoever uses the old one is cut off.

        Raises:
            UnknownName: no such device.
            Refused: it is not approved.
            BrokerError: the broker does not know of it yet; issue it again when it is there.
            StorageError: it could not be kept.
        """
        device = self._devices.get(device_id)
        if device.standing is not Standing.APPROVED:
            raise Refused(f"{device_id} is not approved; approve it first", code="not_approved")
        if device_id in RESERVED:
            raise NameTaken(f"{device_id} is a reserved name at the broker; give the board another id")
        self.check_enforced()
        async with self._turn:
            password, before = new_password(), self._credentials.of(device_id)
            await self._saved()
            await self._credentials.put(device_id, seal(password))
            try:
                await self._security.put(device_id, self._rights_of(device), password)
            except BrokerError:  # nobody was told the new one: the old one must still open the broker when it is back
                await (self._credentials.drop(device_id) if before is None else self._credentials.put(device_id, before))
                raise
        self._bus.emit("device.credentials", {"device": device_id}, cause)
        return Issued(device_id, password)

    def check_enforced(self) -> None:
        """Let pass unless it is known that the broker is another's; raises Refused (`foreign_broker`)."""
        if self.is_enforced is False:
            words = "this broker is not the gateway's own; make the account there and give it to the board"
            raise Refused(words, code="foreign_broker")

    def can_withhold(self, topic: str, device_id: str | None) -> bool:
        """Say whether the broker would drop what is published on a topic, and throw off no board that has relays."""
        has_account = device_id is not None and device_id in self._credentials
        if not self.is_enforced or topic.startswith("$"):
            return False
        if self._security.cuts_off:
            device = self._devices.find(device_id) if device_id is not None else None
            return has_account and device is not None and not device.channels and "relays" not in device.capabilities
        return has_account or self._has_strangers

    async def withhold(self, topic: str, device_id: str | None) -> None:
        """Let the broker drop what is published on a topic, until `give_back` or its next start; raises BrokerError."""
        self._withheld[topic] = device_id
        try:
            await self._tell_withheld(device_id)
        except BrokerError:
            del self._withheld[topic]
            raise

    async def give_back(self, topic: str, device_id: str | None) -> None:
        """Let pass again what is published on a topic; raises BrokerError."""
        whose = self._withheld.pop(topic, device_id)
        try:
            await self._tell_withheld(whose)
        except BrokerError:
            self._withheld[topic] = whose
            raise

    async def _tell_withheld(self, device_id: str | None) -> None:
        async with self._turn:
            if device_id is not None:
                await self._align(device_id)
            if self._has_strangers and not self._security.cuts_off:
                await self._security.withhold_from_strangers(sorted(self._withheld))

    def _rights_of(self, device: Device) -> list[Right]:
        rights = rights_of(self._hub.root, device.id, device.granted)
        return [one for one in rights if one.kind != PUBLISH or one.topic not in self._withheld]

    async def _tell_broker(self, device_id: str) -> None:
        async with self._turn:
            try:
                await self._align(device_id)
            except BrokerError as error:
                self._owed.add(device_id)
                if self.is_enforced:
                    raise BrokerError(
                        f"the broker does not know of it yet and is told as soon as it is there: {error}"
                    ) from error

    async def _align(self, device_id: str) -> None:
        device = self._devices.find(device_id)
        if device is not None and device.standing is Standing.APPROVED:
            if device_id in self._credentials:
                await self._security.put(device_id, self._rights_of(device))
        elif device_id in self._credentials:
            await self._security.drop(device_id)
            await self._credentials.drop(device_id)
        self._owed.discard(device_id)

    def _on_connection(self, is_connected: bool) -> None:  # noqa: FBT001  # the hub's signal
        if is_connected and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        self.is_enforced = await self._security.is_obeyed()
        for device_id in sorted(self._owed) if self.is_enforced else ():
            async with self._turn:
                try:
                    await self._align(device_id)
                except BrokerError as error:
                    log.warning("the broker could not be told about %s and is told later: %s", device_id, error)
                    return
        for topic, device in list(self._withheld.items()) if self.is_enforced else ():  # a broker that began anew knows nothing
            try:
                await self._tell_withheld(device)
            except BrokerError as error:
                log.warning("the broker could not be told to drop what comes on %s: %s", topic, error)
                return


def check_granted(granted: Collection[str]) -> None:
    """Let pass what there is to be granted; raises InvalidData."""
    for one in granted:
        if one not in CAPABILITIES:
            near = nearest(one, CAPABILITIES)
            hint = f"; did you mean {near}?" if near else ""
            raise InvalidData(f"there is no capability {one[:60]} to be granted{hint}", field="granted")

"""The device registry: which boards exist, which of them may speak, and which are there. It knows no MQTT."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from autocore.core.bus import Bus
from autocore.core.clock import Clock
from autocore.core.errors import InvalidData, NameTaken, Refused, UnknownName
from autocore.core.model import GATEWAY, Cause
from autocore.core.names import check_readable, is_device_id, nearest


class Standing(StrEnum):
    """Where a device is in its life: what is only found is counted and shown, and becomes no entity."""

    FOUND = "found"
    APPROVED = "approved"
    RETIRED = "retired"


class Presence(StrEnum):
    """Whether a device is there, as it or its last will said."""

    UNKNOWN = "unknown"
    ONLINE = "online"
    OFFLINE = "offline"
    ERROR = "error"


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One board. What it says of itself is its word; `standing` is ours.

    Args:
        id: as protocol.md defines it.
        type: e.g. `relay_board`; empty until it registers.
        channels: how many relay channels it says it has.
        config_bytes: the largest configuration document that it takes; None when it did not say.
        session: its present connection, random; None when it is not online.
        is_welcomed: the gateway answered its status, so it obeys commands of this session.
        details: uptime_s, rssi_dbm, free_memory_bytes and the like from its last status.
        alias: what people call it, instead of the name that it gives itself.
        area: where in the vehicle it is.
        granted: which of the capabilities that give rights at the broker it was granted by people.
    """

    id: str
    name: str = ""
    type: str = ""
    mac: str | None = None
    ip: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    capabilities: tuple[str, ...] = ()
    channels: int | None = None
    config_bytes: int | None = None
    standing: Standing = Standing.FOUND
    presence: Presence = Presence.UNKNOWN
    session: str | None = None
    is_welcomed: bool = False
    details: Mapping[str, Any] = {}
    alias: str = ""
    area: str = ""
    granted: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What people read: the alias, else its own name, else its id."""
        return self.alias or self.name or self.id


OF_A_CONNECTION = frozenset({"presence", "session", "is_welcomed", "details"})


class DeviceRegistry:
    """All devices by id.

    Args:
        approves_itself: True makes every new device approved at once (`devices: {approve: automatic}`).
        limit: how many unknown devices may be remembered; beyond it the rest is counted in `turned_away`.
    """

    def __init__(self, clock: Clock, bus: Bus, *, approves_itself: bool, limit: int = 1_000) -> None:
        self._clock = clock
        self._bus = bus
        self.first = Standing.APPROVED if approves_itself else Standing.FOUND
        """Where a device stands when it is heard for the first time."""
        self._limit = limit
        self._devices: dict[str, Device] = {}
        self._seen_ns: dict[str, int] = {}
        self.turned_away = 0

    def __iter__(self) -> Iterator[Device]:
        """Give the devices sorted by id."""
        return iter([self._devices[key] for key in sorted(self._devices)])

    def __len__(self) -> int:
        return len(self._devices)

    def find(self, device_id: str) -> Device | None:
        """Give the device, or None."""
        return self._devices.get(device_id)

    def get(self, device_id: str) -> Device:
        """Give the device.

        Raises:
            UnknownName: with the nearest id.
        """
        try:
            return self._devices[device_id]
        except KeyError:
            raise UnknownName("device", device_id, nearest(device_id, self._devices)) from None

    def restore(self, devices: Sequence[Device]) -> None:
        """Put back what an earlier start knew: who is approved, and nothing about who is there."""
        for device in devices:
            self._devices[device.id] = msgspec.structs.replace(device, presence=Presence.UNKNOWN, session=None, is_welcomed=False)

    def admit(self, device_id: str) -> bool:
        """Note that a device spoke and say whether it is listened to; a new one is announced. Raises InvalidData: it is no id."""
        device = self._devices.get(device_id)
        if device is None:
            if not is_device_id(device_id):
                raise InvalidData("a device id is a-z, 0-9, _ and -, at most 64 characters", field="topic")
            if len(self._devices) >= self._limit:
                self.turned_away += 1
                return False
            device = Device(id=device_id, name=device_id, standing=self.first)
            self._devices[device_id] = device
            self._bus.emit("device.found", {"device": device_id, "standing": device.standing.value})
        self._seen_ns[device_id] = self._clock.monotonic_ns()
        return device.standing is Standing.APPROVED

    def seen_ns(self, device_id: str) -> int | None:
        """Give the monotonic time of its last word in this start of the gateway, None when it has not spoken."""
        return self._seen_ns.get(device_id)

    def update(self, device_id: str, **facts: Any) -> Device:
        """Change facts of a known device (the fields of `Device`) and announce what is different.

        Events: `device.online`, `device.offline`, `device.error` or `device.unknown` (our own link is lost) when its
        presence changed, `device.changed` for the rest, but for `session`, `is_welcomed` and `details`.
        """
        old = self.get(device_id)
        new = msgspec.structs.replace(old, **facts)
        self._devices[device_id] = new
        if new.presence is not old.presence:
            self._bus.emit(f"device.{new.presence.value}", {"device": device_id, "session": new.session}, _word_of(device_id))
        changed = sorted(name for name in set(facts) - OF_A_CONNECTION if getattr(old, name) != getattr(new, name))
        if changed:
            self._bus.emit("device.changed", {"device": device_id, "changed": changed}, _word_of(device_id))
        return new

    def add(self, device: Device, cause: Cause = GATEWAY) -> Device:
        """Take a device in that has not spoken under its id yet.

        Raises:
            NameTaken: there is one with that id.
            Refused: there are too many (`full`).
        """
        if device.id in self._devices:
            raise NameTaken(f"there is a device {device.id} already; replace it, or choose another id")
        if len(self._devices) >= self._limit:
            self.turned_away += 1
            raise Refused(f"there are {self._limit} devices already; forget some that were only found", code="full")
        self._devices[device.id] = device
        self._bus.emit("device.found", {"device": device.id, "standing": device.standing.value}, cause)
        return device

    def forget(self, device_id: str, cause: Cause = GATEWAY) -> None:
        """Forget a device that does not take part.

        Raises:
            UnknownName: no such device.
            Refused: it is approved; retire it first (`approved`).
        """
        device = self.get(device_id)
        if device.standing is Standing.APPROVED:
            raise Refused(f"{device_id} is approved; retire it first", code="approved")
        del self._devices[device_id]
        self._seen_ns.pop(device_id, None)
        self._bus.emit("device.forgotten", {"device": device_id}, cause)

    def reconfigure(self, device_id: str) -> None:
        """Have the configuration of a device put together anew: a plugin says something else of it now."""
        self._bus.emit("device.config_asked", {"device": device_id})

    def approve(self, device_id: str, cause: Cause = GATEWAY, granted: Collection[str] | None = None) -> Device:
        """Let a device take part; `granted` are the capabilities that give it rights, None leaves those it has."""
        if granted is not None:
            self._devices[device_id] = msgspec.structs.replace(self.get(device_id), granted=tuple(sorted(set(granted))))
        return self._stand(device_id, Standing.APPROVED, cause)

    def retire(self, device_id: str, cause: Cause = GATEWAY) -> Device:
        """Stop listening to a device; its entities and history stay."""
        return self._stand(device_id, Standing.RETIRED, cause)

    def online(self, device_id: str) -> Device:
        """Give a device that can be sent commands now.

        Raises:
            UnknownName: no such device.
            Refused: it is not approved, not online, or not welcomed yet (`offline`).
        """
        device = self.get(device_id)
        if device.standing is not Standing.APPROVED:
            raise Refused(f"{device_id} is not approved; approve it under Devices", code="offline")
        if device.presence is not Presence.ONLINE or not device.is_welcomed or device.session is None:
            raise Refused(f"{device_id} is not online; nothing was sent", code="offline")
        return device

    def call(self, device_id: str, words: Mapping[str, str], cause: Cause) -> Device:
        """Take what people say of a device: its `alias` and `area`; an empty word takes it back. Raises InvalidData."""
        check_readable(words)
        new = msgspec.structs.replace(self.get(device_id), **words)
        self._devices[device_id] = new
        self._bus.emit("device.changed", {"device": device_id, "changed": sorted(words)}, cause)
        return new

    def _stand(self, device_id: str, standing: Standing, cause: Cause) -> Device:
        new = msgspec.structs.replace(self.get(device_id), standing=standing)
        self._devices[device_id] = new
        self._bus.emit("device.changed", {"device": device_id, "standing": standing.value}, cause)
        return new


def _word_of(device_id: str) -> Cause:
    return Cause("device", device_id)

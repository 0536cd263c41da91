"""Configuration on its way to the devices: put together from the plugins, numbered, published, and followed until it is applied.

A document is made anew when a plugin or a device changes; only a device whose document is another than before gets a new version.
Versions and what became of them are kept in state.db; the documents themselves are in the cache, and can always be made again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from autocore.core.bus import Event
from autocore.core.devices import Device, Standing
from autocore.core.errors import InvalidData, PluginError, StorageError
from autocore.core.host import Core
from autocore.core.mqtt.message import MAX_PAYLOAD_BYTES, Message
from autocore.provisioning.wire import ConfigRequest, ConfigUpdate, DeviceConfig

OWNER = "core"
STORE = "devices"
CACHE = "device-config"
HOOK = "device_config"
SETTLE_S = 0.2  # many entities come at once; one look for all of them
HASH_CHARS = 16
PLUGINS = ("plugin.running", "plugin.stopped", "plugin.failed", "config.reloaded", "entity.changed")
DEVICES = ("device.found", "device.changed", "device.replaced", "device.forgotten", "device.config_asked")

log = logging.getLogger("autocore.devices")


class Asks(Protocol):
    """The plugins, as far as they are asked here."""

    def owners(self, hook: str) -> list[str]:
        """Give the plugins with a hook."""

    async def ask(self, name: str, hook: str, **facts: Any) -> Any:
        """Ask one; None when it does not run."""


class Delivery(msgspec.Struct, frozen=True):
    """How far the configuration of one device is.

    Args:
        version: of the document that it shall have; 0 when there never was one.
        hash: of its sections.
        size: bytes of the document.
        delivered: the newest version that it said it has.
        applied: the newest version that it works by.
        problem: why the newest is not applied, or why none can be made; empty when there is nothing to say.
        is_too_large: what it should have has more bytes than it takes.
    """

    version: int = 0
    hash: str = ""
    size: int = 0
    delivered: int = 0
    applied: int = 0
    problem: str = ""
    is_too_large: bool = False

    @property
    def has_drifted(self) -> bool:
        """Whether the device works by another version than it should."""
        return self.version != self.applied


class Distribution:
    """Makes, publishes and follows the documents.

    Args:
        core: the way to the devices, and who takes part; its store remembers versions over restarts, its cache the documents.
        plugins: contribute the sections.
        limits: how many bytes a document may have, by the type of the device.
    """

    def __init__(self, core: Core, plugins: Asks, limits: Mapping[str, int]) -> None:
        self._hub = core.hub
        self._devices = core.devices
        self._bus = core.bus
        self._clock = core.clock
        self._plugins = plugins
        self._store = core.store(STORE)
        self._cache = core.cache
        self._limits = limits
        self._known: dict[str, Delivery] = {}
        self._documents: dict[str, DeviceConfig] = {}
        self._revision = 0
        self._dirty: set[str] | None = set()  # None: all of them
        self._is_due = self._is_unkept = False
        self._task: asyncio.Task[None] | None = None
        self._undo: list[Callable[[], None]] = []

    async def start(self) -> None:
        """Read what was delivered before, and keep every device up to date from now on; raises StorageError."""
        kept = await self._store.get("deliveries", {})
        self._known = {name: msgspec.convert(one, Delivery) for name, one in kept.items()} if isinstance(kept, dict) else {}
        self._revision = int(await self._store.get("revision", 0))
        root = self._hub.root
        self._undo = [
            self._hub.claim(f"{root}/devices/+/config", OWNER),
            self._hub.claim(f"{root}/config/update", OWNER),
            self._hub.subscribe(f"{root}/config/request", self._on_request, qos=1, urgent=True),
            *(self._bus.on(name, self._on_plugin) for name in PLUGINS),
            *(self._bus.on(name, self._on_device) for name in DEVICES),
            self._bus.on("device.ack", self._on_ack),
        ]
        self._ask(None)

    async def stop(self) -> None:
        """Follow no more."""
        for undo in reversed(self._undo):
            undo()
        if self._task is not None:
            await self._task
        if self._is_unkept:
            await self._keep()

    def delivery(self, device_id: str) -> Delivery:
        """Give how far the configuration of a device is."""
        return self._known.get(device_id, Delivery())

    def document(self, device_id: str) -> DeviceConfig | None:
        """Give what a device shall know; None when there is nothing for it."""
        return self._documents.get(device_id)

    def _on_plugin(self, _event: Event) -> None:
        self._ask(None)

    def _on_device(self, event: Event) -> None:
        self._ask(event.data["device"])

    def _ask(self, device_id: str | None) -> None:
        if device_id is None:
            self._dirty = None
        elif self._dirty is not None:
            self._dirty.add(device_id)
        self._wake()

    def _wake(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._clock.call_later(SETTLE_S, self._begin)

    def _begin(self) -> None:
        self._is_due = False
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())
        else:
            self._wake()

    async def _work(self) -> None:
        while self._dirty is None or self._dirty:
            dirty, self._dirty = self._dirty, set()
            wanted = [one for one in self._devices if one.standing is Standing.APPROVED and (dirty is None or one.id in dirty)]
            changed: dict[str, set[str]] = {}
            for device in wanted:
                changed |= await self._bring_up_to_date(device)
            gone = [one for one in self._known if self._is_out(one) and (dirty is None or one in dirty)]
            for device_id in gone:
                self._withdraw(device_id)
            if changed or gone:
                await self._tell(changed)
        if self._is_unkept:
            await self._keep()

    async def _bring_up_to_date(self, device: Device) -> dict[str, set[str]]:
        """Make a device's document, publish it when it is another, and give which of its sections changed."""
        limit = self._limit_of(device)
        device = msgspec.structs.replace(device, config_bytes=limit)
        before = self._documents.get(device.id) or self._cached(device.id)
        sections = await self._sections(device, {} if before is None else before.sections)
        known = self.delivery(device.id)
        digest = hashlib.sha256(msgspec.json.encode(sections, order="deterministic")).hexdigest()[:HASH_CHARS]
        if not sections and not known.version:
            return {}
        is_same = digest == known.hash
        document = DeviceConfig(known.version + (not is_same), digest, sections)
        size = len(msgspec.json.encode(document))
        if size > limit:
            problem = f"its configuration has {size} bytes, and it takes at most {limit}; it keeps the one before"
            if known.problem != problem:
                log.error("%s: %s", device.id, problem)
            self._known[device.id] = msgspec.structs.replace(known, problem=problem, is_too_large=True)
            return {}
        if is_same:
            if known.is_too_large:  # it has more room now
                self._known[device.id] = msgspec.structs.replace(known, problem="", is_too_large=False)
            if device.id not in self._documents:  # a new start: the broker may have lost it
                self._publish(device.id, document)
            return {}
        self._known[device.id] = msgspec.structs.replace(
            known, version=document.version, hash=digest, size=size, problem="", is_too_large=False
        )
        self._publish(device.id, document)
        old = {} if before is None else before.sections
        return {device.id: {name for name in {*old, *sections} if old.get(name) != sections.get(name)}}

    def _limit_of(self, device: Device) -> int:
        """Give how many bytes a device's document may have: what it says itself, and what is configured for its type."""
        said = (device.config_bytes, self._limits.get(device.type), MAX_PAYLOAD_BYTES)
        return min(one for one in said if one is not None)

    async def _sections(self, device: Device, before: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        sections: dict[str, dict[str, Any]] = {}
        for name in self._plugins.owners(HOOK):
            try:
                section = await self._plugins.ask(name, HOOK, device=device)
                if section is not None:
                    sections[name] = msgspec.to_builtins(section, str_keys=True)
            except (PluginError, TypeError) as error:
                log.error("%s gives no configuration for %s, which keeps what it has: %s", name, device.id, error)  # noqa: TRY400
                if name in before:
                    sections[name] = dict(before[name])
        return sections

    def _publish(self, device_id: str, document: DeviceConfig) -> None:
        self._documents[device_id] = document
        self._cache.set(CACHE, device_id, msgspec.to_builtins(document))
        self._hub.publish(f"{self._hub.root}/devices/{device_id}/config", document, qos=1, retain=True, owner=OWNER)

    def _cached(self, device_id: str) -> DeviceConfig | None:
        kept = self._cache.get(CACHE, device_id)
        try:
            return None if kept is None else msgspec.convert(kept, DeviceConfig)
        except msgspec.ValidationError:
            return None

    def _is_out(self, device_id: str) -> bool:
        device = self._devices.find(device_id)
        return device is None or device.standing is not Standing.APPROVED

    def _withdraw(self, device_id: str) -> None:
        del self._known[device_id]
        self._documents.pop(device_id, None)
        self._hub.publish(f"{self._hub.root}/devices/{device_id}/config", b"", qos=1, retain=True, owner=OWNER)

    async def _tell(self, changed: Mapping[str, set[str]]) -> None:
        self._revision += 1
        await self._keep()
        if changed and self._hub.is_connected:
            sections = sorted({name for names in changed.values() for name in names})
            update = ConfigUpdate(self._revision, sections, sorted(changed))
            self._hub.publish(f"{self._hub.root}/config/update", update, qos=1, owner=OWNER)

    async def _keep(self) -> None:
        self._is_unkept = False
        try:
            await self._store.set("deliveries", {name: msgspec.to_builtins(one) for name, one in self._known.items()})
            await self._store.set("revision", self._revision)
        except StorageError as error:
            log.warning("what was delivered to devices cannot be kept and is made again after a start: %s", error)

    def _on_request(self, message: Message) -> None:
        try:
            request = message.decode(ConfigRequest)
        except InvalidData as error:
            self._hub.reject(message.topic, None, error.field, error.message)
            return
        document = self._documents.get(request.device)
        if document is None:
            self._hub.reject(message.topic, request.device[:64], "device", "there is no configuration for this device")
            return
        if request.have == document.version:
            self._note(request.device, delivered=document.version)
        else:
            self._hub.publish(f"{self._hub.root}/devices/{request.device}/config", document, qos=1, retain=True, owner=OWNER)

    def _on_ack(self, event: Event) -> None:
        device_id, version, status = event.data["device"], str(event.data["id"]), event.data["status"]
        known = self._known.get(device_id)
        if known is None or not version.isdecimal() or not 0 < int(version) <= known.version:
            return  # of a command, or of a version that never was
        number = int(version)
        if status == "accepted":
            self._note(device_id, delivered=number)
        elif status == "applied":
            self._note(device_id, delivered=number, applied=number, problem=known.problem if known.is_too_large else "")
        else:
            self._note(device_id, delivered=number, problem=f"{status}: {event.data.get('reason') or 'no reason given'}"[:300])

    def _note(self, device_id: str, **facts: Any) -> None:
        old = self.delivery(device_id)
        new = msgspec.structs.replace(old, **facts)
        if new == old:
            return
        self._known[device_id] = new
        if new.applied != old.applied or new.problem != old.problem:
            data = {"device": device_id, "version": new.delivered, "problem": new.problem}
            self._bus.emit("device.config_refused" if new.problem else "device.config_applied", data)
        self._is_unkept = True
        self._wake()

"""Join mode: for ten minutes one account of the broker lets one new board ask in, and take its credentials when it is approved.

One code is for one board: a second one that asks with it closes the window and is told of, because the answer would reach both.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from autocore.broker.accounts import JOINING
from autocore.broker.grants import rights_to_join
from autocore.broker.security import BrokerSecurity
from autocore.core.bus import Bus, Event
from autocore.core.clock import NS, Clock, Timer
from autocore.core.devices import Device, DeviceRegistry, Standing
from autocore.core.errors import AutocoreError, InvalidData, Refused
from autocore.core.model import GATEWAY, Cause
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import Message
from autocore.core.names import readable, slug
from autocore.provisioning.provisioner import RESERVED, Issued, Provisioner
from autocore.provisioning.wire import EnrolAnswer, EnrolBroker, EnrolRequest

OWNER = "core"
WINDOW_S = 600.0  # security.md 8
CODE_CHARS = 10  # of 32: 50 bits, for ten minutes
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that are taken for another

log = logging.getLogger("autocore.devices")


@dataclass(slots=True)
class Window:
    """An open window; the code is password and part of the topic.

    Attributes:
        until_ns: monotonic time at which it closes.
        device: the board that asked, by the id that it was found under.
    """

    code: str = field(repr=False)
    until_ns: int
    device: str | None = None
    request: EnrolRequest | None = None
    is_answered: bool = False

    @property
    def username(self) -> str:
        """The account of the broker."""
        return JOINING


class Joining:
    """Opens and closes the window, finds who asks, and answers who is approved.

    Args:
        hub: where boards ask.
        security: opens and closes the account.
        provisioner: issues credentials.
        devices: where the board that asks is found.
        bus: told of all of it.
        clock: closes the window.
        broker: what a board must know to come back: address and the CA's certificate.
    """

    def __init__(
        self,
        hub: MqttHub,
        security: BrokerSecurity,
        provisioner: Provisioner,
        devices: DeviceRegistry,
        bus: Bus,
        clock: Clock,
        broker: Callable[[], tuple[EnrolBroker, str | None]],
    ) -> None:
        self.window: Window | None = None
        self._hub = hub
        self._security = security
        self._provisioner = provisioner
        self._devices = devices
        self._bus = bus
        self._clock = clock
        self._broker = broker
        self._timer: Timer | None = None
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Listen to who asks; nobody else in the gateway answers."""
        enrol = f"{self._hub.root}/enrol"
        self._undo = [
            self._hub.claim(f"{enrol}/#", OWNER),
            self._hub.subscribe(f"{enrol}/+/request", self._on_request, qos=1, urgent=True),
            self._bus.on("device.online", self._on_online),
        ]

    async def stop(self) -> None:
        """Close the window."""
        for undo in reversed(self._undo):
            undo()
        if self.window is not None:
            await self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def open(self, cause: Cause) -> Window:
        """Open a window with a new code; one that is open closes.

        Raises:
            Refused: the broker is another's, which lets in whom it likes (`foreign_broker`).
            BrokerError: it does not do it: it is away.
        """
        self._provisioner.check_enforced()
        async with self._turn:
            code = "".join(secrets.choice(LETTERS) for _ in range(CODE_CHARS))
            self._forget()
            await self._security.let_join(rights_to_join(self._hub.root, code), code)
            self.window = Window(code, self._clock.monotonic_ns() + round(WINDOW_S * NS))
            self._timer = self._clock.call_later(WINDOW_S, self._late)
        self._bus.emit("device.joining", {"is_open": True}, cause)
        return self.window

    async def close(self, cause: Cause = GATEWAY) -> None:
        """Close the window; harmless when none is open. Raises BrokerError."""
        async with self._turn:
            if self.window is None:
                return
            self._forget()
            try:
                await self._security.refuse_joining()
            finally:
                self._bus.emit("device.joining", {"is_open": False}, cause)

    def waits(self, device_id: str) -> bool:
        """Say whether a board waits to be answered under this id."""
        return self.window is not None and self.window.device == device_id

    async def answer(self, device_id: str, found_id: str, cause: Cause) -> Issued:
        """Answer the board that asked and was found as `found_id` with new credentials of the approved device `device_id`.

        Raises:
            Refused: no board waits under that id, or the device is not approved.
            BrokerError, StorageError: it could not be done; the board asks again.
        """
        window = self.window
        if window is None or window.device != found_id:
            raise Refused(f"no board waits as {found_id}; open join mode and let it ask again", code="not_waiting")
        issued = await self._provisioner.issue(device_id, cause)
        broker, ca = self._broker()
        answer = EnrolAnswer(issued.device, issued.device, issued.password, broker, ca)
        self._hub.publish(f"{self._hub.root}/enrol/{window.code}/answer", answer, qos=1, owner=OWNER)
        window.device, window.is_answered = device_id, True
        return issued

    async def replace(self, device_id: str, found_id: str, cause: Cause) -> Device:
        """Put the board that asked and was found as `found_id` in the place of a device; the old board is cut off.

        Raises:
            UnknownName: no such device.
            Refused: no board waits under that id, or the device is not approved, or it is the same.
            BrokerError, StorageError: it could not be done; the board asks again.
        """
        device = self._devices.get(device_id)
        if device_id == found_id:
            raise Refused(f"{device_id} cannot take its own place; approve it", code="same_device")
        found = self._devices.get(found_id)
        await self.answer(device_id, found_id, cause)
        await self._provisioner.forget(found_id, cause)
        facts = {"mac": found.mac, "firmware": found.firmware, "capabilities": found.capabilities}
        self._devices.update(device.id, **facts)
        self._bus.emit("device.replaced", {"device": device_id, "mac": found.mac or ""}, cause)
        return self._devices.get(device_id)

    def _on_request(self, message: Message) -> None:
        window, code = self.window, message.topic.split("/")[-2]
        if window is None or not secrets.compare_digest(code.encode(), window.code.encode()) or message.retain:
            self._hub.reject(f"{self._hub.root}/enrol/…/request", None, "code", "no window is open with this code")
            return
        try:
            request = message.decode(EnrolRequest)
        except InvalidData as error:
            self._hub.reject(f"{self._hub.root}/enrol/…/request", None, error.field, error.message)
            return
        if window.request is not None and request != window.request:
            log.warning("two boards asked with one joining code; the window is closed, open it again for each of them")
            self._bus.emit("device.joining_refused", {"type": request.type, "mac": request.mac or ""})
            self._spawn(self.close())
            return
        if window.device is None:
            self._find(window, request)
        elif window.is_answered:
            self._spawn(self.answer(window.device, window.device, GATEWAY))  # the answer was lost

    def _find(self, window: Window, request: EnrolRequest) -> None:
        device_id = self._free_id(request)
        found = Device(
            id=device_id,
            name=readable(request.name or "") or device_id,
            type=readable(request.type),
            mac=None if request.mac is None else readable(request.mac),
            firmware=None if request.firmware is None else readable(request.firmware),
            capabilities=tuple(map(readable, request.capabilities)),
            standing=self._devices.first,
        )
        try:
            self._devices.add(found, Cause("device", device_id))
        except Refused as error:
            log.warning("a board asked to join: %s", error)
            return
        window.device, window.request = device_id, request
        if found.standing is Standing.APPROVED:  # `devices: {approve: automatic}`
            self._spawn(self.answer(device_id, device_id, GATEWAY))

    def _free_id(self, request: EnrolRequest) -> str:
        name = slug(request.name or "") or slug(request.type) or "board"
        taken = RESERVED | {one.id for one in self._devices}
        return next(one for one in (name, *(f"{name[:60]}_{number}" for number in range(2, 10_000))) if one not in taken)

    def _on_online(self, event: Event) -> None:
        """Close the window once the board came back with what it was given."""
        window = self.window
        if window is not None and window.is_answered and window.device == event.data["device"]:
            self._spawn(self.close())

    def _late(self) -> None:
        self._spawn(self.close())

    def _forget(self) -> None:
        self.window = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Coroutine[Any, Any, object]) -> None:
        try:
            await work
        except AutocoreError as error:
            log.warning("join mode: %s", error)

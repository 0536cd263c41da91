"""Holding from a display on MQTT: `display/{id}/hold`, ten times a second while a thumb is there (safety.md, rule 2).

The broker vouches for the display: nobody else may publish under its id. What is held is an entity.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import msgspec

from autocore.core.bus import Event
from autocore.core.errors import AutocoreError, InvalidData, Refused
from autocore.core.holds import Ending
from autocore.core.host import Core
from autocore.core.model import Caller, Cause, Role
from autocore.core.mqtt.message import Message

CAPABILITY = "display"
FINGERS = 10  # of one display
LAPSED_KEPT = 1_024  # a hold that is over never lives again; its number is random, and beats of so long ago come no more
OWNER = "displays"
Word = TypeVar("Word")
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class DisplayHold(msgspec.Struct, frozen=True):
    """`display/{id}/hold`: a thumb is on an item; `t_ms` is the gateway's clock, as the display knows it from its welcome."""

    hold: Name
    item: Name
    n: int
    t_ms: int


class DisplayPress(msgspec.Struct, frozen=True):
    """`display/{id}/press`: what a thumb did."""

    item: Name
    action: Literal["tap", "hold", "release"]
    seq: int = 0


class DisplayHeld(msgspec.Struct, frozen=True, omit_defaults=True):
    """`display/{id}/held`: what became of a hold: it began (`ok`), was refused (`code`, `detail`), or is over (`reason`)."""

    hold: str
    ok: bool
    code: str | None = None
    detail: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class _Hand:
    lease: str
    caller: Caller
    item: str
    t_ms: int
    task: asyncio.Task[None] | None = None


class Displays:
    """The hands on all displays.

    Args:
        core: the core's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._hands: dict[tuple[str, str], _Hand] = {}
        self._lapsed: dict[tuple[str, str], None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], object]] = []

    def start(self) -> None:
        """Hear them from now on."""
        hub, bus = self._core.hub, self._core.bus
        self._undo = [
            hub.claim(f"{hub.root}/display/+/held", OWNER),
            hub.subscribe("{root}/display/+/hold", self._on_hold, urgent=True),
            hub.subscribe("{root}/display/+/press", self._on_press, qos=1, urgent=True),
            *(bus.on(name, self._on_gone) for name in ("device.offline", "device.unknown")),
        ]

    async def stop(self) -> None:
        """Let everything go, and hear them no more."""
        for undo in self._undo:
            undo()
        for device, hold in list(self._hands):
            self._release((device, hold), Ending.STOPPED)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_hold(self, message: Message) -> None:
        device = message.topic.split("/")[-2]
        word = self._read(message, DisplayHold)
        if word is None:
            return
        key = (device, word.hold)
        hand = self._hands.get(key)
        if hand is not None:
            with suppress(AutocoreError):  # it is over: the display has heard, or will
                self._core.holds.beat(hand.lease, word.t_ms, hand.caller)
        elif word.n == 1 and key not in self._lapsed:  # a beat alone turns nothing on
            self._press(key, word)

    def _press(self, key: tuple[str, str], word: DisplayHold) -> None:
        self._lapse(key)
        try:
            self._check(key[0])
        except Refused as error:
            self._tell(key, DisplayHeld(word.hold, ok=False, code=error.code, detail=str(error)))
            return
        session = getattr(self._core.devices.find(key[0]), "session", None)
        caller = Caller(Cause("mqtt", key[0]), Role.OPERATOR, session=session or key[0])
        hand = self._hands[key] = _Hand(secrets.token_urlsafe(16), caller, word.item, word.t_ms)
        self._core.holds.follow(hand.lease, lambda ending: self._over(key, ending))
        hand.task = asyncio.get_running_loop().create_task(self._begin(key, hand))
        self._tasks.add(hand.task)
        hand.task.add_done_callback(self._tasks.discard)

    def _check(self, device: str) -> None:
        if sum(one == device for one, _ in self._hands) >= FINGERS:
            raise Refused(f"a display holds at most {FINGERS} items at once", code="busy")

    async def _begin(self, key: tuple[str, str], hand: _Hand) -> None:
        service = f"{hand.item.partition('.')[0]}.hold"
        try:
            await self._core.services.call(service, {"entity": hand.item, "lease": hand.lease, "tick": hand.t_ms}, hand.caller)
        except AutocoreError as error:
            self._refuse(key, error.code, str(error))
        else:
            self._tell(key, DisplayHeld(key[1], ok=True))

    def _on_press(self, message: Message) -> None:
        device = message.topic.split("/")[-2]
        word = self._read(message, DisplayPress)
        if word is not None and word.action == "release":
            for key, hand in list(self._hands.items()):
                if key[0] == device and hand.item == word.item:
                    self._release(key, Ending.RELEASED)

    def _on_gone(self, event: Event) -> None:
        for key in [one for one in self._hands if one[0] == event.data["device"]]:
            self._release(key, Ending.GONE)

    def _release(self, key: tuple[str, str], ending: Ending) -> None:
        hand = self._hands[key]
        try:
            self._core.holds.release(hand.lease, hand.caller, ending)
        except AutocoreError:  # it has not begun yet, and shall not
            if hand.task is not None:
                hand.task.cancel()
            self._refuse(key, "released", "it was let go before it began")

    def _refuse(self, key: tuple[str, str], code: str, detail: str) -> None:
        hand = self._hands.pop(key, None)
        if hand is not None:
            self._core.holds.forget(hand.lease)
            self._tell(key, DisplayHeld(key[1], ok=False, code=code, detail=detail))

    def _over(self, key: tuple[str, str], ending: Ending) -> None:
        self._hands.pop(key, None)
        if ending is not Ending.REFUSED:  # the answer to the press says that
            self._tell(key, DisplayHeld(key[1], ok=False, reason=ending.value))

    def _lapse(self, key: tuple[str, str]) -> None:
        self._lapsed[key] = None
        if len(self._lapsed) > LAPSED_KEPT:
            del self._lapsed[next(iter(self._lapsed))]

    def _tell(self, key: tuple[str, str], word: DisplayHeld) -> None:
        with suppress(Refused):  # the broker is away, and so is the display
            self._core.hub.publish(f"{self._core.hub.root}/display/{key[0]}/held", word, owner=OWNER)

    def _read(self, message: Message, kind: type[Word]) -> Word | None:
        """Give what a display says that may: None for a stored message, and for what is refused."""
        if message.retain or not message.payload:
            return None
        device_id = message.topic.split("/")[-2]
        try:
            word = message.decode(kind)
            if not self._core.devices.admit(device_id):
                return None
        except InvalidData as error:
            self._core.hub.reject(message.topic, device_id, error.field, error.message)
            return None
        device = self._core.devices.find(device_id)
        if device is None or CAPABILITY not in device.granted:
            self._core.hub.reject(message.topic, device_id, "topic", "it was not granted to be a display; approve it as one")
            return None
        return word

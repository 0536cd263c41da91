"""One relay channel as people meet it: carries out what its state machine says, and shows what the board reported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from autocore.api import (
    AutocoreError,
    Cause,
    Command,
    Ending,
    Entity,
    Grip,
    Hold,
    NoAnswer,
    PluginHost,
    Refused,
    Sensor,
    Stamp,
    Switch,
)

from .channel import (
    Answer,
    Ask,
    Beat,
    Channel,
    ChannelEvent,
    ChannelType,
    Drop,
    Fail,
    Hide,
    LetGo,
    Pass,
    Send,
    Settle,
    Show,
    Tick,
    Wake,
    step,
)
from .groups import Group
from .section import BoardSection, ChannelSection

NS = 1_000_000_000
COUNT_DOWN_S = 1.0
_request_numbers = count(1)


class RelayCommand(msgspec.Struct, frozen=True, omit_defaults=True):
    """`relays/{id}/command`: one command for one channel, with the stamp that makes it good once."""

    id: str
    channel: int
    state: bool
    type: str
    session: str
    seq: int
    epoch: int
    t_ms: int
    ttl_ms: int
    duration_ms: int | None = None
    hold: str | None = None


class RelayHeartbeat(msgspec.Struct, frozen=True):
    """`relays/{id}/heartbeat`: the hand that holds a channel is still there; `t_ms` is the stamp of the holder."""

    hold: str
    channel: int
    n: int
    t_ms: int


@dataclass(slots=True)
class Request:
    """A caller that waits for one command."""

    number: int
    stamp: Stamp
    cause: Cause
    done: asyncio.Future[bool]


class Line:
    """One channel of a board: its state machine, its entity, and whoever waits for it."""

    def __init__(self, host: PluginHost, board: BoardSection, section: ChannelSection, group: Group | None = None) -> None:
        self.section = section
        self._group = group
        self._host = host
        self._board = board
        self._machine = Channel(section.type, board.answer_within_s, section.on_s, section.max_on_s)
        self._requests: dict[int, Request] = {}
        self.entity: Entity = host.entities.add(
            Switch(
                section.key,
                name=section.name,
                unique=str(section.number),
                device=board.device,
                icon=section.icon,
                area=section.area,
                attributes={"type": section.type.value, "board": board.device, "channel": section.number},
                written=section.written,
            ),
            on_command=self.command,
            on_hold=Grip(self.press, self.beat, self.release) if section.type is ChannelType.MOMENTARY else None,
        )
        self._ends_ns: int | None = None
        self._stop_counting: Callable[[], None] | None = None
        self.remaining: Entity | None = None
        """The seconds that a timed channel stays on; None for the other types."""
        if section.type is ChannelType.TIMED:
            self.remaining = host.entities.add(
                Sensor(
                    f"{section.key}_remaining",
                    name=f"{section.name}: remaining",
                    unique=f"{section.number} remaining",
                    device=board.device,
                    unit="s",
                    device_class="duration",
                    icon="clock",
                    area=section.area,
                )
            )
        if group is not None:
            group.join(self)

    async def command(self, command: Command) -> Mapping[str, Any]:
        """Carry out `turn_on`, `turn_off` or `toggle`, and give the outcome once the board answered.

        Raises:
            Refused: the board is offline, said no, or a newer command took this one's place.
            NoAnswer: the board stayed silent.
        """
        if self._wanted(command.verb):
            return await self._turn_on(command)
        return await self._ask(command, is_on=False)

    async def press(self, hold: Hold, command: Command) -> Mapping[str, Any]:
        """Turn it on for a hand; raises as `command`."""
        return await self._turn_on(command, hold)

    async def _turn_on(self, command: Command, hold: Hold | None = None) -> Mapping[str, Any]:
        async with self._group.room_for(self, command) if self._group is not None else nullcontext():
            if hold is not None and hold.is_over:  # while there was no room yet
                raise Refused(f"{self.section.name} was let go before it could be turned on", code="released")
            return await self._ask(command, is_on=True, hold=None if hold is None else hold.id)

    @property
    def is_off(self) -> bool:
        """Whether it is off for sure."""
        return self._machine.is_off

    def beat(self, hold: str, number: int, t_ms: int) -> None:
        """Pass a beat of its hand on."""
        self.take(Beat(hold, number, t_ms))

    def release(self, hold: str, _ending: Ending) -> None:
        """Turn it off: its hand is gone."""
        self.take(LetGo(hold, self._host.clock.monotonic_ns()))

    async def _ask(self, command: Command, *, is_on: bool, hold: str | None = None) -> Mapping[str, Any]:
        stamp = self._host.devices.stamp(self._board.device)
        request = Request(next(_request_numbers), stamp, command.caller.cause, asyncio.get_running_loop().create_future())
        self._requests[request.number] = request
        try:
            self.take(Ask(request.number, is_on, self._host.clock.monotonic_ns(), hold))
            if not command.waits:
                return {"outcome": "asked", "command": stamp.id}
            is_confirmed = await request.done
        finally:
            if command.waits:
                self._requests.pop(request.number, None)
        outcome = "applied" if is_confirmed else "unconfirmed"
        return {"outcome": outcome, "command": stamp.id, "value": self.entity.state.value}

    def take(self, event: ChannelEvent) -> None:
        """Bring the state machine one event further and do what it says."""
        self._machine, outputs = step(self._machine, event)
        for output in outputs:
            match output:
                case Send():
                    self._send(output)
                case Pass(hold, number, t_ms):
                    self._pass(RelayHeartbeat(hold, self.section.number, number, t_ms))
                case Drop(is_by_board=is_by_board):
                    self._host.entities.let_go(self.entity, Ending.BOARD if is_by_board else Ending.TURNED_OFF)
                case Settle(number, is_confirmed):
                    self._finish(number, is_confirmed)
                case Fail():
                    self._finish(output.request, self._error(output))
                case Show():
                    self._show(output)
                case Hide():
                    self.entity.lose()
                    self._count_down(None)
                case Wake(at_ns):
                    delay_s = max(0.0, (at_ns - self._host.clock.monotonic_ns()) / NS)
                    self._host.schedule.after(delay_s, self.wake)

    def _show(self, output: Show) -> None:
        request = self._requests.get(output.request) if output.request is not None else None
        before = self.entity.state.value if self.entity.state.available else None
        came_on = output.is_on and not before
        self.entity.set(output.is_on, request.cause if request else Cause("device", self._board.device))
        if not output.is_on:
            self._count_down(0)
        elif came_on or request is not None:
            self._count_down(round(self.section.on_s * NS))
        if self._group is not None and came_on and request is None:
            self._group.came_on(self)
        elif self._group is not None and before is not False and not output.is_on:
            self._group.went_off(self)  # also one of which nobody knew: its board may have let go a moment ago

    def _count_down(self, left_ns: int | None) -> None:
        """Show from now on how long a timed channel stays on; None: nobody knows."""
        if self._stop_counting is not None:
            self._stop_counting()
            self._stop_counting = None
        if self.remaining is None:
            return
        if left_ns is None:
            self.remaining.lose()
            return
        self._ends_ns = self._host.clock.monotonic_ns() + left_ns
        self._show_remaining()
        if left_ns:
            self._stop_counting = self._host.schedule.every(COUNT_DOWN_S, self._show_remaining)

    def _show_remaining(self) -> None:
        if self.remaining is not None and self._ends_ns is not None:
            left_ns = self._ends_ns - self._host.clock.monotonic_ns()
            self.remaining.set(max(0, round(left_ns / NS)))

    def wake(self) -> None:
        """Tell the state machine that time went on."""
        self.take(Tick(self._host.clock.monotonic_ns()))

    def answered(self, command_id: str, status: str, reason: str | None) -> bool:
        """Take the board's ack when the command was this channel's; say whether it was."""
        for request in self._requests.values():
            if request.stamp.id == command_id:
                self.take(Answer(request.number, status, reason, self._host.clock.monotonic_ns()))
                return True
        return False

    def _wanted(self, verb: str) -> bool:
        if verb != "toggle":
            return verb == "turn_on"
        state = self.entity.state
        if not state.available:
            raise Refused(f"{self.section.name} cannot be toggled: the board has not said what it is", code="offline")
        return not state.value

    def _send(self, output: Send) -> None:
        request = self._requests.get(output.request) if output.request is not None else None
        try:
            # A late release is the gateway's own command: it needs a stamp of its own.
            stamp = request.stamp if request else self._host.devices.stamp(self._board.device)
            body = RelayCommand(
                channel=self.section.number,
                state=output.is_on,
                type=self.section.type.value,
                duration_ms=output.duration_ms,
                hold=output.hold,
                **msgspec.structs.asdict(stamp),
            )
            expiry_s = -(-stamp.ttl_ms // 1000)  # a broker that keeps it for a sleeping board throws it away by then
            self._host.mqtt.publish(f"{{root}}/relays/{self._board.device}/command", body, qos=2, expiry_s=expiry_s)
        except Refused as error:
            if request is None:
                self._host.log.warning("%s cannot be told to turn off: %s; its board does so itself", self.section.name, error)
            elif not request.done.done():
                request.done.set_exception(error)
        else:
            if request is None and output.hold is None:
                self._host.log.warning("%s was on longer than it should be; the gateway released it", self.section.name)

    def _pass(self, beat: RelayHeartbeat) -> None:
        with suppress(Refused):  # no broker, or one that does not read: a beat is not kept for later, and the board lets go
            self._host.mqtt.publish(f"{{root}}/relays/{self._board.device}/heartbeat", beat, qos=0)

    def _finish(self, number: int, outcome: bool | AutocoreError) -> None:  # noqa: FBT001  # the outcome itself
        request = self._requests.pop(number, None)
        if request is None or request.done.done():
            return
        if isinstance(outcome, AutocoreError):
            request.done.set_exception(outcome)
            request.done.exception()  # whoever did not wait for it has been answered already
        else:
            request.done.set_result(outcome)

    def _error(self, output: Fail) -> AutocoreError:
        sentence = f"{self.section.name}: {output.reason}"
        if output.code == "no_answer":
            return NoAnswer(sentence, waited_s=self._board.answer_within_s)
        return Refused(sentence, code=output.code)

"""One relay channel as people meet it: carries out what its state machine says, and shows what the board reported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
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
    Severity,
    Stamp,
    Switch,
)

from .channel import Channel, step
from .comeback import Comeback
from .conditions import Conditions
from .countdown import Countdown
from .counts import Count, Counts
from .events import (
    Alarm,
    Answer,
    Ask,
    Beat,
    ChannelEvent,
    ChannelType,
    Drop,
    Fail,
    Halt,
    Halted,
    Hide,
    LetGo,
    Pass,
    Resume,
    SafeState,
    Send,
    Settle,
    Show,
    Tick,
    Wake,
)
from .groups import Group
from .section import BoardSection, ChannelSection, tested
from .wire import RelayCommand, RelayHeartbeat

NS = 1_000_000_000
_request_numbers = count(1)


@dataclass(slots=True)
class Request:
    """A caller that waits for one command."""

    number: int
    stamp: Stamp
    cause: Cause
    done: asyncio.Future[bool]


class Line:
    """One channel of a board: its state machine, its entity, and whoever waits for it.

    Args:
        host: the plugin's host.
        board: its board.
        section: what is written of it.
        counts: how often channels came on.
        groups: those that it is in, in the order in which room is made.
    """

    def __init__(
        self, host: PluginHost, board: BoardSection, section: ChannelSection, counts: Counts, groups: Iterable[Group] = ()
    ) -> None:
        self._counts = counts
        self.section = section
        self._groups = tuple(groups)
        self._host = host
        self._board = board
        self._machine = Channel(
            section.type,
            board.answer_within_s,
            section.on_s,
            section.max_on_s,
            safe_state=section.safe_state,
            min_off_s=section.min_off_s,
            duty=section.duty,
            is_stopped=host.entities.are_stopped,
        )
        self._requests: dict[int, Request] = {}
        self._halt: str | None = None
        """The id of the last command that stopped it."""
        self.entity: Entity = host.entities.add(
            _switch(board, section),
            on_command=self.command,
            on_stop=self.stop,
        )
        self._offer_hold()
        self.countdown = Countdown(host, board.device, section) if section.type is ChannelType.TIMED else None
        self._conditions = Conditions(host, section.conditions, self._on_condition_lost)
        self._is_ending = False
        was_on = section.restores and self.entity.state.value is True
        self._comeback = Comeback(host, self.entity.id, section.name, was_on=was_on) if section.restores else None
        for group in self._groups:
            group.join(self)

    def test(self, *, is_tested: bool) -> None:
        """Be on only while it is held, for a test of the board; or be again what is written."""
        section = tested(self.section) if is_tested else self.section
        self._machine = replace(self._machine, type=section.type, safe_state=section.safe_state)
        self._host.entities.describe(self.entity, _switch(self._board, section))
        self._offer_hold()

    def _offer_hold(self) -> None:
        is_held = self._machine.type is ChannelType.MOMENTARY
        self._host.entities.hold(self.entity, Grip(self.press, self.beat, self.release) if is_held else None)

    @property
    def name(self) -> str:
        """Which channel of which board it is: `<board>/<number>`."""
        return f"{self._board.device}/{self.section.number}"

    @property
    def count(self) -> Count:
        """How often it came on, and for how long."""
        return self._counts.of(self.name)

    @property
    def load_a(self) -> float:
        """What it draws, in amperes."""
        return self.section.load_a

    async def command(self, command: Command) -> Mapping[str, Any]:
        """Carry out `turn_on`, `turn_off` or `toggle`, and give the outcome once the board answered.

        Raises:
            Refused: the board is offline, said no, or a newer command took this one's place.
            NoAnswer: the board stayed silent.
        """
        is_on = self._wanted(command.verb)
        if self._comeback is not None:
            self._comeback.touched()
        return await (self._turn_on(command) if is_on else self._ask(command, is_on=False))

    async def press(self, hold: Hold, command: Command) -> Mapping[str, Any]:
        """Turn it on for a hand; raises as `command`."""
        return await self._turn_on(command, hold)

    async def _turn_on(self, command: Command, hold: Hold | None = None) -> Mapping[str, Any]:
        self._check_conditions()
        async with AsyncExitStack() as room:
            for group in self._groups:
                await room.enter_async_context(group.room_for(self, command))
            if hold is not None and hold.is_over:  # while there was no room yet
                raise Refused(f"{self.section.name} was let go before it could be turned on", code="released")
            self._check_conditions()
            for group in self._groups:
                group.check(self)
            return await self._ask(command, is_on=True, hold=hold)

    def _check_conditions(self) -> None:
        words = self._conditions.unmet()
        if words is not None:
            raise Refused(f"{self.section.name} stays off: {words}", code="condition")

    def _on_condition_lost(self, words: str) -> None:
        if self.section.keeps_on or self.is_off or not self.entity.state.value or self._is_ending:
            return
        self._is_ending = True
        self._host.log.warning("%s is turned off: %s", self.section.name, words)
        self._host.spawn(self._end(words))

    async def _end(self, words: str) -> None:
        try:
            await self._host.services.call("switch.turn_off", {"entity": self.entity.id})
        except AutocoreError as error:
            text = f"{self.section.name} must be off ({words}), and cannot be turned off: {error}"
            self._host.notify(text, title="A condition is lost", severity=Severity.CRITICAL)
        finally:
            self._is_ending = False

    @property
    def is_off(self) -> bool:
        """Whether it is off for sure."""
        return self._machine.is_off

    def stop(self, is_stopped: bool) -> None:  # noqa: FBT001  # the signal
        """Go to the safe state at once: everything is stopped; or know that this was reset."""
        if is_stopped and self._comeback is not None:
            self._comeback.touched()
        self.take(Halt(self._host.clock.monotonic_ns()) if is_stopped else Resume())

    def settled(self) -> None:
        """Take note that the board works by its configuration."""
        if self._comeback is not None:
            self._comeback.settled()

    def beat(self, hold: str, number: int, t_ms: int) -> None:
        """Pass a beat of its hand on."""
        self.take(Beat(hold, number, t_ms))

    def release(self, hold: str, _ending: Ending) -> None:
        """Turn it off: its hand is gone."""
        self.take(LetGo(hold, self._host.clock.monotonic_ns()))

    async def _ask(self, command: Command, *, is_on: bool, hold: Hold | None = None) -> Mapping[str, Any]:
        stamp = self._host.devices.stamp(self._board.device)
        if hold is not None:
            stamp = msgspec.structs.replace(stamp, t_ms=hold.t_ms)
        request = Request(next(_request_numbers), stamp, command.caller.cause, asyncio.get_running_loop().create_future())
        self._requests[request.number] = request
        try:
            now_ns = self._host.clock.monotonic_ns()
            self.take(Ask(request.number, is_on, now_ns, None if hold is None else hold.id))
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
                case Send() | Pass():
                    self._say(output)
                case Drop(why=why):
                    self._host.entities.let_go(self.entity, Ending(why))
                case Settle() | Fail():
                    self._finish(output.request, output.is_confirmed if isinstance(output, Settle) else self._error(output))
                case Show():
                    self._show(output)
                case Hide():
                    self._hide()
                case Alarm():
                    words = f"{self.section.name}: its board does not say that it is in its safe state"
                    self._host.notify(words, title="Not stopped", severity=Severity.CRITICAL)
                case Wake(at_ns):
                    delay_s = max(0.0, (at_ns - self._host.clock.monotonic_ns()) / NS)
                    self._host.schedule.after(delay_s, self.wake)

    def _show(self, output: Show) -> None:
        request = self._requests.get(output.request) if output.request is not None else None
        before = self.entity.state.value if self.entity.state.available else None
        came_on = output.is_on and not before
        self.entity.set(output.is_on, request.cause if request else Cause("device", self._board.device))
        self._counts.take(self.name, is_on=output.is_on)
        if self.countdown is not None and self._machine.type.ends_itself and (not output.is_on or came_on or request is not None):
            self.countdown.begin(round(self.section.on_s * NS) if output.is_on else 0)
        if before is None and self._comeback is not None:
            self._comeback.returned(is_on=output.is_on)
        for group in self._groups:
            if came_on and request is None:
                group.came_on(self)
            elif before is not False and not output.is_on:
                group.went_off(self)  # also one of which nobody knew: its board may have let go a moment ago
            group.changed()
        if came_on and request is None and (words := self._conditions.unmet()) is not None:
            self._on_condition_lost(words)

    def _hide(self) -> None:
        state = self.entity.state
        if self._comeback is not None and state.available:
            self._comeback.lost(was_on=state.value is True)
        self.entity.lose()
        self._counts.take(self.name, is_on=None)
        for group in self._groups:
            group.changed()
        if self.countdown is not None:
            self.countdown.lose()

    def wake(self) -> None:
        """Tell the state machine that time went on."""
        self.take(Tick(self._host.clock.monotonic_ns()))

    def answered(self, command_id: str, status: str, reason: str | None) -> bool:
        """Take the board's ack when the command was this channel's; say whether it was."""
        if command_id == self._halt:
            if status == "applied":
                self.take(Halted())
            return True
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

    def _say(self, output: Send | Pass) -> None:
        if isinstance(output, Send):
            self._send(output)
        else:
            self._pass(RelayHeartbeat(output.hold, self.section.number, output.number, output.t_ms))

    def _send(self, output: Send) -> None:
        request = self._requests.get(output.request) if output.request is not None else None
        try:
            # A late release is the gateway's own command: it needs a stamp of its own.
            stamp = request.stamp if request else self._host.devices.stamp(self._board.device)
            body = RelayCommand(
                channel=self.section.number,
                state=output.is_on,
                type=self._machine.type.value,
                duration_ms=output.duration_ms,
                hold=output.hold,
                **msgspec.structs.asdict(stamp),
            )
            expiry_s = -(-stamp.ttl_ms // 1000)  # a broker that keeps it for a sleeping board throws it away by then
            topic, is_stop = f"{{root}}/relays/{self._board.device}/command", output.why == "stop"
            if is_stop:
                self._halt = stamp.id
            self._host.mqtt.publish(topic, body, qos=2, expiry_s=expiry_s, at_once=is_stop)
        except Refused as error:
            if request is None:
                self._host.log.warning("%s cannot be told: %s; its board does so itself", self.section.name, error)
            elif not request.done.done():
                request.done.set_exception(error)
        else:
            if output.why == "late":
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


def _switch(board: BoardSection, section: ChannelSection) -> Switch:
    facts = {"type": section.type.value, "board": board.device, "channel": section.number}
    further = {"purpose": section.purpose, "priority": section.priority}
    return Switch(
        section.key,
        name=section.name,
        unique=str(section.number),
        device=board.device,
        icon=section.icon,
        area=section.area,
        attributes={**facts, **{name: fact for name, fact in further.items() if fact is not None}},
        protection=section.protection,
        role=section.role,
        allow_in_automation=section.allow_in_automation,
        is_safe_off=section.safe_state is SafeState.OFF,
        written=section.written,
    )

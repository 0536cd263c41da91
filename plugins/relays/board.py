"""One relay board on MQTT: carries out what its channels' state machines say, and takes in what the board reports."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from autocore.api import (
    AutocoreError,
    Cause,
    Command,
    Entity,
    Event,
    Message,
    NoAnswer,
    PluginHost,
    Presence,
    Refused,
    Stamp,
    Switch,
)

from .channel import Answer, Ask, Channel, ChannelEvent, Fail, Hide, Lost, Report, Send, Settle, Show, Tick, Wake, step
from .section import BoardSection, ChannelSection

NS = 1_000_000_000
_request_numbers = count(1)


class RelayState(msgspec.Struct, frozen=True):
    """`relays/{id}/state`: what every channel of a board is."""

    channels: dict[str, bool]
    cause: str | None = None
    seq: int | None = None


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


@dataclass(slots=True)
class Request:
    """A caller that waits for one command."""

    number: int
    stamp: Stamp
    cause: Cause
    done: asyncio.Future[bool]


class Line:
    """One channel of a board: its state machine, its entity, and whoever waits for it."""

    def __init__(self, host: PluginHost, board: BoardSection, section: ChannelSection) -> None:
        self.section = section
        self._host = host
        self._board = board
        self._machine = Channel(section.type, board.answer_within_s, section.pulse_s)
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
            ),
            on_command=self.command,
        )

    async def command(self, command: Command) -> Mapping[str, Any]:
        """Carry out `turn_on`, `turn_off` or `toggle`, and give the outcome once the board answered.

        Raises:
            Refused: the board is offline, said no, or a newer command took this one's place.
            NoAnswer: the board stayed silent.
        """
        wants_on = self._wanted(command.verb)
        stamp = self._host.devices.stamp(self._board.device)
        request = Request(next(_request_numbers), stamp, command.caller.cause, asyncio.get_running_loop().create_future())
        self._requests[request.number] = request
        try:
            self.take(Ask(request.number, wants_on, self._host.clock.monotonic_ns()))
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
                case Settle(number, is_confirmed):
                    self._finish(number, is_confirmed)
                case Fail():
                    self._finish(output.request, self._error(output))
                case Show(is_on, number):
                    request = self._requests.get(number) if number is not None else None
                    self.entity.set(is_on, request.cause if request else Cause("device", self._board.device))
                case Hide():
                    self.entity.lose()
                case Wake(at_ns):
                    delay_s = max(0.0, (at_ns - self._host.clock.monotonic_ns()) / NS)
                    self._host.schedule.after(delay_s, self.wake)

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
                **msgspec.structs.asdict(stamp),
            )
            self._host.mqtt.publish(f"{{root}}/relays/{self._board.device}/command", body, qos=2)
        except Refused as error:
            if request is None:
                self._host.log.warning("%s is on longer than its pulse and cannot be released: %s", self.section.name, error)
            elif not request.done.done():
                request.done.set_exception(error)
        else:
            if request is None:
                self._host.log.warning("%s was on longer than its pulse; the gateway released it", self.section.name)

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


class Board:
    """All configured channels of one board."""

    def __init__(self, host: PluginHost, section: BoardSection) -> None:
        self.section = section
        self._host = host
        self.lines = {one.number: Line(host, section, one) for one in section.channels}
        host.mqtt.subscribe(f"{{root}}/relays/{section.device}/state", self.on_state, payload=RelayState, qos=1, urgent=True)
        host.events.on("device.ack", self.on_ack)
        host.events.on("device.offline", self.on_gone)
        host.events.on("device.unknown", self.on_gone)

    def on_state(self, message: Message, word: RelayState) -> None:
        """Take what the board reports; channels that the configuration does not name are left alone."""
        if not self._host.devices.admit(self.section.device):
            return
        device = self._host.devices.find(self.section.device)
        if message.retain and device is not None and device.presence is Presence.OFFLINE:
            return  # what the broker kept of a board that is gone says nothing about now
        now = self._host.clock.monotonic_ns()
        for number, line in self.lines.items():
            is_on = word.channels.get(str(number))
            if is_on is not None:
                line.take(Report(is_on, not message.retain, now))

    def on_ack(self, event: Event) -> None:
        """Take the board's answer to a command."""
        if event.data["device"] == self.section.device:
            for line in self.lines.values():
                if line.answered(event.data["id"], event.data["status"], event.data["reason"]):
                    return

    def on_gone(self, event: Event) -> None:
        """Show no channel as live when the board, or the link to the broker, is gone."""
        if event.data["device"] == self.section.device:
            now = self._host.clock.monotonic_ns()
            for line in self.lines.values():
                line.take(Lost(now))

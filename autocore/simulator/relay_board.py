"""A 16-channel relay board on MQTT: `board.py` decides, this carries words in and out and keeps the timer."""

from __future__ import annotations

import asyncio
import logging

import paho.mqtt.client as mqtt

from autocore.core.errors import InvalidData
from autocore.simulator.board import Board
from autocore.simulator.link import DeviceLink
from autocore.simulator.rules import BoardRules, read_configuration
from autocore.simulator.wire import Answer, Heartbeat, RelayCommand, decode

log = logging.getLogger(__name__)


class RelayBoard:
    """The board behind a link.

    Attributes:
        board: the channels.
        link: how it speaks.
    """

    def __init__(self, link: DeviceLink, rules: BoardRules | None = None) -> None:
        self.board = Board(link.trust, rules or BoardRules())
        self.link = link
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        link.body = self
        link.listen("relays/{id}/command", 2, self._on_command)
        link.listen("relays/{id}/heartbeat", 0, self._on_beat)
        link.listen("devices/{id}/config", 1, self._on_configuration, may_be_retained=True)
        self.restarted()

    async def run(self, stop: asyncio.Event) -> None:
        """Be on the air until `stop` is set."""
        try:
            await self.link.run(stop)
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def linked(self) -> None:
        """Go to the safe state and report it."""
        self.board.connected(self.link.clock_ms())
        self._publish(cause=next((report.cause for report in reversed(self.board.take_reports())), None))
        self._settle()

    def unlinked(self) -> None:
        """Begin to wait for the link time-out."""
        self.board.disconnected(self.link.clock_ms())
        self._settle()

    def gateway_changed(self) -> None:
        """Begin or end the wait for the link time-out."""
        self.board.gateway_changed(self.link.clock_ms())
        self._settle()

    def restarted(self) -> None:
        """Begin from power-up."""
        self.board.power_up(self.link.clock_ms())
        self._settle()

    def _on_command(self, message: mqtt.MQTTMessage) -> None:
        command = decode(message.payload, RelayCommand)
        answer = self.board.command(command, self.link.clock_ms())
        self._settle()  # the state first: whoever acts on the answer finds it
        self.link.answer(answer)

    def _on_beat(self, message: mqtt.MQTTMessage) -> None:
        self.board.beat(decode(message.payload, Heartbeat), self.link.clock_ms())
        self._settle()

    def _on_configuration(self, message: mqtt.MQTTMessage) -> None:
        configuration = read_configuration(message.payload)
        version = configuration.version
        try:
            rules = configuration.rules(self.board.rules)
        except InvalidData as error:
            self.board.deliver(version, self.board.rules, self.link.clock_ms())
            self.link.answer(Answer(str(version), "refused", str(error)))
        else:
            self.board.deliver(version, rules, self.link.clock_ms())
            self.link.answer(Answer(str(version), "applied"), on_delivered=lambda: self._on_acknowledged(version))
        self._settle()

    def _on_acknowledged(self, version: str | int) -> None:
        self.board.acknowledged(version, self.link.clock_ms())
        self._settle()

    def _on_timer(self) -> None:
        self.board.tick(self.link.clock_ms())
        self._settle()

    def _settle(self) -> None:
        """Publish what changed, and set the timer for what is due next."""
        for report in self.board.take_reports():
            self._publish(report.channels, report.cause, report.seq)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_ms = self.board.due_ms
        if due_ms is not None:
            rest_ms = max(0, due_ms - self.link.clock_ms())
            self._timer = self._loop.call_later(rest_ms / 1_000, self._on_timer)

    def _publish(self, channels: dict[int, bool] | None = None, cause: str | None = None, seq: int | None = None) -> None:
        state: dict[str, object] = {
            "channels": {str(number): is_on for number, is_on in (channels or self.board.channels).items()}
        }
        if cause is not None:
            state["cause"] = cause
        if seq is not None:
            state["seq"] = seq
        self.link.publish("relays/{id}/state", state, qos=1, retain=True)

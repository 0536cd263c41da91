"""One relay board on MQTT: takes in what it reports, and passes it to its channels."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from autocore.api import Event, Message, PluginHost, Presence

from .channel import Lost, Report
from .exclusive import ExclusiveGroup
from .line import Line
from .section import BoardSection, ChannelSection


class RelayState(msgspec.Struct, frozen=True):
    """`relays/{id}/state`: what every channel of a board is."""

    channels: dict[str, bool]
    cause: str | None = None
    seq: int | None = None


GroupOf = Callable[[str], ExclusiveGroup]


class Board:
    """The channels of one board: the configured ones, or those with which it registered.

    Attributes:
        section: what is written or known of it.
        lines: its channels by their numbers.
        is_found: it registered by itself; nobody wrote it down.
    """

    def __init__(self, host: PluginHost, section: BoardSection, group_of: GroupOf, *, is_found: bool = False) -> None:
        self.section = section
        self.is_found = is_found
        self._host = host
        self._group_of = group_of
        self.lines: dict[int, Line] = {}
        for one in section.channels:
            self.add(one)
        host.mqtt.subscribe(f"{{root}}/relays/{section.device}/state", self.on_state, payload=RelayState, qos=1, urgent=True)
        host.events.on("device.ack", self.on_ack)
        host.events.on("device.offline", self.on_gone)
        host.events.on("device.unknown", self.on_gone)

    def add(self, channel: ChannelSection) -> None:
        """Add a channel that it did not have; harmless when it has."""
        if channel.number not in self.lines:
            group = self._group_of(channel.exclusive) if channel.exclusive else None
            self.lines[channel.number] = Line(self._host, self.section, channel, group)

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

"""All relay boards: those of the configuration, and those that nobody wrote down.

A board that nobody wrote down becomes switches by what it registers with, or by what it reports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from autocore.api import Device, Event, Message, PluginHost, Refused, Standing, slug

from .board import Board
from .counts import Counts
from .exclusive import ExclusiveGroup
from .feeder import Feeder
from .groups import Group
from .interlock import InterlockGroup
from .section import ANSWER_WITHIN_S, BoardSection, ChannelSection

MOST_CHANNELS = 32  # of one board, as in the configuration
MOST_FOUND = 50  # what a stranger can make grow is bounded (security.md 13)


class RelayState(msgspec.Struct, frozen=True):
    """`relays/{id}/state`: what every channel of a board is."""

    channels: dict[str, bool]
    cause: str | None = None
    seq: int | None = None


class Boards:
    """The boards by their devices; hands each what is heard of it.

    Args:
        host: the plugin's host.
        sections: the boards of the configuration.
        fuses: of the feeders by their names, in amperes.
        discovers: whether boards that nobody wrote down are taken up.

    Attributes:
        feeders: the feeders by their names.
    """

    def __init__(
        self, host: PluginHost, sections: Sequence[BoardSection], fuses: Mapping[str, float], *, discovers: bool
    ) -> None:
        self._host = host
        self._discovers = discovers
        self._counts = Counts(host)
        self._groups: dict[tuple[type[Group], str], Group] = {}
        self.feeders = {name: Feeder(host, name, fuse_a) for name, fuse_a in fuses.items()}
        self._boards = {section.device: Board(host, section, self._counts, self._groups_of) for section in sections}

    def __iter__(self) -> Iterator[Board]:
        """Give the boards as they are shown: the written ones in their order, then the found ones by name."""
        boards = self._boards.values()
        yield from (one for one in boards if not one.is_found)
        yield from sorted((one for one in boards if one.is_found), key=lambda one: one.section.name)

    def find(self, device_id: str) -> Board | None:
        """Give a board, None when the device is none."""
        return self._boards.get(device_id)

    def get(self, device_id: str) -> Board:
        """Give a board.

        Raises:
            Refused: there is none of that id (`unknown`).
        """
        board = self._boards.get(device_id)
        if board is None:
            known = ", ".join(sorted(self._boards)) or "none"
            raise Refused(f"there is no board {device_id}; the boards are {known}", code="unknown")
        return board

    def start(self) -> None:
        """Hear what boards report and answer, and take up those that are known already."""
        self._counts.start()
        self._host.mqtt.subscribe("{root}/relays/+/state", self._on_state, payload=RelayState, qos=1, urgent=True)
        self._host.events.on("device.ack", self._on_ack)
        self._host.events.on("device.config_applied", self._on_configured)
        for event in ("device.offline", "device.unknown"):
            self._host.events.on(event, self._on_gone)
        if self._discovers:
            self._host.events.on("device.changed", self._on_device)
            for device in self._host.devices:
                self._consider(device)

    def _on_state(self, message: Message, word: RelayState) -> None:
        device = message.topic.split("/")[-2]
        board = self._boards.get(device)
        if (board is None and not self._discovers) or not self._host.devices.admit(device):
            return
        channels = {int(key): is_on for key, is_on in word.channels.items() if key.isascii() and key.isdecimal()}
        if board is None or board.is_found:
            board = self._take_up(device, (number for number in channels if 1 <= number <= MOST_CHANNELS))
        if board is not None:
            board.report(channels, is_retained=message.retain)

    def _on_ack(self, event: Event) -> None:
        board = self._boards.get(event.data["device"])
        if board is not None:
            board.answered(event.data["id"], event.data["status"], event.data["reason"])

    def _on_configured(self, event: Event) -> None:
        board = self._boards.get(event.data["device"])
        if board is not None:
            board.settled()

    def _on_gone(self, event: Event) -> None:
        board = self._boards.get(event.data["device"])
        if board is not None:
            board.lose()

    def _on_device(self, event: Event) -> None:
        device = self._host.devices.find(event.data["device"])
        if device is not None:
            self._consider(device)

    def _consider(self, device: Device) -> None:
        known = self._boards.get(device.id)
        has_relays = "relays" in device.capabilities or device.type == "relay_board"
        if has_relays and device.channels and device.standing is Standing.APPROVED and (known is None or known.is_found):
            self._take_up(device.id, range(1, min(device.channels, MOST_CHANNELS) + 1))

    def _take_up(self, device_id: str, numbers: Iterable[int]) -> Board | None:
        """Give the found board of a device with at least these channels, None when there are too many boards."""
        device = self._host.devices.find(device_id)
        name = device.label if device is not None else device_id
        board = self._boards.get(device_id)
        if board is None:
            if sum(one.is_found for one in self._boards.values()) >= MOST_FOUND:
                self._host.log.warning("%s is not shown: there are %s boards that nobody wrote down", device_id, MOST_FOUND)
                return None
            section = BoardSection(device_id, name, ANSWER_WITHIN_S, ())
            board = self._boards[device_id] = Board(self._host, section, self._counts, self._groups_of, is_found=True)
        for number in numbers:
            board.add(ChannelSection(number, f"{slug(device_id)}_{number}", f"{name} {number}"))
        return board

    def _groups_of(self, channel: ChannelSection) -> list[Group]:
        """Give the groups of a channel: what others carry counts after those that it turns off, or waits for, are off."""
        groups: list[Group] = []
        for kind, name in ((InterlockGroup, channel.interlock), (ExclusiveGroup, channel.exclusive)):
            if name is not None:
                groups.append(self._groups.setdefault((kind, name), kind(self._host, name)))
        return groups if channel.feeder is None else [*groups, self.feeders[channel.feeder]]

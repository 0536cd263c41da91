"""Boards that nobody wrote down: each becomes switches by what it registers with, or by what it reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autocore.api import Device, Event, Message, PluginHost, Standing, slug

from .board import Board, GroupOf, RelayState
from .section import ANSWER_WITHIN_S, BoardSection, ChannelSection

MOST_CHANNELS = 32  # of one board, as in the configuration
MOST_BOARDS = 50  # what a stranger can make grow is bounded (security.md 13)


class FoundBoards:
    """Adds a `Board` for each approved device with relays that the configuration does not name.

    Args:
        host: the plugin's host.
        boards: all boards by their devices; what is found is added.
        group_of: gives exclusive groups; found channels are in none.
    """

    def __init__(self, host: PluginHost, boards: dict[str, Board], group_of: GroupOf) -> None:
        self._host = host
        self._boards = boards
        self._group_of = group_of

    def start(self) -> None:
        """Take up the boards that are known, and those that come."""
        for device in self._host.devices:
            self._consider(device)
        self._host.events.on("device.changed", self._on_device)
        self._host.mqtt.subscribe("{root}/relays/+/state", self._on_state, payload=RelayState, qos=1, urgent=True)

    def _on_device(self, event: Event) -> None:
        device = self._host.devices.find(event.data["device"])
        if device is not None:
            self._consider(device)

    def _consider(self, device: Device) -> None:
        has_relays = "relays" in device.capabilities or device.type == "relay_board"
        if has_relays and device.channels and device.standing is Standing.APPROVED:
            self._adopt(device.id, range(1, min(device.channels, MOST_CHANNELS) + 1))

    def _on_state(self, message: Message, word: RelayState) -> None:
        device = message.topic.split("/")[-2]
        board = self._boards.get(device)
        if (board is not None and not board.is_found) or not self._host.devices.admit(device):
            return
        numbers = [int(key) for key in word.channels if key.isdecimal() and 1 <= int(key) <= MOST_CHANNELS]
        is_new = board is None or any(number not in board.lines for number in numbers)
        if is_new and (adopted := self._adopt(device, numbers)) is not None:
            adopted.on_state(message, word)  # its own subscription began after this message

    def _adopt(self, device_id: str, numbers: Iterable[int]) -> Board | None:
        board = self._boards.get(device_id)
        if board is not None and not board.is_found:
            return None
        device = self._host.devices.find(device_id)
        name = device.label if device is not None else device_id
        if board is None:
            if sum(one.is_found for one in self._boards.values()) >= MOST_BOARDS:
                self._host.log.warning("%s is not shown: there are %s boards that nobody wrote down", device_id, MOST_BOARDS)
                return None
            section = BoardSection(device_id, name, ANSWER_WITHIN_S, ())
            board = self._boards[device_id] = Board(self._host, section, self._group_of, is_found=True)
        for number in numbers:
            board.add(ChannelSection(number, f"{slug(device_id)}_{number}", f"{name} {number}"))
        return board


def sorted_boards(boards: Mapping[str, Board]) -> list[Board]:
    """Give the boards as they are shown: the written ones in their order, then the found ones by name."""
    written = [one for one in boards.values() if not one.is_found]
    return written + sorted((one for one in boards.values() if one.is_found), key=lambda one: one.section.name)

"""The section `relays` of the configuration, and what it says, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from autocore.api import device_id, duration, slug, slug_key

from .channel import ChannelType

SIZES = (1, 2, 4, 8, 16, 32)  # the boards that exist
PULSE_S = (0.05, 60.0)  # safety.md: a pulse is on for 50 ms to 60 s
TYPES = [one.value for one in ChannelType]


@dataclass(frozen=True, slots=True)
class ChannelSection:
    """One channel as the owner wrote it."""

    number: int
    key: str
    name: str
    type: ChannelType
    pulse_s: float
    icon: str | None
    area: str | None


@dataclass(frozen=True, slots=True)
class BoardSection:
    """One board as the owner wrote it."""

    device: str
    name: str
    answer_within_s: float
    channels: tuple[ChannelSection, ...]


CHANNEL = vol.Schema(
    {
        vol.Required("name"): vol.All(str, vol.Length(min=1, max=60)),
        vol.Optional("id", default=None): vol.Any(slug_key, None),
        vol.Optional("type", default="toggle"): vol.In(TYPES, msg=f"use one of {', '.join(TYPES)}"),
        vol.Optional("duration", default=0.5): vol.All(
            duration, vol.Range(*PULSE_S, msg="a pulse lasts 50 ms to 60 s; write e.g. 500ms")
        ),
        vol.Optional("icon", default=None): vol.Any(str, None),
        vol.Optional("area", default=None): vol.Any(str, None),
    }
)


def _channels_exist(board: Mapping[str, Any]) -> Mapping[str, Any]:
    for number in board["channels"]:
        if number > board["size"]:
            raise vol.Invalid(
                f"channel {number} does not exist; the board has {board['size']} (set size for a larger one)",
                path=["channels", number],
            )
    return board


def _keys_differ(section: Mapping[str, Any]) -> Mapping[str, Any]:
    seen: set[str] = set()
    for index, board in enumerate(section["boards"]):
        for number, channel in board["channels"].items():
            key = channel["id"] or slug(channel["name"])
            if not key or key in seen:
                raise vol.Invalid(
                    f"two channels would be switch.{key}; give this one an id"
                    if key
                    else "the name has no letter or digit; give an id",
                    path=["boards", index, "channels", number],
                )
            seen.add(key)
    return section


BOARD = vol.Schema(
    vol.All(
        {
            vol.Required("device"): device_id,
            vol.Optional("name", default=None): vol.Any(str, None),
            vol.Optional("size", default=16): vol.In(SIZES, msg=f"a board has {', '.join(map(str, SIZES))} channels"),
            vol.Optional("answer_within", default=3.0): vol.All(duration, vol.Range(0.2, 30, msg="use 200ms to 30s")),
            vol.Required("channels"): vol.All({vol.All(int, vol.Range(1, 32)): CHANNEL}, vol.Length(min=1)),
        },
        _channels_exist,
    )
)

SCHEMA = vol.Schema(vol.All({vol.Optional("boards", default=list): [BOARD]}, _keys_differ))


def boards_of(section: Mapping[str, Any]) -> list[BoardSection]:
    """Give the boards of a validated section."""
    return [_board(board) for board in section["boards"]]


def _board(board: Mapping[str, Any]) -> BoardSection:
    channels = tuple(
        ChannelSection(
            number=number,
            key=channel["id"] or slug(channel["name"]),
            name=channel["name"],
            type=ChannelType(channel["type"]),
            pulse_s=channel["duration"],
            icon=channel["icon"],
            area=channel["area"],
        )
        for number, channel in sorted(board["channels"].items())
    )
    return BoardSection(board["device"], board["name"] or board["device"], board["answer_within"], channels)

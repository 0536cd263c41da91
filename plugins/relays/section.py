"""The section `relays` of the configuration, and what it says, typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import voluptuous as vol

from autocore.api import N_, device_id, duration, label, slug, slug_key

from .channel import ChannelType

SIZES = (1, 2, 4, 8, 16, 32)  # the boards that exist
PULSE_S = (0.05, 60.0)  # safety.md: a pulse is on for 50 ms to 60 s
TIMED_S = (1.0, 86_400.0)
MAX_ON_S = (1.0, 86_400.0)
DEFAULT_PULSE_S = 0.5
ANSWER_WITHIN_S = 3.0
TYPES = [one.value for one in ChannelType]


@dataclass(frozen=True, slots=True)
class ChannelSection:
    """One channel as the owner wrote it, or as its board registered it.

    Args:
        on_s: how long a pulse or a timed channel stays on.
        exclusive: the group of which at most one channel is on: turning one on turns the others off.
        interlock: the group of which at most one channel is on: a second one is refused.
        max_on_s: after so long it is off, whatever anybody wants; None has no such limit.
        written: which of its facts the configuration owns, and where.
    """

    number: int
    key: str
    name: str
    type: ChannelType = ChannelType.TOGGLE
    on_s: float = DEFAULT_PULSE_S
    icon: str | None = None
    area: str | None = None
    exclusive: str | None = None
    interlock: str | None = None
    max_on_s: float | None = None
    written: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BoardSection:
    """One board as the owner wrote it."""

    device: str
    name: str
    answer_within_s: float
    channels: tuple[ChannelSection, ...]


def described(channel: ChannelSection, *, with_name: bool) -> dict[str, Any]:
    """Give a channel as its board is told of it: `name`, `type`, and `duration_ms` of one that goes off by itself."""
    facts: dict[str, Any] = {"name": channel.name} if with_name else {}
    facts["type"] = channel.type.value
    if channel.type in (ChannelType.PULSE, ChannelType.TIMED):
        facts["duration_ms"] = round(channel.on_s * 1_000)
    if channel.max_on_s is not None:
        facts["max_on_s"] = channel.max_on_s
    if channel.exclusive is not None:
        facts["exclusive"] = channel.exclusive
    if channel.interlock is not None:
        facts["interlock"] = channel.interlock
    return facts


def _lasts(channel: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, on_s = channel["type"], channel["duration"]
    if kind == "timed" and on_s is None:
        raise vol.Invalid("a timed channel says how long it stays on; add duration, e.g. 15min", path=["type"])
    for word, (least, most), limits in (("pulse", PULSE_S, "50 ms to 60 s"), ("timed", TIMED_S, "1 s to 24 h")):
        if kind == word and on_s is not None and not least <= on_s <= most:
            raise vol.Invalid(f"a {word} channel is on for {limits}", path=["duration"])
    if kind == "toggle" and on_s is not None:
        raise vol.Invalid("a toggle stays as it is set; write type: timed or type: pulse", path=["duration"])
    if kind == "momentary" and on_s is not None:
        raise vol.Invalid("a momentary channel is on while somebody holds it; take duration out", path=["duration"])
    max_on_s = channel["max_on"]
    if max_on_s is not None and not MAX_ON_S[0] <= max_on_s <= MAX_ON_S[1]:
        raise vol.Invalid("a limit is 1 s to 24 h", path=["max_on"])
    if max_on_s is not None and on_s is not None and on_s > max_on_s:
        raise vol.Invalid("it would be off before its duration is over; make max_on longer, or take it out", path=["max_on"])
    if channel["exclusive"] is not None and channel["interlock"] is not None:
        raise vol.Invalid(
            "it is in one group: interlock refuses a second channel, exclusive turns the first off", path=["interlock"]
        )
    return channel


CHANNEL = vol.Schema(
    vol.All(
        {
            vol.Required("name", description="what people read"): label,
            vol.Optional("id", default=None, description="the entity is switch.<id>; made from the name otherwise"): vol.Any(
                slug_key, None
            ),
            vol.Optional(
                "type", default="toggle", description="how it behaves: stays, is on while it is held, for a moment, or for a time"
            ): vol.In(TYPES, msg=f"use one of {', '.join(TYPES)}"),
            vol.Optional(
                "duration", default=None, description="how long a pulse (500ms otherwise) or a timed channel is on"
            ): vol.Any(duration, None),
            vol.Optional("exclusive", default=None, description="of the channels with this word at most one is on"): vol.Any(
                slug_key, None
            ),
            vol.Optional(
                "interlock", default=None, description="of the channels with this word at most one is on: a second one is refused"
            ): vol.Any(slug_key, None),
            vol.Optional("max_on", default=None, description="after so long it is off, whatever anybody wants"): vol.Any(
                duration, None
            ),
            vol.Optional("icon", default=None, description="a Tabler icon"): vol.Any(str, None),
            vol.Optional("area", default=None, description="where in the vehicle"): vol.Any(label, None),
        },
        _lasts,
    )
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
            vol.Required("device", description="the board's id on MQTT"): device_id,
            vol.Optional("name", default=None, description="what people read; its id otherwise"): vol.Any(label, None),
            vol.Optional("size", default=16, description="how many channels the board has"): vol.In(
                SIZES, msg=f"a board has {', '.join(map(str, SIZES))} channels"
            ),
            vol.Optional(
                "answer_within", default=ANSWER_WITHIN_S, description="how long it may take to answer a command"
            ): vol.All(duration, vol.Range(0.2, 30, msg="use 200ms to 30s")),
            vol.Required("channels", description="its channels by number; others are left alone"): vol.All(
                {vol.All(int, vol.Range(1, 32)): CHANNEL}, vol.Length(min=1)
            ),
        },
        _channels_exist,
    )
)

SCHEMA = vol.Schema(
    vol.All(
        {
            vol.Optional("boards", default=list, description=N_("the boards that you describe")): [BOARD],
            vol.Optional(
                "discover", default=True, description=N_("whether boards that register by themselves become switches too")
            ): bool,
        },
        _keys_differ,
    )
)

Written = Callable[[int, int], Mapping[str, str]]
"""Says which facts of a board's channel the configuration owns: (index of the board, number of the channel)."""


def boards_of(section: Mapping[str, Any], written: Written) -> list[BoardSection]:
    """Give the boards of a validated section."""
    return [_board(board, partial(written, index)) for index, board in enumerate(section["boards"])]


def _board(board: Mapping[str, Any], written: Callable[[int], Mapping[str, str]]) -> BoardSection:
    channels = tuple(
        ChannelSection(
            number=number,
            key=channel["id"] or slug(channel["name"]),
            name=channel["name"],
            type=ChannelType(channel["type"]),
            on_s=DEFAULT_PULSE_S if channel["duration"] is None else channel["duration"],
            icon=channel["icon"],
            area=channel["area"],
            exclusive=channel["exclusive"],
            interlock=channel["interlock"],
            max_on_s=channel["max_on"],
            written=written(number),
        )
        for number, channel in sorted(board["channels"].items())
    )
    return BoardSection(board["device"], board["name"] or board["device"], board["answer_within"], channels)

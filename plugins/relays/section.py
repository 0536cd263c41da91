"""What the section `relays` of the configuration says, typed, and what a board is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from autocore.api import Role, slug

from .events import ChannelType, SafeState
from .wear import Duty

DEFAULT_PULSE_S = 0.5
ANSWER_WITHIN_S = 3.0
LINK_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What another entity must be for a channel to be allowed on: equal to `value`, or beyond a border."""

    entity: str
    value: bool | str | None = None
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class ChannelSection:
    """One channel as the owner wrote it, or as its board registered it.

    Args:
        on_s: how long a pulse or a timed channel stays on.
        exclusive: the group of which at most one channel is on: turning one on turns the others off.
        interlock: the group of which at most one channel is on: a second one is refused.
        max_on_s: after so long it is off, whatever anybody wants; None has no such limit.
        min_off_s: how long it rests after it was on.
        duty: how long it may work in any stretch of time.
        feeder: the line that feeds it, None when nobody said.
        load_a: what it draws, in amperes.
        link_loss: what its board does when the link is lost; None: what `safe_state` says.
        restores: whether it is turned on again when its board comes back from a loss in which it was on.
        conditions: what must hold for it to be on.
        keeps_on: whether it stays on when one of them no longer holds.
        priority: of its load when the battery runs low: 1 is shed last, 9 first; `keep` never; None: nobody said.
        on_dashboard: whether it has a place there.
        written: which of its facts the configuration owns, and where.
    """

    number: int
    key: str
    name: str
    type: ChannelType = ChannelType.TOGGLE
    on_s: float = DEFAULT_PULSE_S
    icon: str | None = None
    area: str | None = None
    purpose: str | None = None
    exclusive: str | None = None
    interlock: str | None = None
    max_on_s: float | None = None
    min_off_s: float = 0.0
    duty: Duty | None = None
    feeder: str | None = None
    load_a: float = 0.0
    safe_state: SafeState = SafeState.OFF
    link_loss: str | None = None
    restores: bool = False
    conditions: tuple[Condition, ...] = ()
    keeps_on: bool = False
    protection: str = "none"
    role: Role | None = None
    allow_in_automation: bool = True
    priority: int | str | None = None
    on_dashboard: bool = False
    written: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BoardSection:
    """One board as the owner wrote it."""

    device: str
    name: str
    answer_within_s: float
    channels: tuple[ChannelSection, ...]
    link_timeout_s: float = LINK_TIMEOUT_S


def tested(channel: ChannelSection) -> ChannelSection:
    """Give a channel as it is during a test of its board: on only while it is held, and with the limits that it has."""
    return replace(channel, type=ChannelType.MOMENTARY, safe_state=SafeState.OFF, link_loss=None, restores=False)


def described(channel: ChannelSection, *, with_name: bool) -> dict[str, Any]:
    """Give a channel as its board is told of it: its type and every limit that the board can keep by itself."""
    facts: dict[str, Any] = {"name": channel.name} if with_name else {}
    facts["type"] = channel.type.value
    if channel.type.ends_itself:
        facts["duration_ms"] = round(channel.on_s * 1_000)
    if channel.max_on_s is not None:
        facts["max_on_s"] = channel.max_on_s
    if channel.safe_state is not SafeState.OFF:
        facts["safe_state"] = channel.safe_state.value
    if channel.link_loss is not None:
        facts["link_loss"] = channel.link_loss
    if channel.exclusive is not None:
        facts["exclusive"] = channel.exclusive
    if channel.interlock is not None:
        facts["interlock"] = channel.interlock
    return facts


Written = Callable[[int, int], Mapping[str, str]]
"""Says which facts of a board's channel the configuration owns: (index of the board, number of the channel)."""


def feeders_of(section: Mapping[str, Any]) -> Mapping[str, float]:
    """Give the fuse of each feeder of a validated section, in amperes."""
    return {name: feeder["fuse"] for name, feeder in section["feeders"].items()}


def boards_of(section: Mapping[str, Any], written: Written) -> list[BoardSection]:
    """Give the boards of a validated section."""
    return [_board(board, partial(written, index)) for index, board in enumerate(section["boards"])]


def _board(board: Mapping[str, Any], written: Callable[[int], Mapping[str, str]]) -> BoardSection:
    channels = tuple(_channel(number, channel, written(number)) for number, channel in sorted(board["channels"].items()))
    name = board["name"] or board["device"]
    return BoardSection(board["device"], name, board["answer_within"], channels, board["link_timeout"])


def _channel(number: int, channel: Mapping[str, Any], written: Mapping[str, str]) -> ChannelSection:
    duty = channel["duty"]
    return ChannelSection(
        number=number,
        key=channel["id"] or slug(channel["name"]),
        name=channel["name"],
        type=ChannelType(channel["type"]),
        on_s=DEFAULT_PULSE_S if channel["duration"] is None else channel["duration"],
        icon=channel["icon"],
        area=channel["area"],
        purpose=channel["purpose"],
        exclusive=channel["exclusive"],
        interlock=channel["interlock"],
        max_on_s=channel["max_on"],
        min_off_s=channel["min_off"] or 0.0,
        duty=None if duty is None else Duty(duty["for"], duty["in"]),
        feeder=channel["feeder"],
        load_a=channel["load"] or 0.0,
        safe_state=SafeState(channel["safe_state"]),
        link_loss=channel["link_loss"],
        restores=channel["on_return"] == "restore",
        conditions=tuple(_condition(one) for one in channel["conditions"]),
        keeps_on=channel["on_condition_lost"] == "keep",
        protection=channel["protection"],
        role=None if channel["role"] is None else Role.parse(channel["role"]),
        allow_in_automation=channel["allow_in_automation"],
        priority=channel["priority"],
        on_dashboard=channel["dashboard"],
        written=written,
    )


def _condition(words: Mapping[str, Any]) -> Condition:
    return Condition(words["entity"], words["is"], words["above"], words["below"])

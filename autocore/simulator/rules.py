"""What a relay board knows about each of its channels, and how it reads that from its configuration document. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import msgspec

from autocore.core.errors import InvalidData
from autocore.simulator.wire import ChannelType, decode

LINK_TIMEOUT_MS = 5_000

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class SafeState(StrEnum):
    """What a channel does at power-up and at every new connection."""

    OFF = "off"
    KEEP = "keep"
    ON = "on"


@dataclass(frozen=True, slots=True)
class LinkLoss:
    """What a channel does when the link has been lost for the board's link time-out.

    Args:
        action: `off`, `hold` (stay for `hold_ms`, then off) or `keep`; None does what the safe state says.
    """

    action: str | None = None
    hold_ms: int = 0

    @classmethod
    def parse(cls, text: str) -> LinkLoss:
        """Read `off`, `keep` or `hold <seconds>`, as safety.md writes them.

        Raises:
            InvalidData: it is none of these.
        """
        action, _, seconds = text.partition(" ")
        if action in {"off", "keep"} and not seconds:
            return cls(action)
        if action == "hold" and seconds.isdecimal():
            return cls(action, int(seconds) * 1_000)
        raise InvalidData(f"{text!r} is none of off, keep and hold <seconds>", field="link_loss")


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """The limits of one channel.

    Args:
        type: the only way in which it may be turned on; None obeys whatever a command says.
        max_on_ms: it turns itself off when it has been on for so long; None never does.

    Raises:
        InvalidData: a momentary channel that would be on by itself.
    """

    type: ChannelType | None = None
    safe_state: SafeState = SafeState.OFF
    link_loss: LinkLoss = LinkLoss()
    max_on_ms: int | None = None

    def __post_init__(self) -> None:
        if self.type is ChannelType.MOMENTARY and self.safe_state is not SafeState.OFF:
            raise InvalidData(f"a momentary channel is safe when off, not {self.safe_state}", field="safe_state")


@dataclass(frozen=True, slots=True)
class BoardRules:
    """The limits of a board.

    Args:
        count: how many channels it has, numbered from 1.
        channels: those whose rules are not the defaults.
        link_timeout_ms: how long MQTT may be down, or the gateway offline, before the link counts as lost.
        needs_configuration: it energises nothing before it acknowledged a configuration; without it that holds only
            from the moment when one was delivered.
    """

    count: int = 16
    channels: Mapping[int, ChannelRules] = field(default_factory=dict)
    link_timeout_ms: int = LINK_TIMEOUT_MS
    needs_configuration: bool = False

    def of(self, channel: int) -> ChannelRules:
        """Give the rules of a channel."""
        return self.channels.get(channel, DEFAULT_RULES)


DEFAULT_RULES = ChannelRules()


class _ChannelSection(msgspec.Struct, frozen=True):
    type: ChannelType | None = None
    safe_state: SafeState = SafeState.OFF
    link_loss: str | None = None
    max_on_s: _Seconds | None = None

    def rules(self) -> ChannelRules:
        return ChannelRules(
            type=self.type,
            safe_state=self.safe_state,
            link_loss=LinkLoss() if self.link_loss is None else LinkLoss.parse(self.link_loss),
            max_on_ms=None if self.max_on_s is None else round(self.max_on_s * 1_000),
        )


class _RelaySection(msgspec.Struct, frozen=True):
    channels: dict[str, _ChannelSection] = {}
    link_timeout_s: _Seconds = LINK_TIMEOUT_MS / 1_000


class _Sections(msgspec.Struct, frozen=True):
    relays: _RelaySection | None = None


class Configuration(msgspec.Struct, frozen=True):
    """`devices/{id}/config`, as far as a relay board reads it: its section is `relays`."""

    version: int | str
    sections: _Sections = _Sections()

    def rules(self, before: BoardRules) -> BoardRules:
        """Give the rules it sets for a board that had `before`; without a section for relays these stay.

        Raises:
            InvalidData: a channel that the board does not have, or an unknown link-loss action.
        """
        section = self.sections.relays
        if section is None:
            return before
        channels: dict[int, ChannelRules] = {}
        for name, channel in section.channels.items():
            if not name.isdecimal() or not 1 <= int(name) <= before.count:
                raise InvalidData(f"channel {name} does not exist; the board has {before.count}", field="channels")
            channels[int(name)] = channel.rules()
        return BoardRules(
            count=before.count,
            channels=channels,
            link_timeout_ms=round(section.link_timeout_s * 1_000),
            needs_configuration=before.needs_configuration,
        )


def read_configuration(payload: bytes | bytearray) -> Configuration:
    """Read a configuration document.

    Raises:
        InvalidData: it is not one.
    """
    return decode(payload, Configuration)

"""What all groups of channels have: their members, and one turn at a time."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from autocore.api import Command, Entity, PluginHost


class Member(Protocol):
    """A channel as its group sees it."""

    entity: Entity

    @property
    def load_a(self) -> float:
        """What it draws, in amperes."""

    @property
    def is_off(self) -> bool:
        """Whether it is off for sure; one of which nobody knows counts as on (safety.md 5)."""


class Group(ABC):
    """Channels of which at most one is on; they may belong to several boards."""

    def __init__(self, host: PluginHost, name: str) -> None:
        self.name = name
        self._host = host
        self._members: list[Member] = []
        self._turn = asyncio.Lock()  # two people who turn two channels on at once do it one after the other

    def join(self, member: Member) -> None:
        """Take a channel in."""
        self._members.append(member)

    @abstractmethod
    def room_for(self, member: Member, command: Command) -> AbstractAsyncContextManager[None]:
        """Have room for `member` to be turned on, and keep the others from being turned on until the caller is done."""

    @abstractmethod
    def check(self, member: Member) -> None:
        """Look once more in the moment in which the command leaves: a board's button may have been pressed meanwhile.

        Raises:
            Refused: there is no room for `member` any more.
        """

    @abstractmethod
    def came_on(self, member: Member) -> None:
        """Do what is to be done when somebody turned `member` on at its board."""

    def went_off(self, member: Member) -> None:  # noqa: B027  # most groups need not know
        """Hear that a member is off now."""

    def changed(self) -> None:  # noqa: B027  # as above
        """Hear that what is known of a member changed."""

    def _others_not_off(self, member: Member) -> list[Member]:
        return [one for one in self._members if one is not member and not one.is_off]

    def _others_on(self, member: Member) -> list[Member]:
        return [one for one in self._members if one is not member and one.entity.state.available and one.entity.state.value]


def called(member: Member) -> str:
    """Give what people call a channel."""
    return member.entity.description.name

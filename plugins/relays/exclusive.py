"""Exclusive groups: of several channels at most one is on; turning one on turns the others off first (safety.md)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from autocore.api import AutocoreError, Command, Entity, PluginHost, Refused


class Member(Protocol):
    """A channel as the group sees it."""

    entity: Entity


class ExclusiveGroup:
    """The channels that name one group; they may belong to several boards."""

    def __init__(self, host: PluginHost, name: str) -> None:
        self.name = name
        self._host = host
        self._members: list[Member] = []
        self._turn = asyncio.Lock()  # two people who turn two channels on at once do it one after the other

    def join(self, member: Member) -> None:
        """Take a channel in."""
        self._members.append(member)

    @asynccontextmanager
    async def room_for(self, member: Member, command: Command) -> AsyncIterator[None]:
        """Turn every other channel off, and keep the others from being turned on until the caller is done.

        Raises:
            Refused: one of them cannot be turned off (`exclusive`); then nothing is turned on.
        """
        async with self._turn:
            # A channel of which nobody knows what it is counts as on (safety.md 5).
            others = [one for one in self._members if one is not member and not _is_off(one)]
            for other in others:
                name = other.entity.description.name
                try:
                    await self._host.services.call("switch.turn_off", {"entity": other.entity.id}, command.caller)
                except AutocoreError as error:
                    raise Refused(f"{name} must be off first, and is not: {error}", code="exclusive") from error
                if not _is_off(other):
                    raise Refused(
                        f"{other.entity.description.name} must be off first; its board did not say so", code="exclusive"
                    )
            yield

    def came_on(self, member: Member) -> None:
        """Turn the others off: somebody turned `member` on at the board."""
        on = [one for one in self._members if one is not member and one.entity.state.available and one.entity.state.value]
        if on:
            self._host.spawn(self._turn_off(member, on))

    async def _turn_off(self, member: Member, others: list[Member]) -> None:
        async with self._turn:
            for other in others:
                self._host.log.warning(
                    "%s was turned on at the board; %s shares the group %s and is turned off",
                    member.entity.description.name,
                    other.entity.description.name,
                    self.name,
                )
                try:
                    await self._host.services.call("switch.turn_off", {"entity": other.entity.id})
                except AutocoreError as error:
                    self._host.notify(
                        f"{other.entity.description.name} and {member.entity.description.name} are both on: {error}",
                        title="Two channels that exclude each other are on",
                    )


def _is_off(member: Member) -> bool:
    state = member.entity.state
    return state.available and state.value is False

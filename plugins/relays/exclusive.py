"""Exclusive groups: of several channels at most one is on; turning one on turns the others off first (safety.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autocore.api import AutocoreError, Command, Refused

from .groups import Group, Member, called


class ExclusiveGroup(Group):
    """The channels that name one group with `exclusive`."""

    @asynccontextmanager
    async def room_for(self, member: Member, command: Command) -> AsyncIterator[None]:
        """Turn every other channel off, and keep the others from being turned on until the caller is done.

        Raises:
            Refused: one of them cannot be turned off (`exclusive`); then nothing is turned on.
        """
        async with self._turn:
            for other in self._others_not_off(member):
                try:
                    await self._host.services.call("switch.turn_off", {"entity": other.entity.id}, command.caller)
                except AutocoreError as error:
                    raise Refused(f"{called(other)} must be off first, and is not: {error}", code="exclusive") from error
                if not other.is_off:
                    raise Refused(f"{called(other)} must be off first; its board did not say so", code="exclusive")
            yield

    def check(self, member: Member) -> None:
        """Refuse when another one is on, or may be."""
        for other in self._others_not_off(member):
            raise Refused(
                f"{called(other)} was turned on meanwhile; {called(member)} shares the group {self.name}", code="exclusive"
            )

    def came_on(self, member: Member) -> None:
        """Turn the others off: somebody turned `member` on at the board."""
        on = self._others_on(member)
        if on:
            self._host.spawn(self._turn_off(member, on))

    async def _turn_off(self, member: Member, others: list[Member]) -> None:
        async with self._turn:
            for other in others:
                words = "%s was turned on at the board; %s shares the group %s and is turned off"
                self._host.log.warning(words, called(member), called(other), self.name)
                try:
                    await self._host.services.call("switch.turn_off", {"entity": other.entity.id})
                except AutocoreError as error:
                    self._host.notify(
                        f"{called(other)} and {called(member)} are both on: {error}",
                        title="Two channels that exclude each other are on",
                    )

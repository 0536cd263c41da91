"""Interlocks: two channels that must never meet never do, and between them there is a pause (safety.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autocore.api import AutocoreError, Command, PluginHost, Refused, Severity

from .groups import Group, Member, called

DEAD_TIME_S = 0.3  # safety.md: between one that goes off and the next that comes on; a motor turns on, a contactor sticks
NS = 1_000_000_000


class InterlockGroup(Group):
    """The channels that name one group with `interlock`: a second one is refused, whoever asks."""

    def __init__(self, host: PluginHost, name: str) -> None:
        super().__init__(host, name)
        self._off_ns: dict[str, int] = {}  # entity -> when its board said that it is off

    @asynccontextmanager
    async def room_for(self, member: Member, command: Command) -> AsyncIterator[None]:  # noqa: ARG002  # nobody is turned off
        """Wait until the dead time is over, and keep the others from being turned on until the caller is done.

        Raises:
            Refused: another one is on, or nobody knows what it is (`interlock`); nothing is turned on.
        """
        async with self._turn:
            self._check_others(member)
            while (left_s := self._left_s(member)) > 0:  # a button may begin it anew meanwhile
                await self._host.clock.sleep(left_s)
                self._check_others(member)
            yield

    def check(self, member: Member) -> None:
        """Refuse when another one is on, may be, or was less than the dead time ago."""
        self._check_others(member)
        if self._left_s(member) > 0:
            words = f"another of the interlock {self.name} was on a moment ago; try {called(member)} again"
            raise Refused(words, code="interlock")

    def came_on(self, member: Member) -> None:
        """Turn `member` off again, and raise the alarm: somebody turned it on at its board while another one is on."""
        on = self._others_on(member)
        if on:
            self._host.spawn(self._turn_off(member, on[0]))

    def went_off(self, member: Member) -> None:
        """Begin the dead time of the others."""
        self._off_ns[member.entity.id] = self._host.clock.monotonic_ns()

    def _check_others(self, member: Member) -> None:
        for other in self._others_not_off(member):
            is_on = other.entity.state.available and other.entity.state.value
            state = "is on" if is_on else "may be on: its board does not say"
            raise Refused(f"{called(other)} {state}; {called(member)} shares the interlock {self.name}", code="interlock")

    def _left_s(self, member: Member) -> float:
        newest_ns = max((at for one, at in self._off_ns.items() if one != member.entity.id), default=None)
        if newest_ns is None:
            return 0.0
        return DEAD_TIME_S - (self._host.clock.monotonic_ns() - newest_ns) / NS

    async def _turn_off(self, member: Member, other: Member) -> None:
        words = f"{called(member)} was turned on at its board while {called(other)} is on"
        try:
            await self._host.services.call("switch.turn_off", {"entity": member.entity.id})
            outcome = "it was turned off again"
        except AutocoreError as error:
            outcome = f"it cannot be turned off: {error}"
        self._host.notify(f"{words}; {outcome}", title="Two channels that must never meet were on", severity=Severity.CRITICAL)

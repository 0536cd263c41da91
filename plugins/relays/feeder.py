"""Feeders: one fuse before several channels. What they draw together stays under it, and they do not start at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autocore.api import AutocoreError, Command, Limits, PluginHost, Refused, Sensor, Severity

from .groups import Group, Member, called

NS = 1_000_000_000
NEARLY = 0.9  # of its fuse: beyond that people are warned
STAGGER_S = 0.15  # safety.md, rule 3: the inrush of one is over before the next begins


class Feeder(Group):
    """The channels that name one feeder.

    Args:
        host: the plugin's host.
        name: what the configuration calls it.
        fuse_a: what its fuse holds.
    """

    def __init__(self, host: PluginHost, name: str, fuse_a: float) -> None:
        super().__init__(host, name)
        self.fuse_a = fuse_a
        self._starting: list[Member] = []
        self._started_ns: int | None = None
        self.entity = host.entities.add(
            Sensor(
                f"{name}_load",
                name=f"{name}: load",
                unit="A",
                device_class="current",
                precision=1,
                icon="bolt",
                limits=Limits(warn_above=fuse_a * NEARLY),
                attributes={"fuse": fuse_a},
            )
        )

    @property
    def load_a(self) -> float:
        """What is drawn now, by what is written of the channels: one of which nobody knows counts as on."""
        return sum(one.load_a for one in self._members if not one.is_off or one in self._starting)

    @asynccontextmanager
    async def room_for(self, member: Member, command: Command) -> AsyncIterator[None]:  # noqa: ARG002  # nobody is turned off
        """Have the amperes for a channel, and let 150 ms pass since the start before.

        Raises:
            Refused: the fuse would not hold (`fuse`); nothing is turned on.
        """
        async with self._turn:
            self.check(member)
            if self._started_ns is not None:
                left_s = STAGGER_S - (self._host.clock.monotonic_ns() - self._started_ns) / NS
                if left_s > 0:
                    await self._host.clock.sleep(left_s)
                    self.check(member)
            self._started_ns = self._host.clock.monotonic_ns()
            self._starting.append(member)
        try:
            yield
        finally:
            self._starting.remove(member)

    def changed(self) -> None:
        """Show what is drawn now."""
        self.entity.set(self.load_a)

    def came_on(self, member: Member) -> None:
        """Turn `member` off again, and raise the alarm, when its board turned it on and the fuse may not hold."""
        if self.load_a > self.fuse_a:
            self._host.spawn(self._turn_off(member, self.load_a))

    def check(self, member: Member) -> None:
        """Refuse when the fuse would not hold."""
        others_a = sum(one.load_a for one in self._members if one is not member and (not one.is_off or one in self._starting))
        if others_a + member.load_a > self.fuse_a:
            words = (
                f"{called(member)} draws {member.load_a:g} A; the feeder {self.name} carries {others_a:g} A of {self.fuse_a:g} A"
            )
            raise Refused(words, code="fuse")

    async def _turn_off(self, member: Member, load_a: float) -> None:
        words = f"{called(member)} was turned on at its board; {self.name} carries {load_a:g} A of {self.fuse_a:g} A"
        try:
            await self._host.services.call("switch.turn_off", {"entity": member.entity.id})
            outcome = "it was turned off again"
        except AutocoreError as error:
            outcome = f"it cannot be turned off: {error}"
        self._host.notify(f"{words}; {outcome}", title="A feeder carries too much", severity=Severity.CRITICAL)

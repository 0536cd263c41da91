"""One relay board: passes what it reports and answers to its channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autocore.api import PluginHost, Presence, Refused

from .counts import Counts
from .events import Lost, Report
from .groups import Group
from .line import Line
from .section import BoardSection, ChannelSection, described, tested

NS = 1_000_000_000
GroupsOf = Callable[[ChannelSection], Sequence[Group]]


class Board:
    """The channels of one board: the configured ones, or those with which it registered.

    Attributes:
        section: what is written or known of it.
        lines: its channels by their numbers.
        is_found: it registered by itself; nobody wrote it down.
        test_ends_ns: until when it is tested, None while it is not.
    """

    def __init__(
        self, host: PluginHost, section: BoardSection, counts: Counts, groups_of: GroupsOf, *, is_found: bool = False
    ) -> None:
        self._counts = counts
        self.section = section
        self.is_found = is_found
        self._host = host
        self._groups_of = groups_of
        self.lines: dict[int, Line] = {}
        self.test_ends_ns: int | None = None
        self._end: Callable[[], None] | None = None
        for one in section.channels:
            self.add(one)

    def begin_test(self, for_s: float) -> None:
        """Have every channel on only while it is held, for so long.

        Raises:
            Refused: one of them is on, or nobody knows what it is (`on`).
        """
        for line in self.lines.values():
            if not line.is_off and self.test_ends_ns is None:
                raise Refused(f"{line.section.name} is on, or its board does not say; turn it off before the test", code="on")
        if self._end is not None:
            self._end()
        self.test_ends_ns = self._host.clock.monotonic_ns() + round(for_s * NS)
        self._end = self._host.schedule.after(for_s, self.end_test)
        self._retype()

    def end_test(self) -> None:
        """Be again what is written; harmless when no test runs."""
        if self.test_ends_ns is None:
            return
        self.test_ends_ns = None
        if self._end is not None:
            self._end()
            self._end = None
        self._retype()

    def _retype(self) -> None:
        for line in self.lines.values():
            line.test(is_tested=self.test_ends_ns is not None)
        self._host.devices.reconfigure(self.section.device)

    def described(self, *, with_names: bool) -> Mapping[str, Any]:
        """Give what the board is told of itself."""
        sections = [line.section for line in self.lines.values()]
        told = [tested(one) for one in sections] if self.test_ends_ns is not None else sections
        channels = {str(one.number): described(one, with_name=with_names) for one in told}
        return {"link_timeout_s": self.section.link_timeout_s, "channels": channels}

    def add(self, channel: ChannelSection) -> None:
        """Add a channel that it did not have; harmless when it has."""
        if channel.number not in self.lines:
            self.lines[channel.number] = Line(self._host, self.section, channel, self._counts, self._groups_of(channel))

    def report(self, channels: Mapping[int, bool], *, is_retained: bool) -> None:
        """Take what the board reports; channels that it does not have here are left alone."""
        device = self._host.devices.find(self.section.device)
        if is_retained and device is not None and device.presence is Presence.OFFLINE:
            return  # what the broker kept of a board that is gone says nothing about now
        now = self._host.clock.monotonic_ns()
        for number, line in self.lines.items():
            is_on = channels.get(number)
            if is_on is not None:
                line.take(Report(is_on, not is_retained, now))

    def answered(self, command_id: str, status: str, reason: str | None) -> None:
        """Take the board's answer to a command."""
        for line in self.lines.values():
            if line.answered(command_id, status, reason):
                return

    def settled(self) -> None:
        """Take note that the board works by its configuration."""
        for line in self.lines.values():
            line.settled()

    def lose(self) -> None:
        """Show no channel as live: the board, or the link to the broker, is gone."""
        now = self._host.clock.monotonic_ns()
        for line in self.lines.values():
            line.take(Lost(now))

"""A relay board's side of safety.md as a state machine. Pure: no I/O, and its clock is the caller's.

Whatever reaches it carries the board's time; whoever drives it calls `tick` when `due_ms` has come, and publishes what
`take_reports` gives. It refuses to energise anything on a stale, foreign, repeated or unauthenticated word, and what a
person holds falls by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from autocore.simulator.channel import Cause, Channel, Hold
from autocore.simulator.rules import BoardRules, LinkLoss, SafeState
from autocore.simulator.trust import Trust, Verdict, answer_to
from autocore.simulator.wire import (
    LONGEST_PULSE_MS,
    SHORTEST_PULSE_MS,
    Answer,
    ChannelType,
    Heartbeat,
    RelayCommand,
)

DEAD_MAN_MS = 500  # safety.md: after the stamp of the last beat, not after its arrival
LONGEST_BEAT_AGE_MS = 300  # protocol.md, rule 7: a stalled burst comes whole, so age decides
LONGEST_TIMED_MS = 86_400_000  # a day; what stays on longer is a toggle
LAPSED_HOLDS_KEPT = 1_024  # hold ids are random: one that lies so many holds back has no beats left to come


@dataclass(frozen=True, slots=True)
class Report:
    """The board's state after a change.

    Args:
        channels: channel number → whether it is energised.
        seq: of the command that caused it; None when no command did.
    """

    channels: dict[int, bool]
    cause: Cause
    seq: int | None = None


class Board:
    """The channels of one relay board.

    Attributes:
        rules: the limits it keeps.
        stray_beats: how many heartbeats named no living hold, or came twice.
    """

    def __init__(self, trust: Trust, rules: BoardRules) -> None:
        self.rules = rules
        self.stray_beats = 0
        self._trust = trust
        self._channels = {number: Channel() for number in range(1, rules.count + 1)}
        self._reports: list[Report] = []
        self._lapsed: dict[str | int, None] = {}
        self._is_connected = False
        self._is_link_lost = False
        self._absent_since_ms: int | None = 0
        self._acknowledged: str | int | None = None
        self._delivered: str | int | None = None

    @property
    def channels(self) -> dict[int, bool]:
        """Channel number → whether it is energised."""
        return {number: channel.is_on for number, channel in self._channels.items()}

    @property
    def due_ms(self) -> int | None:
        """When `tick` has something to do next."""
        dues = [due[0] for number, channel in self._channels.items() if (due := channel.due(self.rules.of(number)))]
        if self._absent_since_ms is not None:
            dues.append(self._absent_since_ms + self.rules.link_timeout_ms)
        return min(dues, default=None)

    def take_reports(self) -> list[Report]:
        """Give the changes since the last call, oldest first."""
        reports, self._reports = self._reports, []
        return reports

    def power_up(self, now_ms: int) -> None:
        """Begin as after a loss of power: nothing is remembered but the configuration and the holds that lapsed."""
        for number in self._channels:
            self._release(number, Cause.POWER_UP)
        self._acknowledged = self._delivered = None
        self._is_connected = self._is_link_lost = False
        self._absent_since_ms = now_ms
        self._to_safe_state(Cause.POWER_UP, now_ms)

    def connected(self, now_ms: int) -> None:
        """Take a new connection: every channel goes to its safe state until the welcome."""
        self.tick(now_ms)
        self._is_connected = True
        self._watch_link(now_ms)
        self._to_safe_state(Cause.RECONNECTED, now_ms)

    def disconnected(self, now_ms: int) -> None:
        """Lose the connection; what the rules say of it happens after the link time-out."""
        self.tick(now_ms)
        self._is_connected = False
        self._watch_link(now_ms)

    def gateway_changed(self, now_ms: int) -> None:
        """See whether the gateway went away or came back, which counts like the connection."""
        self.tick(now_ms)
        self._watch_link(now_ms)
        self.tick(now_ms)

    def deliver(self, version: str | int, rules: BoardRules, now_ms: int) -> None:
        """Take a configuration: its limits hold at once, and a new version stops energising until acknowledged."""
        self.tick(now_ms)
        before, self.rules = self.rules, rules
        self._delivered = version
        for number, channel in self._channels.items():
            old, new = before.of(number).type, rules.of(number).type
            if old is not new and not (old is None and channel.is_on_as(new)):
                self._release(number, Cause.CONFIGURED)
        self.tick(now_ms)

    def acknowledged(self, version: str | int, now_ms: int) -> None:
        """Note that the gateway has the acknowledgement of `version`; one that was replaced meanwhile is ignored."""
        self.tick(now_ms)
        is_first = self._acknowledged is None
        if version != self._delivered:
            return
        self._acknowledged = version
        if is_first:  # what is safe when on waited for this
            for number in self._channels:
                if self.rules.of(number).safe_state is SafeState.ON:
                    self._energise(number, Cause.CONFIGURED, now_ms)

    def command(self, command: RelayCommand, now_ms: int) -> Answer | None:
        """Obey a command or say why not; None for a repeated one, which had its answer."""
        self.tick(now_ms)
        verdict = self._trust.judge(command, now_ms)
        if verdict is Verdict.OBEY and command.state and command.type is ChannelType.MOMENTARY:
            verdict = self._trust.judge_stamp(command.t_ms, LONGEST_BEAT_AGE_MS, now_ms)  # it is its own first beat
        if verdict is not Verdict.OBEY:
            return answer_to(command, verdict)
        if command.channel not in self._channels:
            reason = f"channel {command.channel} does not exist; the board has {self.rules.count}"
            return Answer(command.id, "refused", reason)
        if not command.state:
            if command.hold is not None:
                self._lapse(command.hold)
            self._release(command.channel, Cause.COMMAND, command.seq)
            return Answer(command.id, "applied")
        refusal = self._refusal(command)
        if refusal is not None:
            return Answer(command.id, "refused", refusal)
        self._turn_on(command, now_ms)
        return Answer(command.id, "applied")

    def beat(self, beat: Heartbeat, now_ms: int) -> bool:
        """Prolong a living hold; say whether it did. A beat alone turns nothing on and revives nothing."""
        self.tick(now_ms)
        channel = self._channels.get(beat.channel)
        hold = channel.hold if channel else None
        if hold is None or hold.id != beat.hold or beat.n <= hold.n:
            self.stray_beats += 1
            return False
        if self._trust.judge_stamp(beat.t_ms, LONGEST_BEAT_AGE_MS, now_ms) is not Verdict.OBEY:
            return False
        hold.n = beat.n
        self._stamp(hold, beat.t_ms)
        return True

    def tick(self, now_ms: int) -> None:
        """Do whatever has become due by `now_ms`."""
        if self._absent_since_ms is not None and now_ms >= self._absent_since_ms + self.rules.link_timeout_ms:
            self._absent_since_ms = None
            self._lose_link(now_ms)
        for number, channel in self._channels.items():
            due = channel.due(self.rules.of(number))
            if due is not None and now_ms >= due[0]:
                self._release(number, due[1])

    def _refusal(self, command: RelayCommand) -> str | None:
        """Say why a channel is not turned on, None when it may be."""
        if not self._may_energise:
            return "the configuration is not acknowledged yet"
        allowed = self.rules.of(command.channel).type
        if allowed not in {None, command.type}:
            return f"channel {command.channel} is {allowed}, not {command.type}"
        hold = self._channels[command.channel].hold
        if hold is not None and (command.type is not ChannelType.MOMENTARY or command.hold != hold.id):
            return f"channel {command.channel} is held by another"
        if command.type is ChannelType.MOMENTARY:
            return self._refusal_of_hold(command.hold)
        return None if command.type is ChannelType.TOGGLE else _refusal_of_duration(command)

    def _refusal_of_hold(self, hold: str | int | None) -> str | None:
        if hold is None:
            return "a momentary channel is turned on by a hold"
        return "the hold has lapsed" if hold in self._lapsed else None

    def _turn_on(self, command: RelayCommand, now_ms: int) -> None:
        channel = self._channels[command.channel]
        channel.over_at_ms = None
        if command.type is ChannelType.MOMENTARY and command.hold is not None:
            if channel.hold is None:
                channel.hold = Hold(command.hold, off_at_ms=now_ms)
            self._stamp(channel.hold, command.t_ms)
        elif command.duration_ms is not None and command.type is not ChannelType.TOGGLE:
            channel.over_at_ms = now_ms + command.duration_ms
        self._energise(command.channel, Cause.COMMAND, now_ms, command.seq)

    def _stamp(self, hold: Hold, t_ms: int) -> None:
        hold.off_at_ms = self._trust.local_ms(t_ms) + DEAD_MAN_MS

    @property
    def _may_energise(self) -> bool:
        if self._delivered is None:
            return not self.rules.needs_configuration
        return self._acknowledged == self._delivered

    def _energise(self, number: int, cause: Cause, now_ms: int, seq: int | None = None) -> None:
        channel = self._channels[number]
        if not channel.is_on:
            channel.is_on, channel.on_since_ms = True, now_ms
            self._report(cause, seq)

    def _release(self, number: int, cause: Cause, seq: int | None = None) -> None:
        channel = self._channels[number]
        if channel.hold is not None:
            self._lapse(channel.hold.id)
        was_on = channel.is_on
        self._channels[number] = Channel()
        if was_on:
            self._report(cause, seq)

    def _lapse(self, hold: str | int) -> None:
        self._lapsed[hold] = None
        if len(self._lapsed) > LAPSED_HOLDS_KEPT:
            del self._lapsed[next(iter(self._lapsed))]

    def _to_safe_state(self, cause: Cause, now_ms: int) -> None:
        for number, channel in self._channels.items():
            safe_state = self.rules.of(number).safe_state
            if safe_state is SafeState.OFF or channel.hold is not None:
                self._release(number, cause)
            elif safe_state is SafeState.ON and self._may_energise:
                self._energise(number, cause, now_ms)

    def _watch_link(self, now_ms: int) -> None:
        is_there = self._is_connected and not self._trust.is_gateway_away
        if is_there:
            self._absent_since_ms = None
            self._is_link_lost = False
            for channel in self._channels.values():
                channel.cut_at_ms = None
        elif self._trust.is_gateway_leaving and not self._is_link_lost:
            self._absent_since_ms = now_ms - self.rules.link_timeout_ms
        elif self._absent_since_ms is None and not self._is_link_lost:
            self._absent_since_ms = now_ms

    def _lose_link(self, now_ms: int) -> None:
        self._is_link_lost = True
        for number, channel in self._channels.items():
            rules = self.rules.of(number)
            loss = rules.link_loss
            if loss.action is None:
                loss = LinkLoss(rules.safe_state)
            if loss.action == "hold":
                channel.cut_at_ms = now_ms + loss.hold_ms
            elif loss.action == "off":
                self._release(number, Cause.LINK_LOST)
            elif loss.action == "on" and self._may_energise:
                self._energise(number, Cause.LINK_LOST, now_ms)

    def _report(self, cause: Cause, seq: int | None) -> None:
        report = Report(self.channels, cause, seq)
        if self._reports and (self._reports[-1].cause, self._reports[-1].seq) == (cause, seq):
            self._reports[-1] = report
        else:
            self._reports.append(report)


def _refusal_of_duration(command: RelayCommand) -> str | None:
    longest_ms = LONGEST_PULSE_MS if command.type is ChannelType.PULSE else LONGEST_TIMED_MS
    if command.duration_ms is not None and SHORTEST_PULSE_MS <= command.duration_ms <= longest_ms:
        return None
    return f"duration_ms is {command.duration_ms}; it must lie between {SHORTEST_PULSE_MS} and {longest_ms}"

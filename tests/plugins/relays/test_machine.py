"""One channel, its board, and a network between them that delays, doubles and drops: its rules hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autocore_plugins.relays.channel import NS, RELEASE_GRACE_S, Channel, step
from autocore_plugins.relays.events import (
    Alarm,
    Answer,
    Ask,
    Beat,
    ChannelEvent,
    ChannelType,
    Drop,
    Fail,
    Halt,
    Halted,
    Hide,
    LetGo,
    Lost,
    Pass,
    Report,
    Resume,
    SafeState,
    Send,
    Settle,
    Show,
    Tick,
    Wake,
)
from autocore_plugins.relays.wear import Duty

MAX_ON_S, MIN_OFF_S = 20.0, 5.0
ANSWER_S = 3.0


class OneChannel(RuleBasedStateMachine):
    """The machine, and what must hold of it, said once more in other words."""

    @initialize(
        kind=st.sampled_from(ChannelType),
        safe_state=st.sampled_from(SafeState),
        limited=st.booleans(),
    )
    def begin(self, kind: ChannelType, safe_state: SafeState, limited: bool) -> None:  # drawn
        safe = safe_state if kind is ChannelType.TOGGLE else SafeState.OFF
        limits = {"max_on_s": MAX_ON_S, "min_off_s": MIN_OFF_S, "duty": Duty(10, 60)} if limited and safe is SafeState.OFF else {}
        self.channel = Channel(kind, ANSWER_S, on_s=2.0 if kind.ends_itself else 0.0, safe_state=safe, **limits)  # type: ignore[arg-type]  # as named
        self.now_ns = 0
        self.asked: set[int] = set()
        self.ended: list[int] = []
        self.reported: bool | None = None
        self.said: list[Send] = []
        self.hands: set[str] = set()
        self.lapsed: set[str] = set()
        self.off_ns: int | None = None
        self.wakes: list[int] = []

    def take(self, event: ChannelEvent) -> list[object]:
        before = self.channel
        self.channel, outputs = step(self.channel, event)
        for one in outputs:
            self.check(before, event, one)
        if before.hold is not None and self.channel.hold != before.hold:
            self.lapsed.add(before.hold)
        return list(outputs)

    def check(self, before: Channel, event: ChannelEvent, one: object) -> None:
        match one:
            case Settle() | Fail():
                self.ended.append(one.request)
            case Send():
                self.check_send(before, event, one)
            case Pass(hold=hold):
                assert isinstance(event, Beat), "a beat of the gateway's own"
                assert hold == before.hold
                assert hold not in self.lapsed, "a hold that is over lives again"
            case Drop(hold=hold):
                assert hold == before.hold
            case Show(is_on=is_on):
                assert isinstance(event, Report), "it shows what nobody reported"
                assert is_on == event.is_on
            case Hide():
                assert isinstance(event, Lost)
            case Alarm():
                assert before.is_stopped
            case Wake(at_ns=at_ns):
                assert at_ns >= self.now_ns
                self.wakes.append(at_ns)

    def check_send(self, before: Channel, event: ChannelEvent, one: Send) -> None:
        self.said.append(one)
        if one.request is None and one.is_on:
            assert before.safe_state is SafeState.ON, "the gateway turned something on by itself"
            assert one.why == "stop"
        if one.is_on and one.request is not None:
            assert isinstance(event, Ask)
            assert not before.is_stopped or before.safe_state is SafeState.ON, "on while everything is stopped"
            if before.type is ChannelType.MOMENTARY:
                assert one.hold is not None, "on without a hand"
                assert one.hold not in self.lapsed
            if before.min_off_s and before.reported is False and self.off_ns is not None:
                assert self.now_ns - self.off_ns >= MIN_OFF_S * NS, "it did not rest"
        if before.type.ends_itself and one.is_on:
            assert one.duration_ms == 2_000, "its board would not know when it ends"

    @rule(is_on=st.booleans(), held=st.booleans())
    def somebody_asks(self, is_on: bool, held: bool) -> None:  # drawn
        request = len(self.asked) + 1
        hold = f"hand {request}" if held and is_on and self.channel.type is ChannelType.MOMENTARY else None
        self.asked.add(request)
        self.take(Ask(request, is_on, self.now_ns, hold))
        if self.channel.hold == hold and hold is not None:
            self.hands.add(hold)

    @rule(data=st.data(), n=st.integers(1, 50))
    def a_beat_comes_of_now_or_of_long_ago(self, data: st.DataObject, n: int) -> None:
        if self.hands:
            self.take(Beat(data.draw(st.sampled_from(sorted(self.hands))), n, self.now_ns // 1_000_000))

    @rule(data=st.data())
    def a_hand_leaves_or_is_said_to_once_more(self, data: st.DataObject) -> None:
        if self.hands:
            hold = data.draw(st.sampled_from(sorted(self.hands)))
            was_held = self.channel.hold == hold
            outputs = self.take(LetGo(hold, self.now_ns))
            assert any(isinstance(one, Send) and not one.is_on for one in outputs) == was_held

    @rule(is_on=st.booleans(), is_fresh=st.booleans())
    def the_board_reports(self, is_on: bool, is_fresh: bool) -> None:  # drawn
        if self.reported is not False and not is_on:
            self.off_ns = self.now_ns
        self.reported = is_on
        self.take(Report(is_on, is_fresh, self.now_ns))

    @rule(data=st.data(), status=st.sampled_from(["accepted", "applied", "refused", "expired"]))
    def the_board_answers_perhaps_an_old_command(self, data: st.DataObject, status: str) -> None:
        if self.asked:
            self.take(Answer(data.draw(st.sampled_from(sorted(self.asked))), status, None, self.now_ns))

    @rule()
    def the_board_is_lost(self) -> None:
        self.reported = self.off_ns = None
        self.take(Lost(self.now_ns))
        assert self.channel.reported is None

    @rule(is_stopped=st.booleans())
    def everything_is_stopped_or_that_is_reset(self, is_stopped: bool) -> None:  # drawn
        outputs = self.take(Halt(self.now_ns) if is_stopped else Resume())
        if not is_stopped:
            assert outputs == [], "the reset does nothing"
        elif self.channel.halts_at is not None:
            assert isinstance(outputs[0], Send)
            assert outputs[0].is_on == self.channel.halts_at

    @rule()
    def the_board_says_that_it_stopped(self) -> None:
        self.take(Halted())

    @rule(s=st.sampled_from([0.01, 0.5, 1.0, 3.0, 3.5, 5.0, 30.0]))
    def time_goes_on(self, s: float) -> None:
        until_ns = self.now_ns + round(s * NS)
        for at_ns in sorted(one for one in self.wakes if one <= until_ns):
            self.now_ns = max(self.now_ns, at_ns)
            self.take(Tick(self.now_ns))
        self.wakes = [one for one in self.wakes if one > until_ns]
        self.now_ns = until_ns
        if self.channel.max_on_s and self.reported and self.channel.wear.on_since_ns is not None:
            is_over = until_ns - self.channel.wear.on_since_ns > round((MAX_ON_S + RELEASE_GRACE_S) * NS)
            assert not is_over or any(one.why == "late" for one in self.said), "on too long, and nobody said anything"

    @invariant()
    def each_request_ends_at_most_once_and_one_waits_at_most(self) -> None:
        if hasattr(self, "channel"):
            assert len(self.ended) == len(set(self.ended))
            open_ = self.asked - set(self.ended)
            assert open_ == ({self.channel.pending.request} if self.channel.pending else set())

    @invariant()
    def what_is_shown_is_what_was_reported(self) -> None:
        if hasattr(self, "channel"):
            assert self.channel.reported == self.reported


TestOneChannel = OneChannel.TestCase
TestOneChannel.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)

"""One board in virtual time, its clock equal to the gateway's: what it obeys, and what falls by itself."""

from dataclasses import dataclass, field

import pytest

from autocore.simulator.board import Board
from autocore.simulator.channel import Cause
from autocore.simulator.rules import BoardRules, ChannelRules, LinkLoss, SafeState
from autocore.simulator.trust import Trust
from autocore.simulator.wire import Answer, ChannelType, GatewayStatus, Heartbeat, RelayCommand, Welcome


@dataclass
class Bench:
    """A board, and a gateway that reaches it in no time."""

    rules: BoardRules = field(default_factory=BoardRules)
    now_ms: int = 0
    seq: int = 0
    session: int = 0

    def __post_init__(self) -> None:
        self.trust = Trust()
        self.board = Board(self.trust, self.rules)
        self.board.power_up(0)
        self.connect()

    def connect(self) -> None:
        self.session += 1
        self.trust.connect(f"s{self.session}", self.now_ms)
        self.board.connected(self.now_ms)
        self.welcome()

    def disconnect(self) -> None:
        self.trust.disconnect()
        self.board.disconnected(self.now_ms)

    def gateway(self, status: str) -> None:
        self.trust.gateway_spoke(GatewayStatus(status=status, epoch=1), self.now_ms, is_retained=False)
        self.board.gateway_changed(self.now_ms)

    def welcome(self) -> None:
        self.now_ms += 1
        ask = self.trust.ask(self.now_ms)
        self.trust.welcome(Welcome(session=f"s{self.session}", epoch=1, seq=self.seq, t_ms=self.now_ms, ask=ask), self.now_ms)

    def send(
        self,
        channel: int = 1,
        *,
        on: bool = True,
        kind: ChannelType = ChannelType.TOGGLE,
        age_ms: int = 0,
        hold: str | None = None,
        duration_ms: int | None = None,
    ) -> Answer:
        self.seq += 1
        answer = self.board.command(
            RelayCommand(
                id=f"c{self.seq}",
                session=f"s{self.session}",
                seq=self.seq,
                epoch=1,
                t_ms=self.now_ms - age_ms,
                ttl_ms=2_000,
                channel=channel,
                state=on,
                type=kind,
                hold=hold,
                duration_ms=duration_ms,
            ),
            self.now_ms,
        )
        assert answer is not None
        assert answer.id == f"c{self.seq}"
        return answer

    def hold(self, hold: str = "thumb", channel: int = 1, *, age_ms: int = 0) -> Answer:
        return self.send(channel, kind=ChannelType.MOMENTARY, hold=hold, age_ms=age_ms)

    def beat(self, n: int, hold: str = "thumb", channel: int = 1, *, age_ms: int = 0) -> bool:
        return self.board.beat(Heartbeat(hold=hold, channel=channel, n=n, t_ms=self.now_ms - age_ms), self.now_ms)

    def wait(self, ms: int) -> None:
        """Let time pass as the driver of a board does: it ticks when something is due, and only then."""
        until_ms = self.now_ms + ms
        while (due_ms := self.board.due_ms) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            self.board.tick(self.now_ms)
            assert self.board.due_ms != due_ms, "what was due was not done"
        self.now_ms = until_ms

    @property
    def on(self) -> set[int]:
        return {number for number, is_on in self.board.channels.items() if is_on}

    @property
    def causes(self) -> list[Cause]:
        return [report.cause for report in self.board.take_reports()]


def with_rules(**rules: object) -> Bench:
    return Bench(BoardRules(channels={1: ChannelRules(**rules)}))  # type: ignore[arg-type]


def test_a_toggle_stays_as_it_is_set():
    bench = Bench()
    assert bench.send().status == "applied"
    bench.wait(3_600_000)
    assert bench.on == {1}
    bench.send(on=False)
    assert bench.on == set()


def test_every_change_is_reported_with_its_command():
    bench = Bench()
    bench.send(3)
    bench.send(3)  # it is on already: nothing changes
    bench.send(3, on=False)
    first, second = bench.board.take_reports()
    assert (first.channels[3], first.cause, first.seq) == (True, Cause.COMMAND, 1)
    assert (second.channels[3], second.cause, second.seq) == (False, Cause.COMMAND, 3)
    assert bench.board.take_reports() == []


@pytest.mark.parametrize("kind", [ChannelType.PULSE, ChannelType.TIMED])
def test_a_pulse_and_a_timed_channel_end_after_their_duration(kind: ChannelType):
    bench = Bench()
    bench.send(kind=kind, duration_ms=750)
    bench.wait(749)
    assert bench.on == {1}
    bench.wait(1)
    assert bench.on == set()
    assert bench.causes == [Cause.COMMAND, Cause.DURATION]


def test_a_timed_channel_may_be_cut_short():
    bench = Bench()
    bench.send(kind=ChannelType.TIMED, duration_ms=60_000)
    bench.send(on=False, kind=ChannelType.TIMED)
    assert bench.on == set()


def test_a_toggle_outlives_the_pulse_that_came_before_it():
    bench = Bench()
    bench.send(kind=ChannelType.PULSE, duration_ms=500)
    bench.send()
    bench.wait(1_000)
    assert bench.on == {1}


@pytest.mark.parametrize(
    ("kind", "duration_ms", "is_obeyed"),
    [
        pytest.param(ChannelType.PULSE, 49, False, id="a pulse too short"),
        pytest.param(ChannelType.PULSE, 50, True, id="the shortest pulse"),
        pytest.param(ChannelType.PULSE, 60_000, True, id="the longest pulse"),
        pytest.param(ChannelType.PULSE, 60_001, False, id="a pulse too long"),
        pytest.param(ChannelType.PULSE, None, False, id="a pulse without end"),
        pytest.param(ChannelType.TIMED, 60_001, True, id="timed may be longer"),
        pytest.param(ChannelType.TIMED, 86_400_001, False, id="but not longer than a day"),
    ],
)
def test_a_duration_lies_within_its_limits(kind: ChannelType, duration_ms: int | None, is_obeyed: bool):
    bench = Bench()
    assert (bench.send(kind=kind, duration_ms=duration_ms).status == "applied") is is_obeyed
    assert bool(bench.on) is is_obeyed


def test_a_channel_that_does_not_exist_is_refused():
    bench = Bench()
    assert bench.send(17) == Answer("c1", "refused", "channel 17 does not exist; the board has 16")
    assert bench.send(0).status == "refused"


def test_a_stale_command_is_answered_as_expired():
    bench = Bench()
    assert bench.send(age_ms=2_001).status == "expired"
    assert bench.on == set()


def test_a_configured_type_is_the_only_way_to_turn_a_channel_on_but_off_is_always_obeyed():
    bench = with_rules(type=ChannelType.MOMENTARY)
    assert bench.send().reason == "channel 1 is momentary, not toggle"
    bench.hold()
    assert bench.on == {1}
    bench.send(on=False)
    assert bench.on == set()


def test_a_channel_turns_itself_off_after_its_longest_time_and_asking_again_does_not_prolong_it():
    bench = with_rules(max_on_ms=10_000)
    bench.send()
    bench.wait(9_000)
    bench.send()
    bench.wait(1_000)
    assert bench.on == set()
    assert bench.causes == [Cause.COMMAND, Cause.MAX_ON]


class TestHolding:
    def test_a_held_channel_stays_on_while_beats_come(self):
        bench = Bench()
        bench.hold()
        for n in range(50):
            bench.wait(100)
            assert bench.beat(n)
        assert bench.on == {1}

    def test_it_falls_500_ms_after_the_stamp_of_the_last_beat_not_after_its_arrival(self):
        bench = Bench()
        bench.hold()
        bench.wait(100)
        bench.beat(1)
        bench.wait(280)
        assert bench.beat(2, age_ms=280)  # stamped 0 ms after the first, arrived 280 ms late
        bench.wait(219)
        assert bench.on == {1}
        bench.wait(1)
        assert bench.on == set()
        assert bench.causes == [Cause.COMMAND, Cause.DEAD_MAN]

    def test_without_a_single_beat_it_falls_after_500_ms(self):
        bench = Bench()
        bench.hold()
        bench.wait(500)
        assert bench.on == set()

    def test_a_beat_older_than_300_ms_prolongs_nothing(self):
        bench = Bench()
        bench.hold()
        bench.wait(400)
        assert not bench.beat(1, age_ms=301)
        bench.wait(100)
        assert bench.on == set()

    def test_a_doubled_or_overtaken_beat_prolongs_nothing(self):
        bench = Bench()
        bench.hold()
        assert bench.beat(5)
        assert not bench.beat(5)
        assert not bench.beat(4)
        assert bench.board.stray_beats == 2

    def test_a_beat_alone_turns_nothing_on(self):
        bench = Bench()
        assert not bench.beat(1)
        assert not bench.beat(1, channel=99)
        assert bench.on == set()

    def test_a_beat_of_another_hold_prolongs_nothing(self):
        bench = Bench()
        bench.hold()
        assert not bench.beat(1, hold="stranger")

    @pytest.mark.parametrize("end", ["lapsed", "released", "cut by its longest time"])
    def test_a_hold_that_ended_never_lives_again(self, end: str):
        bench = with_rules(max_on_ms=400 if end == "cut by its longest time" else None)
        bench.hold()
        if end == "released":
            bench.send(on=False)
        else:
            bench.wait(500)
        assert bench.on == set()
        assert not bench.beat(9)
        assert bench.hold().reason == "the hold has lapsed"
        assert bench.on == set()
        assert bench.hold("a new thumb").status == "applied"

    def test_it_lapses_at_its_time_even_when_the_timer_is_late(self):
        bench = Bench()
        bench.hold()
        bench.now_ms += 500  # nobody ticked
        assert not bench.beat(1)
        assert bench.on == set()

    def test_a_release_that_came_without_its_command_ends_the_hold_too(self):
        bench = Bench()
        bench.send(on=False, kind=ChannelType.MOMENTARY, hold="thumb")
        assert bench.hold().status == "refused"

    def test_a_momentary_command_is_its_own_first_beat_so_an_old_one_is_expired(self):
        bench = Bench()
        assert bench.hold(age_ms=301).status == "expired"
        assert bench.hold("other", age_ms=300).status == "applied"
        bench.wait(200)
        assert bench.on == set()

    def test_without_a_hold_nothing_momentary_turns_on(self):
        assert Bench().send(kind=ChannelType.MOMENTARY).status == "refused"

    def test_a_second_holder_is_refused_and_the_first_stays(self):
        bench = Bench()
        bench.hold()
        assert bench.hold("other").reason == "channel 1 is held by another"
        assert bench.send().status == "refused"
        assert bench.beat(1)

    def test_the_same_holder_may_ask_again(self):
        bench = Bench()
        bench.hold()
        bench.wait(400)
        assert bench.hold().status == "applied"
        bench.wait(499)
        assert bench.on == {1}

    def test_the_holder_takes_over_what_was_on_and_lets_it_fall(self):
        bench = Bench()
        bench.send()
        bench.hold()
        bench.wait(500)
        assert bench.on == set()

    def test_beats_no_longer_count_when_the_gateway_is_gone(self):
        bench = Bench()
        bench.hold()
        bench.gateway("offline")
        assert not bench.beat(1)
        bench.wait(500)
        assert bench.on == set()


class TestLink:
    def test_after_a_reconnection_everything_is_in_its_safe_state(self):
        safe_states = {1: SafeState.OFF, 2: SafeState.KEEP, 3: SafeState.ON}
        rules = {number: ChannelRules(safe_state=state, link_loss=LinkLoss("keep")) for number, state in safe_states.items()}
        bench = Bench(BoardRules(channels=rules))
        assert bench.on == {3}
        bench.send(1)
        bench.send(2)
        bench.send(3, on=False)
        bench.disconnect()
        bench.connect()
        assert bench.on == {2, 3}
        assert bench.causes[-1] is Cause.RECONNECTED

    @pytest.mark.parametrize("safe_state", [SafeState.OFF, SafeState.KEEP])
    def test_a_hold_does_not_outlive_the_connection(self, safe_state: SafeState):
        bench = with_rules(safe_state=safe_state)
        bench.hold()
        bench.disconnect()
        bench.connect()
        assert bench.on == set()
        assert bench.hold().status == "refused"

    @pytest.mark.parametrize("loss", ["the connection", "the gateway"])
    @pytest.mark.parametrize(
        ("action", "on_after"),
        [
            pytest.param(LinkLoss("off"), {4_999: True, 5_000: False}, id="off"),
            pytest.param(LinkLoss("hold", 3_000), {7_999: True, 8_000: False}, id="hold 3 s"),
            pytest.param(LinkLoss("keep"), {3_600_000: True}, id="keep"),
            pytest.param(LinkLoss(), {4_999: True, 5_000: False}, id="as the safe state says"),
        ],
    )
    def test_a_lost_link_does_what_the_channel_says_after_the_time_out(
        self, loss: str, action: LinkLoss, on_after: dict[int, bool]
    ):
        for wait_ms, is_on in on_after.items():
            bench = with_rules(link_loss=action)
            bench.send()
            if loss == "the connection":
                bench.disconnect()
            else:
                bench.gateway("offline")
            bench.wait(wait_ms)
            assert bool(bench.on) is is_on, wait_ms

    def test_a_gateway_that_is_back_in_time_finds_everything_as_it_was(self):
        bench = with_rules(link_loss=LinkLoss("hold", 3_000))
        bench.send()
        bench.gateway("offline")
        bench.wait(6_000)
        bench.gateway("online")
        bench.welcome()
        bench.wait(60_000)
        assert bench.on == {1}

    def test_a_link_that_stays_lost_is_lost_once(self):
        bench = with_rules(safe_state=SafeState.ON)
        bench.send(on=False)
        bench.gateway("offline")
        bench.wait(5_000)
        bench.disconnect()
        assert bench.on == {1}
        assert bench.causes == [Cause.POWER_UP, Cause.COMMAND, Cause.LINK_LOST]
        assert bench.board.due_ms is None

    def test_the_time_out_counts_from_the_first_loss(self):
        bench = Bench()
        bench.send()
        bench.gateway("offline")
        bench.wait(3_000)
        bench.disconnect()
        bench.wait(2_000)
        assert bench.on == set()

    def test_limits_hold_without_a_link(self):
        bench = with_rules(link_loss=LinkLoss("keep"), max_on_ms=20_000)
        bench.send()
        bench.disconnect()
        bench.wait(20_000)
        assert bench.on == set()


class TestConfiguration:
    def test_nothing_is_energised_between_a_delivery_and_its_acknowledgement(self):
        bench = Bench()
        bench.board.deliver(1, bench.rules, bench.now_ms)
        assert bench.send().reason == "the configuration is not acknowledged yet"
        bench.board.acknowledged(1, bench.now_ms)
        assert bench.send().status == "applied"

    def test_a_board_that_needs_one_waits_for_it(self):
        bench = Bench(BoardRules(needs_configuration=True, channels={2: ChannelRules(safe_state=SafeState.ON)}))
        assert bench.send().status == "refused"
        assert bench.on == set()
        bench.board.deliver("v1", bench.rules, bench.now_ms)
        bench.board.acknowledged("v1", bench.now_ms)
        assert bench.on == {2}  # what is safe when on
        assert bench.send().status == "applied"

    def test_the_acknowledgement_of_a_replaced_version_is_worth_nothing(self):
        bench = Bench(BoardRules(needs_configuration=True, channels={2: ChannelRules(safe_state=SafeState.ON)}))
        bench.board.deliver(1, bench.rules, bench.now_ms)
        bench.board.deliver(2, bench.rules, bench.now_ms)
        bench.board.acknowledged(1, bench.now_ms)
        assert bench.send().status == "refused"
        assert bench.on == set()

    def test_the_version_that_is_acknowledged_already_may_come_again(self):
        bench = Bench()
        bench.board.deliver(1, bench.rules, bench.now_ms)
        bench.board.acknowledged(1, bench.now_ms)
        bench.board.deliver(1, bench.rules, bench.now_ms)
        assert bench.send().status == "applied"

    def test_new_limits_hold_for_what_is_on(self):
        bench = Bench()
        bench.send(1)
        bench.send(2)
        bench.wait(5_000)
        rules = BoardRules(channels={1: ChannelRules(max_on_ms=3_000), 2: ChannelRules(type=ChannelType.MOMENTARY)})
        bench.board.deliver(1, rules, bench.now_ms)
        assert bench.on == set()

    def test_a_first_configuration_turns_nothing_off_that_is_on_as_it_says(self):
        bench = Bench()
        bench.send(1)
        bench.send(2)
        rules = BoardRules(channels={1: ChannelRules(type=ChannelType.TOGGLE), 2: ChannelRules(type=ChannelType.PULSE)})
        bench.board.deliver(1, rules, bench.now_ms)
        assert bench.on == {1}

    def test_a_power_up_forgets_everything_but_the_limits(self):
        bench = with_rules(safe_state=SafeState.KEEP)
        bench.board.deliver(1, bench.rules, bench.now_ms)
        bench.board.acknowledged(1, bench.now_ms)
        bench.send(1)
        bench.send(2)
        bench.board.power_up(bench.now_ms)
        assert bench.on == set()


def test_a_gateway_whose_power_goes_is_waited_for_by_nobody():
    rules = BoardRules(channels={2: ChannelRules(link_loss=LinkLoss("keep")), 3: ChannelRules(link_loss=LinkLoss("hold", 2_000))})
    bench = Bench(rules)
    for channel in (1, 2, 3):
        assert bench.send(channel).status == "applied"
    bench.gateway("going_down")
    assert [bench.board.channels[channel] for channel in (1, 2, 3)] == [False, True, True]
    bench.now_ms += 2_000
    bench.board.tick(bench.now_ms)
    assert [bench.board.channels[channel] for channel in (1, 2, 3)] == [False, True, False]
    assert bench.send(1).status != "applied"
    bench.gateway("online")
    bench.welcome()
    assert bench.send(1).status == "applied"

"""One relay channel, whatever the board and the network do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autocore_plugins.relays.channel import NS, Channel, step
from autocore_plugins.relays.events import (
    Answer,
    Ask,
    Beat,
    ChannelEvent,
    ChannelType,
    Drop,
    Fail,
    Hide,
    LetGo,
    Lost,
    Output,
    Pass,
    Report,
    Send,
    Settle,
    Show,
    Tick,
    Wake,
)

TOGGLE = Channel(ChannelType.TOGGLE, answer_within_s=3.0)
PULSE = Channel(ChannelType.PULSE, answer_within_s=3.0, on_s=0.5)


def play(channel: Channel, *events: ChannelEvent) -> tuple[Channel, list[Output]]:
    outputs: list[Output] = []
    for event in events:
        channel, more = step(channel, event)
        outputs += [one for one in more if not isinstance(one, Wake)]
    return channel, outputs


def test_a_light_is_shown_on_when_the_board_says_so_and_not_when_it_was_asked() -> None:
    asked, outputs = play(TOGGLE, Ask(1, True, 0))
    assert outputs == [Send(1, True)]
    assert asked.reported is None
    _, outputs = play(asked, Report(True, True, 5))
    assert outputs == [Show(True, 1), Settle(1, is_confirmed=True)]


def test_a_stored_report_answers_nobody() -> None:
    _, outputs = play(TOGGLE, Ask(1, True, 0), Report(True, False, 5))
    assert outputs == [Send(1, True), Show(True, None)]


def test_a_light_that_someone_switched_at_the_board_is_the_boards_doing() -> None:
    _, outputs = play(TOGGLE, Report(True, True, 5))
    assert outputs == [Show(True, None)]


def test_an_applied_command_waits_for_the_report() -> None:
    waiting, outputs = play(TOGGLE, Ask(1, True, 0), Answer(1, "accepted", None, 1), Answer(1, "applied", None, 2))
    assert outputs == [Send(1, True)]
    _, outputs = play(waiting, Report(True, True, 3))
    assert outputs[-1] == Settle(1, is_confirmed=True)


def test_a_board_that_applies_but_never_reports_is_unconfirmed() -> None:
    _, outputs = play(TOGGLE, Ask(1, True, 0), Answer(1, "applied", None, 2), Tick(3 * NS))
    assert outputs[-1] == Settle(1, is_confirmed=False)


def test_turning_on_what_is_on_is_sent_and_done_when_the_board_applied_it() -> None:
    _, outputs = play(TOGGLE, Report(True, True, 0), Ask(1, True, 1), Answer(1, "applied", None, 2))
    assert outputs[-2:] == [Send(1, True), Settle(1, is_confirmed=True)]


@pytest.mark.parametrize(("status", "reason"), [("refused", "over temperature"), ("expired", None)])
def test_a_board_that_says_no_is_heard(status: str, reason: str | None) -> None:
    _, outputs = play(TOGGLE, Ask(1, True, 0), Answer(1, status, reason, 2))
    assert outputs[-1] == Fail(1, "refused", reason or "it came too late")


def test_silence_is_said_after_the_time_the_board_has() -> None:
    asked, _ = play(TOGGLE, Ask(1, True, 0))
    _, early = play(asked, Tick(3 * NS - 1))
    _, late = play(asked, Tick(3 * NS))
    assert (early, late) == ([], [Fail(1, "no_answer", "no answer within 3 s")])


def test_a_newer_command_takes_the_place_of_the_one_on_its_way() -> None:
    _, outputs = play(TOGGLE, Ask(1, True, 0), Ask(2, False, 1), Answer(1, "applied", None, 2), Report(False, True, 3))
    assert outputs == [
        Send(1, True),
        Fail(1, "superseded", "a newer command took its place"),
        Send(2, False),
        Show(False, 2),
        Settle(2, is_confirmed=True),
    ]


def test_a_board_that_goes_away_shows_nothing_and_fails_what_was_asked() -> None:
    lost, outputs = play(TOGGLE, Report(False, True, 0), Ask(1, True, 1), Lost(2))
    assert outputs[-2:] == [Fail(1, "offline", "the board went away before it answered"), Hide()]
    assert (lost.reported, lost.pending) == (None, None)


def test_a_pulse_carries_its_length_and_turning_it_off_does_not() -> None:
    _, outputs = play(PULSE, Ask(1, True, 0), Ask(2, False, 1))
    assert [one for one in outputs if isinstance(one, Send)] == [Send(1, True, 500), Send(2, False)]


def test_a_pulse_that_the_board_does_not_end_is_released_by_the_gateway_until_it_is() -> None:
    stuck, _ = play(PULSE, Ask(1, True, 0), Report(True, True, 10))
    _, early = play(stuck, Tick(10 + NS - 1))
    later, late = play(stuck, Tick(10 + NS))
    assert (early, late) == ([], [Send(None, False, why="late")])
    later, again = play(later, Tick(10 + NS + round(3.5 * NS)))
    assert again == [Send(None, False, why="late")]
    _, after = play(later, Report(False, True, 6 * NS), Tick(60 * NS))
    assert after == [Show(False, None)]


def test_a_pulse_that_the_board_ends_in_time_is_left_alone() -> None:
    _, outputs = play(PULSE, Ask(1, True, 0), Report(True, True, 10), Report(False, True, 500_000_000), Tick(60 * NS))
    assert Send(None, False, why="late") not in outputs


def events_in_order(kind: ChannelType) -> st.SearchStrategy[list[ChannelEvent]]:
    gaps = st.integers(0, 4 * NS)
    shapes = st.one_of(
        st.tuples(st.just("ask"), st.booleans()),
        st.tuples(st.just("report"), st.booleans(), st.booleans()),
        st.tuples(st.just("answer"), st.integers(1, 8), st.sampled_from(["accepted", "applied", "refused", "expired"])),
        st.tuples(st.just("tick")),
        st.tuples(st.just("lost")),
        st.tuples(st.just("press"), st.integers(1, 4)),
        st.tuples(st.just("beat"), st.integers(1, 4)),
        st.tuples(st.just("let go"), st.integers(1, 4)),
    )

    def build(steps: list[tuple[int, tuple[object, ...]]]) -> list[ChannelEvent]:
        now, request, made = 0, 0, list[ChannelEvent]()
        for gap, shape in steps:
            now += gap
            match shape:
                case ("ask", bool(is_on)):
                    request += 1
                    made.append(Ask(request, is_on, now))
                case ("report", bool(is_on), bool(is_fresh)):
                    made.append(Report(is_on, is_fresh, now))
                case ("answer", int(number), str(status)):
                    made.append(Answer(number, status, None, now))
                case ("tick",):
                    made.append(Tick(now))
                case ("press", int(hand)):
                    request += 1
                    made.append(Ask(request, True, now, hold=f"hand {hand}"))
                case ("beat", int(hand)):
                    made.append(Beat(f"hand {hand}", 1, now))
                case ("let go", int(hand)):
                    made.append(LetGo(f"hand {hand}", now))
                case _:
                    made.append(Lost(now))
        return made

    return st.lists(st.tuples(gaps, shapes), max_size=25).map(build)


@given(kind=st.sampled_from(list(ChannelType)), data=st.data())
def test_every_request_ends_exactly_once_and_only_a_person_turns_on(  # noqa: C901, PLR0912  # one case for each output
    kind: ChannelType, data: st.DataObject
) -> None:
    channel = Channel(kind, answer_within_s=3.0, on_s=0.5 if kind is ChannelType.PULSE else 0.0)
    events = data.draw(events_in_order(kind))
    ended: list[int] = []
    asked: list[int] = []
    now = 0
    holding: str | None = None  # the hand for which the channel was turned on last
    for event in events:
        now = now if isinstance(event, Beat) else event.at_ns
        channel_before = channel
        channel, outputs = step(channel, event)
        for output in outputs:
            match output:
                case Settle() | Fail():
                    ended.append(output.request)
                case Send(request=None, is_on=is_on):
                    assert not is_on, "the gateway originated an energising command"
                case Send():
                    assert isinstance(event, Ask), "a command left that nobody asked for now"
                    assert output.request == event.request
                    if kind is ChannelType.MOMENTARY:
                        assert output.is_on is (output.hold is not None), "only a hand turns it on"
                    holding = output.hold
                case Pass(hold=hold):
                    assert isinstance(event, Beat), "a beat left that nobody sent now"
                    assert (hold, output.t_ms) == (event.hold, event.t_ms)
                    assert hold == holding == channel.hold, "a hold that is over lives again"
                case Drop(hold=hold):
                    assert hold == channel_before.hold
                    assert channel.hold != hold or isinstance(event, Ask)
                case Show(is_on=is_on):
                    assert isinstance(event, Report), "something was shown that the board did not report"
                    assert is_on == event.is_on
                case Wake(at_ns=at_ns):
                    assert at_ns > now
                case Hide():
                    assert isinstance(event, Lost)
        if isinstance(event, LetGo) and event.hold == channel_before.hold and event.hold is not None:
            assert any(isinstance(one, Send) and not one.is_on for one in outputs), "a hand left and nothing was said"
            assert channel.hold is None
        if isinstance(event, Ask):
            asked.append(event.request)
        if isinstance(event, Lost):
            assert channel.reported is None
    channel, outputs = step(channel, Tick(now + 10 * NS))
    ended += [one.request for one in outputs if isinstance(one, (Settle, Fail))]
    assert sorted(ended) == asked


def test_a_thumb_that_presses_again_at_once_is_not_dropped_by_the_end_of_its_last_hold() -> None:
    momentary = Channel(ChannelType.MOMENTARY, answer_within_s=3.0)
    held, _ = play(momentary, Ask(1, True, 0, "a"), Report(True, True, 5), LetGo("a", 10), Ask(2, True, 11, "b"))
    again, outputs = play(held, Report(False, True, 12))
    assert (again.hold, outputs) == ("b", [Show(False, None)])
    on, outputs = play(again, Report(True, True, 13))
    assert outputs[-1] == Settle(2, is_confirmed=True)
    _, outputs = play(on, Report(False, True, 14))
    assert Drop("b", "board") in outputs

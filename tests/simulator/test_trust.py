import pytest

from autocore.simulator.trust import LONGEST_PATIENCE_MS, REFRESH_MS, Trust, Verdict, answer_to
from autocore.simulator.wire import ChannelType, DeviceCommand, GatewayStatus, Order, RelayCommand, Welcome

AHEAD_MS = 1_000_000  # the gateway's clock is that far before ours


def welcome(t_ms: int = 0, *, ask: int | None = 1, session: str = "s1", epoch: int = 3, seq: int = 10) -> Welcome:
    return Welcome(session=session, epoch=epoch, seq=seq, t_ms=AHEAD_MS + t_ms, ask=ask)


def order(seq: int = 11, *, session: str = "s1", epoch: int = 3, t_ms: int = 0, ttl_ms: int = 2_000) -> Order:
    return RelayCommand(
        id=f"c{seq}",
        session=session,
        seq=seq,
        epoch=epoch,
        t_ms=AHEAD_MS + t_ms,
        ttl_ms=ttl_ms,
        channel=1,
        state=True,
        type=ChannelType.TOGGLE,
    )


def connected() -> Trust:
    trust = Trust()
    trust.connect("s1", 0)
    trust.ask(0)
    return trust


def welcomed() -> Trust:
    trust = connected()
    assert trust.welcome(welcome(), 20)
    return trust


def test_nobody_is_obeyed_before_the_welcome():
    assert connected().judge(order(), 20) is Verdict.NOT_WELCOMED


def test_a_fresh_order_after_the_welcome_is_obeyed_once():
    trust = welcomed()
    assert trust.judge(order(), 100) is Verdict.OBEY
    assert trust.judge(order(), 101) is Verdict.OLD
    assert trust.drops == {Verdict.OLD: 1}


@pytest.mark.parametrize(
    ("stale", "verdict"),
    [
        pytest.param(order(session="s0"), Verdict.FOREIGN, id="another session"),
        pytest.param(order(epoch=2), Verdict.FOREIGN, id="another start of the gateway"),
        pytest.param(order(seq=10), Verdict.OLD, id="used before the welcome"),
        pytest.param(order(t_ms=-1_501), Verdict.EXPIRED, id="one ms past its time to live"),
        pytest.param(order(t_ms=-1_500), Verdict.OBEY, id="the last ms of its time to live"),
        pytest.param(order(t_ms=500 + 51), Verdict.AHEAD, id="from the future"),
    ],
)
def test_an_order_is_judged_by_session_epoch_number_and_age(stale: Order, verdict: Verdict):
    assert welcomed().judge(stale, 500) is verdict


def test_each_kind_of_order_is_numbered_for_itself():
    trust = welcomed()
    assert trust.judge(order(seq=20), 30) is Verdict.OBEY
    device_order = DeviceCommand(id="d", session="s1", seq=15, epoch=3, t_ms=AHEAD_MS, ttl_ms=2_000, command="identify")
    assert trust.judge(device_order, 31) is Verdict.OBEY


def test_a_welcome_counts_up_to_a_round_trip_of_500_ms():
    assert connected().welcome(welcome(), 500)
    slow = connected()
    assert not slow.welcome(welcome(), 501)
    assert not slow.is_welcomed


def test_a_slow_welcome_shows_that_somebody_is_there_so_the_status_goes_out_again_at_once():
    trust = connected()
    trust.welcome(welcome(), 2_500)
    assert trust.ask_ms == 2_500
    trust.ask(2_500)
    assert trust.welcome(welcome(2_510, ask=2), 2_520)


def test_a_link_that_is_always_slow_is_not_asked_for_ever():
    trust = Trust()
    trust.connect("s1", 0)
    asked_ms: list[int] = []
    for now_ms in range(0, 60_000, 100):
        if now_ms - 600 in asked_ms:
            trust.welcome(welcome(now_ms, ask=asked_ms.index(now_ms - 600) + 1), now_ms)
        if trust.ask_ms <= now_ms:
            trust.ask(now_ms)
            asked_ms.append(now_ms)
    assert len(asked_ms) < 12


def test_the_gateways_clock_is_never_taken_for_earlier_than_it_is():
    trust = connected()
    trust.welcome(welcome(400), 400)  # stamped at the very end of a round trip of 400 ms
    assert trust.judge(order(t_ms=400, ttl_ms=0), 400) is Verdict.EXPIRED  # too cautious by 400 ms, never too bold


def test_the_late_answer_to_an_earlier_status_is_not_taken_for_the_answer_to_the_newest():
    trust = connected()
    trust.ask(3_000)
    assert not trust.welcome(welcome(10), 3_200)  # it answers the status of 0 ms, and was stamped then
    assert trust.welcome(welcome(3_010, ask=2), 3_201)
    assert trust.judge(order(t_ms=100), 3_202) is Verdict.EXPIRED


def test_of_two_answers_that_overtook_each_other_the_one_to_the_newer_status_stays():
    trust = connected()
    trust.ask(100)
    assert trust.welcome(welcome(110, ask=2), 120)
    assert not trust.welcome(welcome(10), 130)
    assert trust.judge(order(t_ms=125, ttl_ms=15), 130) is Verdict.OBEY


def test_a_burst_of_a_link_that_stalled_while_the_gateway_began_anew_is_not_taken_for_now():
    trust = welcomed()
    trust.gateway_spoke(GatewayStatus(status="online", epoch=4), 5_000, is_retained=False)
    trust.ask(5_000)
    assert not trust.welcome(welcome(100, epoch=4, seq=0), 5_000)  # sent when the gateway began, to a status of long ago
    assert trust.judge(order(seq=1, epoch=4, t_ms=100), 5_000) is Verdict.NOT_WELCOMED
    assert trust.welcome(welcome(5_010, ask=2, epoch=4, seq=1), 5_020)
    assert trust.judge(order(seq=2, epoch=4, t_ms=5_020), 5_030) is Verdict.OBEY


def test_what_an_earlier_start_of_the_gateway_said_is_of_no_use_to_whoever_repeats_it():
    trust = welcomed()
    trust.gateway_spoke(GatewayStatus(status="online", epoch=4), 100, is_retained=False)
    trust.ask(100)
    assert trust.welcome(welcome(110, ask=2, epoch=4), 120)
    trust.gateway_spoke(GatewayStatus(status="online", epoch=3), 9_000, is_retained=False)
    trust.ask(9_000)
    assert not trust.welcome(welcome(), 9_000)
    assert trust.judge(order(), 9_000) is Verdict.NOT_WELCOMED


@pytest.mark.parametrize("ask", [None, 0, -1, 7])
def test_a_welcome_that_answers_nothing_makes_a_device_ask_again(ask: int | None):
    trust = connected()
    assert not trust.welcome(welcome(ask=ask), 10)
    assert (trust.is_welcomed, trust.ask_ms) == (False, 10)


def test_a_doubled_welcome_does_not_use_up_the_next_answer():
    trust = welcomed()
    trust.ask(60_000)
    assert not trust.welcome(welcome(), 60_010)
    assert trust.welcome(welcome(60_010, ask=2), 60_020)


def test_an_unasked_welcome_has_no_round_trip_and_moves_no_clock():
    trust = welcomed()
    assert not trust.welcome(welcome(400), 405)
    assert trust.judge(order(t_ms=400, ttl_ms=5), 405) is Verdict.OBEY


def test_an_unasked_welcome_from_the_future_proves_our_clock_wrong():
    trust = welcomed()
    trust.welcome(welcome(900), 405)
    assert not trust.is_welcomed
    assert trust.ask_ms == 405


def test_an_unasked_welcome_makes_a_device_ask_that_nobody_welcomed_yet():
    trust = Trust()
    trust.connect("s1", 0)
    trust.ask(0)
    trust.gateway_spoke(GatewayStatus(status="offline", epoch=3), 10, is_retained=True)
    trust.gateway_spoke(GatewayStatus(status="online", epoch=3), 20, is_retained=False)
    trust.welcome(welcome(25), 30)
    assert not trust.is_welcomed
    assert trust.ask_ms <= 30


def test_a_later_welcome_leaves_an_order_alone_that_it_overtook():
    trust = welcomed()
    trust.ask(1_000)
    trust.welcome(welcome(1_000, ask=2, seq=11), 1_010)
    assert trust.judge(order(seq=11, t_ms=1_000), 1_020) is Verdict.OBEY


def test_a_welcome_of_another_session_changes_nothing():
    trust = connected()
    assert not trust.welcome(welcome(session="s0"), 10)
    assert trust.ask_ms > 10
    assert trust.welcome(welcome(), 11)


def test_whoever_answers_now_is_the_gateway_whatever_was_repeated_of_its_status():
    trust = welcomed()
    trust.gateway_spoke(GatewayStatus(status="online", epoch=2), 100, is_retained=False)
    trust.ask(100)
    assert trust.welcome(welcome(110, ask=2), 120)
    assert trust.judge(order(t_ms=110), 130) is Verdict.OBEY


def test_the_last_word_of_an_earlier_start_of_the_gateway_is_no_news():
    trust = welcomed()
    trust.gateway_spoke(GatewayStatus(status="offline", epoch=2), 100, is_retained=False)
    assert trust.is_welcomed
    assert not trust.is_gateway_away


def test_a_welcome_that_the_gateway_said_before_it_went_away_does_not_bring_it_back():
    trust = connected()
    trust.gateway_spoke(GatewayStatus(status="offline", epoch=3), 10, is_retained=False)
    assert not trust.welcome(welcome(), 20)
    assert trust.is_gateway_away


def test_orders_of_another_start_than_the_one_that_welcomed_are_foreign():
    trust = welcomed()
    trust.ask(100)
    assert trust.welcome(welcome(100, ask=2, epoch=4), 110)
    assert trust.judge(order(t_ms=110), 120) is Verdict.FOREIGN
    assert trust.judge(order(seq=1, epoch=4, t_ms=110), 120) is Verdict.OLD
    assert trust.judge(order(seq=11, epoch=4, t_ms=110), 120) is Verdict.OBEY


def test_another_start_of_the_gateway_numbers_its_orders_anew():
    trust = welcomed()
    trust.judge(order(seq=500), 30)
    trust.ask(100)
    trust.welcome(welcome(100, ask=2, epoch=4, seq=0), 110)
    assert trust.judge(order(seq=1, epoch=4, t_ms=110), 120) is Verdict.OBEY


def test_a_gateway_that_went_away_is_obeyed_no_more_and_asked_when_it_returns():
    trust = welcomed()
    trust.gateway_spoke(GatewayStatus(status="offline", epoch=3), 100, is_retained=False)
    assert trust.is_gateway_away
    assert trust.judge(order(t_ms=100), 110) is Verdict.NOT_WELCOMED
    trust.gateway_spoke(GatewayStatus(status="online", epoch=3), 200, is_retained=False)
    assert not trust.is_gateway_away
    assert trust.ask_ms == 200


@pytest.mark.parametrize(
    ("epoch", "is_retained", "is_asked"),
    [
        pytest.param(3, True, False, id="the same, kept for us"),
        pytest.param(3, False, False, id="the same, said again"),
        pytest.param(4, False, True, id="a new start"),
        pytest.param(4, True, True, id="a new start, kept for us"),
    ],
)
def test_the_status_goes_out_again_for_a_new_start_of_the_gateway_only(epoch: int, is_retained: bool, is_asked: bool):
    trust = connected()
    trust.gateway_spoke(GatewayStatus(status="online", epoch=3), 1, is_retained=True)
    trust.welcome(welcome(), 20)
    trust.gateway_spoke(GatewayStatus(status="online", epoch=epoch), 30, is_retained=is_retained)
    assert (trust.ask_ms == 30) is is_asked
    assert trust.is_welcomed is not is_asked


def test_a_gateway_that_was_never_heard_before_is_news_unless_the_broker_kept_its_word():
    live, kept = connected(), connected()
    live.gateway_spoke(GatewayStatus(status="online", epoch=3), 700, is_retained=False)
    kept.gateway_spoke(GatewayStatus(status="online", epoch=3), 700, is_retained=True)
    assert (live.ask_ms, kept.ask_ms) == (700, 3_000)


def test_a_stamp_from_the_future_proves_our_clock_wrong_and_asks_for_a_new_welcome():
    trust = welcomed()
    assert trust.judge_stamp(AHEAD_MS + 1_000, 300, 500) is Verdict.AHEAD
    assert not trust.is_welcomed
    assert trust.ask_ms == 500


def test_a_status_without_an_answer_goes_out_again_ever_more_seldom():
    trust = Trust()
    trust.connect("s1", 0)
    waits = []
    now_ms = 0
    for _ in range(6):
        trust.ask(now_ms)
        waits.append(trust.ask_ms - now_ms)
        now_ms = trust.ask_ms
    assert waits == [3_000, 6_000, 12_000, 24_000, LONGEST_PATIENCE_MS, LONGEST_PATIENCE_MS]


def test_a_welcomed_device_still_says_once_a_minute_how_it_is():
    trust = welcomed()
    assert trust.ask_ms == 20 + REFRESH_MS
    trust.ask(trust.ask_ms)
    assert trust.ask_ms == 20 + 2 * REFRESH_MS


def test_a_welcome_ends_when_three_statuses_had_no_answer():
    trust = welcomed()
    for _ in range(2):
        trust.ask(trust.ask_ms)
        assert trust.is_welcomed
    trust.ask(trust.ask_ms)
    assert not trust.is_welcomed


def test_a_new_connection_trusts_nobody():
    trust = welcomed()
    trust.disconnect()
    assert trust.judge(order(), 30) is Verdict.NOT_WELCOMED
    trust.connect("s2", 40)
    assert trust.judge(order(), 50) is Verdict.NOT_WELCOMED


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Verdict.EXPIRED, "expired"), (Verdict.FOREIGN, "refused"), (Verdict.NOT_WELCOMED, "refused")],
)
def test_an_order_that_is_not_obeyed_is_answered_with_the_reason(verdict: Verdict, status: str):
    answer = answer_to(order(), verdict)
    assert answer is not None
    assert (answer.id, answer.status, answer.reason) == ("c11", status, verdict.value)


def test_a_repeated_order_had_its_answer():
    assert answer_to(order(), Verdict.OLD) is None

"""A hand, two networks and a board: whatever is delayed, bunched, doubled or lost, nothing outlives the hand by half a second."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from autocore.core.holds import DEAD_MAN_MS, STALE_MS, DeadMan

PRESSED_MS = 1_000
EVERY_MS = 100
LONGEST_MS = 3_000


@dataclass
class BoardsDeadMan:
    """What a board knows of one hold, in the gateway's milliseconds; written down again, as a firmware author would."""

    off_at_ms: int
    n: int = 0

    def take(self, n: int, t_ms: int, now_ms: int) -> None:
        if now_ms < self.off_at_ms and n > self.n and 0 <= now_ms - t_ms <= STALE_MS:
            self.n, self.off_at_ms = n, t_ms + DEAD_MAN_MS


def delays() -> st.SearchStrategy[list[int]]:
    """The copies of one message: none when it is lost; mostly quick, sometimes as late as a stall."""
    one = st.one_of(st.integers(0, 30), st.integers(0, LONGEST_MS))
    return st.one_of(st.integers(0, 30).map(lambda ms: [ms]), st.lists(one, max_size=3))


@given(
    beats=st.lists(st.tuples(st.one_of(st.integers(0, 40), st.integers(0, LONGEST_MS)), delays(), delays()), max_size=40),
)
def test_no_network_keeps_on_what_a_hand_let_go(beats: list[tuple[int, list[int], list[int]]]) -> None:
    """Each beat: how late the tick came that it carries, its way to the gateway, and its way from there to the board."""
    left_ms = PRESSED_MS + EVERY_MS * len(beats)
    inbox = sorted(
        (sent_ms + delay_ms, sent_ms - tick_late_ms, onward)
        for number, (tick_late_ms, way, onward) in enumerate(beats, 1)
        for sent_ms in (PRESSED_MS + EVERY_MS * number,)
        for delay_ms in way
    )
    gateway, outbox = DeadMan(PRESSED_MS), list[tuple[int, int, int]]()
    passed: list[int] = []
    for now_ms, t_ms, onward in inbox:
        if gateway.take(t_ms, now_ms):
            passed.append(t_ms)
            outbox += [(now_ms + delay_ms, gateway.n, t_ms) for delay_ms in onward]
    assert passed == sorted(set(passed)), "a beat went out twice, or out of order"
    assert gateway.n == len(passed), "one out for each fresh one in"
    assert gateway.due_ms < left_ms + DEAD_MAN_MS + 1

    board = BoardsDeadMan(PRESSED_MS + DEAD_MAN_MS)
    for now_ms, n, t_ms in sorted(outbox):
        board.take(n, t_ms, now_ms)
    assert board.off_at_ms <= left_ms + DEAD_MAN_MS
    assert board.off_at_ms <= gateway.due_ms, "the board never waits longer than the gateway does"


@given(st.lists(st.integers(0, 60), min_size=5, max_size=100))
def test_a_link_that_is_only_slow_drops_no_hold(late_ms: list[int]) -> None:
    dead_man = DeadMan(0)
    for number, late in enumerate(late_ms, 1):
        assert dead_man.take(number * EVERY_MS, number * EVERY_MS + late)
    assert dead_man.n == len(late_ms)


@given(st.integers(0, 10_000), st.integers(-10_000, 20_000), st.integers(0, 20_000))
def test_a_beat_counts_only_when_it_is_newer_young_and_in_time(last_ms: int, t_ms: int, now_ms: int) -> None:
    dead_man = DeadMan(last_ms)
    is_fresh = last_ms < t_ms <= now_ms and now_ms - t_ms <= 300 and now_ms < last_ms + 500
    assert dead_man.take(t_ms, now_ms) is is_fresh
    assert dead_man.t_ms == (t_ms if is_fresh else last_ms)

"""How a flood goes: told of once, stopped when it stays, let go after a pause that doubles, and over when it is over."""

from __future__ import annotations

from autocore.rates.bucket import NS
from autocore.rates.course import FORGOTTEN_S, LONGEST_PAUSE_S, LONGEST_QUIET_S, PAUSE_S, QUIET_S, SUSTAINED, Act, Course


class Player:
    """Plays a course second by second, as the watch does."""

    def __init__(self, *, is_slowable: bool) -> None:
        self.course = Course()
        self.acts: list[tuple[int, Act]] = []
        self.second = 0
        self._is_slowable = is_slowable

    def play(self, seconds: int, per_s: int) -> list[Act]:
        before = len(self.acts)
        for _ in range(seconds):
            self.second += 1
            now = self.second * NS
            dropped = 0 if self.course.slowed_until_ns is not None else per_s
            for act in self.course.second(now, dropped):
                self.acts.append((self.second, act))
                if act is Act.SLOW and self._is_slowable:
                    self.course.slowed(now)
                elif act is Act.LET_GO:
                    self.course.let_go(now)
        return [act for _, act in self.acts[before:]]


def test_a_short_burst_is_told_of_and_never_stopped() -> None:
    player = Player(is_slowable=True)
    assert player.play(SUSTAINED - 1, 100) == [Act.TELL]
    assert player.play(QUIET_S, 0) == [Act.END]
    assert player.course.dropped == 100 * (SUSTAINED - 1)


def test_a_flood_that_stays_is_stopped_for_pauses_that_double_up_to_some_minutes() -> None:
    player = Player(is_slowable=True)
    player.play(3_600, 15_000)
    stopped = [second for second, act in player.acts if act is Act.SLOW]
    let_go = [second for second, act in player.acts if act is Act.LET_GO]
    pauses = [end - begin for begin, end in zip(stopped, let_go, strict=False)]
    assert pauses[:6] == [PAUSE_S * 2**number for number in range(6)]
    assert set(pauses[6:]) == {LONGEST_PAUSE_S}
    assert {begin - end for begin, end in zip(stopped[1:], let_go, strict=False)} == {SUSTAINED}
    assert [act for _, act in player.acts].count(Act.TELL) == 1


def test_what_cannot_be_stopped_is_asked_for_again_and_told_of_once() -> None:
    player = Player(is_slowable=False)
    acts = player.play(100, 15_000)
    assert acts.count(Act.TELL) == 1
    assert set(acts) == {Act.TELL, Act.SLOW}
    assert player.play(QUIET_S, 0) == [Act.END]


def test_a_device_that_flaps_is_told_of_ever_more_rarely() -> None:
    player = Player(is_slowable=False)
    for _ in range(200):
        player.play(1, 50)
        player.play(QUIET_S + 1, 0)
    told = sum(act is Act.TELL for _, act in player.acts)
    assert told < 5, "36 minutes of flapping every 12 s"


def test_after_a_long_peace_everything_begins_anew() -> None:
    player = Player(is_slowable=True)
    player.play(60, 100)
    acts = player.play(LONGEST_PAUSE_S + LONGEST_QUIET_S + FORGOTTEN_S, 0)
    assert acts[:3] == [Act.LET_GO, Act.END, Act.FORGET]

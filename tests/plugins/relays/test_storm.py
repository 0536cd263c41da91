"""Whatever anybody does in whatever order: the service layer lets nothing through that its owner forbade."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from autocore.testing import Car
from tests.faults.storm import CALLERS, CHANNELS, HELD, NAMES, Storm

NAME = st.sampled_from(sorted(NAMES.values()))
BOARD = st.sampled_from(sorted(CHANNELS))


class Vehicle(RuleBasedStateMachine):
    """Two boards with all their limits, and everybody who can call."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.storm = Storm(Car(Path(self.folder.name)))
        self.run(self.storm.start())

    def run(self, work: Awaitable[None]) -> None:
        self.loop.run_until_complete(work)  # type: ignore[arg-type]  # a coroutine

    @rule(name=NAME, verb=st.sampled_from(["turn_on", "toggle"]), caller=st.sampled_from(CALLERS), confirm=st.booleans())
    def somebody_wants_it_on(self, name: str, verb: str, caller: object, confirm: bool) -> None:  # drawn
        self.run(self.storm.call(verb, name, caller, confirm=confirm))  # type: ignore[arg-type]  # one of the callers

    @rule(name=NAME)
    def somebody_wants_it_off(self, name: str) -> None:
        self.run(self.storm.call("turn_off", name))

    @rule(names=st.lists(NAME, min_size=2, max_size=4))
    def several_are_wanted_in_one_moment(self, names: list[str]) -> None:
        self.run(self.storm.together(*(("turn_on", name) for name in names)))

    @rule(name=st.sampled_from(HELD))
    def a_hand_is_laid_on(self, name: str) -> None:
        self.run(self.storm.hold(name))

    @rule()
    def hands_stay(self) -> None:
        self.run(self.storm.beat())

    @rule()
    def hands_leave(self) -> None:
        self.run(self.storm.let_go())

    @rule(channel=st.sampled_from(sorted(NAMES)), is_on=st.booleans())
    def somebody_presses_a_button_on_a_board(self, channel: tuple[str, int], is_on: bool) -> None:  # drawn
        self.run(self.storm.button(channel, is_on=is_on))

    @rule(board=BOARD, is_silent=st.booleans())
    def a_board_falls_silent_or_speaks_again(self, board: str, is_silent: bool) -> None:  # drawn
        self.run(self.storm.silence(board, is_silent=is_silent))

    @rule(board=BOARD, is_up=st.booleans())
    def a_board_leaves_or_comes_back(self, board: str, is_up: bool) -> None:  # drawn
        self.run(self.storm.power(board, is_up=is_up))

    @rule(is_stopped=st.booleans())
    def everything_is_stopped_or_that_is_reset(self, is_stopped: bool) -> None:  # drawn
        self.run(self.storm.stop(is_stopped=is_stopped))

    @rule(s=st.sampled_from([0.001, 0.05, 0.1, 0.149, 0.15, 0.299, 0.3, 0.5, 1.0, 3.0, 5.0]))
    def time_goes_on(self, s: float) -> None:
        self.run(self.storm.wait(s))

    @invariant()
    def nothing_was_let_through(self) -> None:
        if hasattr(self, "storm"):
            assert self.storm.faults == []

    def teardown(self) -> None:
        if hasattr(self, "storm"):
            self.run(self.storm.close())
            self.loop.close()
            self.folder.cleanup()
            assert self.storm.faults == []


TestVehicle = Vehicle.TestCase
TestVehicle.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

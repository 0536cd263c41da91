"""Order without a clock battery."""

from hypothesis import given
from hypothesis import strategies as st

from autocore.core.clock import EARLIEST_WALL_NS, NS, Sequence, SystemClock, Timeline
from autocore.core.model import Quality


@given(start=st.integers(1, 10**12), block=st.integers(2, 50), runs=st.lists(st.integers(1, 120), min_size=1, max_size=6))
def test_a_sequence_number_never_repeats_even_when_the_gateway_is_killed(start: int, block: int, runs: list[int]) -> None:
    durable = start
    given_numbers: list[int] = []
    for amount in runs:  # each run ends as if by kill -9

        def reserve(limit: int) -> None:
            nonlocal durable
            durable = max(durable, limit)

        sequence = Sequence(durable, reserve, block)
        for _ in range(amount):
            number = sequence.next()
            assert number < durable, "a number was used before its block was reserved"
            given_numbers.append(number)
    assert given_numbers == sorted(set(given_numbers))


def test_a_boot_whose_clock_was_never_trusted_has_no_wall_time_until_it_is() -> None:
    timeline = Timeline({1: 5 * NS})
    assert timeline.wall_ns(1, 2 * NS) == 7 * NS
    assert timeline.wall_ns(2, 2 * NS) is None
    timeline.learn(2, 100 * NS)
    assert timeline.wall_ns(2, 2 * NS) == 102 * NS


def test_the_system_clock_says_how_far_it_can_be_trusted() -> None:
    clock = SystemClock()
    wall_ns, quality = clock.wall_ns()
    assert (wall_ns is None) == (quality is Quality.UNSET)
    assert wall_ns is None or wall_ns > EARLIEST_WALL_NS
    assert clock.monotonic_ns() <= clock.monotonic_ns()

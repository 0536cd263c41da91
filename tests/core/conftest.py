"""The parts of the core, small and real, on a clock that the test moves."""

import pytest

from autocore.core.bus import Bus
from autocore.core.clock import Sequence
from autocore.core.entities import EntityRegistry
from autocore.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sequence() -> Sequence:
    return Sequence(1, lambda limit: None)


@pytest.fixture
def bus(clock: FakeClock, sequence: Sequence) -> Bus:
    return Bus(clock, sequence)


@pytest.fixture
def entities(clock: FakeClock, sequence: Sequence, bus: Bus) -> EntityRegistry:
    return EntityRegistry(clock, sequence, bus, boot=1)

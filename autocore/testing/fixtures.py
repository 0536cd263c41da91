"""The pytest plugin (entry point `pytest11`): the fixtures `car` and `can_bus`. Light: every test session imports it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from autocore.testing.can import VirtualCan
    from autocore.testing.car import Car


# What other people's libraries say of themselves is nothing that a plugin's author can mend.
QUIET = (
    "ignore:'crypt' is deprecated:DeprecationWarning",
    r"ignore:Accessing argon2.__version__ is deprecated:DeprecationWarning",
    "ignore:.*will stop working in Litestar 3.0",
    "ignore:.*declared using deprecated inferred style",
)


def pytest_configure(config: pytest.Config) -> None:
    """Keep a plugin's test session free of warnings that are not its own."""
    for line in QUIET:
        config.addinivalue_line("filterwarnings", line)


@pytest_asyncio.fixture
async def car(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Car]:
    """A vehicle that stands still until `await car.start("my_plugin: {…}")`.

    Plugins are found where they are installed, and beside the test's own file.
    """
    from autocore.testing.car import Car  # noqa: PLC0415  # the whole gateway, only for tests that ask for it

    beside = request.path.parent
    made = Car(tmp_path, beside if any(beside.glob("*.py")) else None)
    yield made
    await made.stop()


@pytest.fixture
def can_bus() -> Iterator[VirtualCan]:
    """A CAN bus in memory; `can_bus.channel` is its channel for the configuration, with `interface: virtual`."""
    from autocore.testing.can import virtual_can  # noqa: PLC0415  # python-can, only for tests that ask for it

    with virtual_can() as bus:
        yield bus

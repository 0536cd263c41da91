"""The pytest plugin (entry point `pytest11`): the fixture `car`. Light to import, because every test session imports it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from autocore.testing.car import Car


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

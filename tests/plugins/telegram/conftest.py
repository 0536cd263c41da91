"""A vehicle, and the Bot API server that its bot talks to."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.telegram.bot_api import BotApi


@pytest.fixture
async def server() -> AsyncIterator[BotApi]:
    made = await BotApi().start()
    yield made
    await made.stop()

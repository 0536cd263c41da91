"""Trying a broker before it is written down: connect once as the gateway would, and say in one sentence what is wrong."""

from __future__ import annotations

import asyncio
import secrets

from autocore.core.clock import Clock
from autocore.core.mqtt.connection import Connection
from autocore.core.mqtt.endpoint import Endpoint
from autocore.core.names import N_

LIMIT_S = 7.0  # a connection gives up by itself after 5 s
EVERY_S = 0.02

REASONS = (
    (("Connection refused",), N_("Nothing listens there. Does the broker run, and is this its port?")),
    (("Name or service not known", "No address", "Temporary failure in name"), N_("No machine of this name is known here.")),
    (("unreachable", "No route"), N_("There is no way to this machine. Is it in the same network?")),
    (("timed out", "says nothing"), N_("It does not answer. Is this the address and the port of a broker?")),
    (("Not authorized", "user name", "Bad authentication"), N_("The broker refuses the name or the password.")),
    (("CERTIFICATE", "certificate"), N_("Nobody whom this machine trusts has signed its certificate.")),
    (("SSL", "TLS", "WRONG_VERSION"), N_("It does not speak TLS there. Is this the right port for mqtts://?")),
    (("closed", "lost", "reset"), N_("It closes the connection at once. Is this a broker, and does it ask for TLS?")),
)
OTHERWISE = N_("The broker cannot be used: %(reason)s")


async def wrong_with(clock: Clock, endpoint: Endpoint) -> tuple[str, str]:
    """Give what is wrong with a broker, to be translated, and the reason that belongs into it; empty texts when nothing is."""
    done = asyncio.Event()
    connection = Connection(
        clock,
        endpoint,
        f"autocore-try-{secrets.token_hex(4)}",
        lambda *_: None,
        lambda is_there: done.set() if is_there else None,
    )
    connection.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            while not done.is_set() and connection.last_problem is None:  # noqa: ASYNC110  # a failure has no event
                await asyncio.sleep(EVERY_S)
    except TimeoutError:
        connection.last_problem = "timed out"
    problem = None if done.is_set() else connection.last_problem or "timed out"
    await connection.stop()
    return ("", "") if problem is None else (sentence_for(problem), problem)


def sentence_for(problem: str) -> str:
    """Give the sentence for what the system says."""
    return next((said for words, said in REASONS if any(word in problem for word in words)), OTHERWISE)

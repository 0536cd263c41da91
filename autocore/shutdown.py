"""Getting ready to lose the power, in the order of safety.md: each step is timed, and none may hold up the next.

What waits goes to the disk, the disk is synced, boards are told; then the power may go at any moment. It can be taken back.
Who decides that the power goes, and takes it away, is a plugin's affair.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autocore.core.bus import Bus
from autocore.core.clock import NS, Clock
from autocore.core.host import Core
from autocore.core.model import Role
from autocore.core.names import N_
from autocore.core.services import Service, ServiceCall
from autocore.records import Records

BUDGET_S = 1.5  # safety.md: at most 2 s to synced; what a slow disk leaves of it belongs to the boards

log = logging.getLogger("autocore")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `waits_for_disk` ones share the budget, the others always come."""

    name: str
    act: Callable[[], Coroutine[Any, Any, object]]
    waits_for_disk: bool = True


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step: how long it took, and what went wrong, None when nothing did."""

    step: str
    seconds: float
    problem: str | None


class PowerDown:
    """The way down, and back up.

    Args:
        steps: what is done, in this order.
        resume: what undoes them, when the power stays.
        clock: times the steps.
        bus: told of both.
        budget_s: what all steps that wait for the disk may take together.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        resume: Callable[[], object],
        clock: Clock,
        bus: Bus,
        *,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._steps = steps
        self._resume = resume
        self._clock = clock
        self._bus = bus
        self._budget_s = budget_s
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Future[object]] = set()
        self.is_down = False

    async def go_down(self) -> tuple[Done, ...]:
        """Do every step; one that fails or takes too long is told, and the next one begins. It may be called again."""
        async with self._turn:
            self.is_down = True
            self._bus.emit("gateway.going_down")
            left_s = self._budget_s
            done = []
            for step in self._steps:
                one = await self._do(step, left_s)
                left_s -= one.seconds if step.waits_for_disk else 0
                done.append(one)
                if one.problem is not None:
                    log.error("going down: %s: %s", one.step, one.problem)
            return tuple(done)

    async def come_back(self) -> bool:
        """Go on as before, and say whether there was something to take back."""
        async with self._turn:
            if not self.is_down:
                return False
            self.is_down = False
            self._resume()
            self._bus.emit("gateway.came_back")
            return True

    def _over(self, task: asyncio.Future[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # of one that was late: it was told that it is, and nobody looks any more

    async def _do(self, step: Step, left_s: float) -> Done:
        """Begin a step and wait for it; one that is late goes on behind: half a write is worse than a late one."""
        problem = None
        started_ns = self._clock.monotonic_ns()
        task = asyncio.ensure_future(step.act())
        self._running.add(task)
        task.add_done_callback(self._over)
        await asyncio.wait([task], timeout=max(0.0, left_s) if step.waits_for_disk else None)
        if not task.done():
            problem = f"not done within {max(0.0, left_s):.2g} s; is the disk well?"
        elif (error := task.exception()) is not None:
            problem = str(error) or type(error).__name__
        return Done(step.name, round((self._clock.monotonic_ns() - started_ns) / NS, 4), problem)


def steps_of(core: Core, records: Records) -> tuple[Step, ...]:
    """Give the steps of a gateway, in the order of safety.md."""

    async def settle() -> None:
        await records.keeper.settle()
        await records.builtin.events.flush()
        await records.audit.flush()

    async def checkpoint() -> None:
        await records.history.database.limit_log(0)
        await records.store.database.limit_log(0)

    async def tell_boards() -> None:
        core.link.go_down()

    return (
        Step("history", records.history.rest),
        Step("registries", settle),
        Step("checkpoint", checkpoint),
        Step("sync", lambda: asyncio.to_thread(os.sync)),
        Step("boards", tell_boards, waits_for_disk=False),
    )


def offer_power_down(core: Core, records: Records, end: Callable[[], object]) -> None:
    """Offer `gateway.power_down`, `gateway.stay_up` and `gateway.end`; `end` makes the gateway stop."""

    def resume() -> None:
        records.history.start()
        core.link.come_back()

    power = PowerDown(steps_of(core, records), resume, core.clock, core.bus)

    async def power_down(_call: ServiceCall) -> Mapping[str, Any]:
        done = await power.go_down()
        steps = [{"step": one.step, "seconds": one.seconds, "problem": one.problem} for one in done]
        is_synced = all(one.problem is None for one in done)
        return {"is_synced": is_synced, "seconds": round(sum(one.seconds for one in done), 4), "steps": steps}

    async def stay_up(_call: ServiceCall) -> Mapping[str, Any]:
        return {"was_down": await power.come_back()}

    async def stop(_call: ServiceCall) -> Mapping[str, Any]:
        end()
        return {}

    for verb, handler, words in (
        ("power_down", power_down, N_("Bring everything to the disk and tell the boards that the power goes.")),
        ("stay_up", stay_up, N_("Go on after all: the power stays.")),
        ("end", stop, N_("Stop the gateway, as Ctrl-C would.")),
    ):
        core.services.add(Service(f"gateway.{verb}", handler, "core", None, Role.ADMIN, words))

"""How far the first-run wizard got: kept in state.db, so that it goes on later where it was left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autocore.core.model import Role
from autocore.core.names import N_
from autocore.core.storage.state import KeyValue

KEY = "wizard"


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the wizard."""

    name: str
    title: str

    @property
    def path(self) -> str:
        """Its address."""
        return f"/setup/{self.name}"


STEPS = (
    Step("vehicle", N_("Vehicle")),
    Step("broker", N_("Broker")),
    Step("board", N_("Board")),
    Step("done", N_("Done")),
)


async def done_steps(store: KeyValue) -> list[str]:
    """Give the names of the steps that were gone through."""
    kept = await store.get(KEY, [])
    return [one for one in kept if isinstance(one, str)] if isinstance(kept, list) else []


async def mark_done(store: KeyValue, name: str) -> None:
    """Note that a step was gone through."""
    before = await done_steps(store)
    if name not in before:
        await store.set(KEY, [*before, name])


async def next_step(store: KeyValue, role: Role) -> Step | None:
    """Give the step that comes next for an administrator; None when the wizard is over, or is nothing for this role."""
    done = await done_steps(store)
    if role is not Role.ADMIN or STEPS[-1].name in done:
        return None
    return next((one for one in STEPS if one.name not in done), None)


def trail(current: str, done: list[str]) -> list[dict[str, Any]]:
    """Give the steps as the wizard's head shows them, the administrator's first."""
    first = {"title": N_("Account"), "path": "/setup", "is_current": current == "", "is_done": current != ""}
    rest = [
        {"title": one.title, "path": one.path, "is_current": one.name == current, "is_done": one.name in done} for one in STEPS
    ]
    return [first, *rest]

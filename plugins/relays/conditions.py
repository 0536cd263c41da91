"""What must hold for a channel to be on: other entities, looked at before it is turned on and watched while it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autocore.api import Entity, PluginHost, State, Value

from .section import Condition


class Conditions:
    """The conditions of one channel.

    Args:
        host: the plugin's host.
        wanted: what must hold, all of it.
        on_lost: called with a sentence when one of them no longer holds.
    """

    def __init__(self, host: PluginHost, wanted: Sequence[Condition], on_lost: Callable[[str], None]) -> None:
        self._host = host
        self._wanted = wanted
        self._on_lost = on_lost
        for entity in {one.entity for one in wanted}:
            host.states.on(entity, self._on_state)

    def unmet(self) -> str | None:
        """Say what does not hold, None when all does; what nobody knows, or knows no longer, does not (safety.md 5)."""
        return next((words for one in self._wanted if (words := self._unmet(one)) is not None), None)

    def _unmet(self, condition: Condition) -> str | None:
        entity = self._host.states.find(condition.entity)
        name = condition.entity if entity is None else entity.description.name or entity.id
        if entity is None or not entity.state.available:
            return f"nobody knows what {name} is"
        return _differs(condition, entity.state.value, name)

    def _on_state(self, _entity: Entity, old: State, new: State) -> None:
        if (old.value, old.available) != (new.value, new.available):
            words = self.unmet()
            if words is not None:
                self._on_lost(words)


def _differs(condition: Condition, value: Value, name: str) -> str | None:
    words: str | None = None
    if condition.value is not None and value != condition.value:
        words = f"{name} is {_word(value)}, not {_word(condition.value)}"
    elif condition.above is not None or condition.below is not None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            words = f"{name} is {_word(value)}, which is no number"
        elif condition.above is not None and value <= condition.above:
            words = f"{name} is {value:g}, not above {condition.above:g}"
        elif condition.below is not None and value >= condition.below:
            words = f"{name} is {value:g}, not below {condition.below:g}"
    return words


def _word(value: object) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)

"""The best of several sources: the first in the list that is live, so that speed comes from CAN, and from GPS without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from autocore.api import Cause, Description, Entity, PluginHost, State

from .measure import sensor_of


class BestSource:
    """One item of `sources`.

    A source that fails is left at once; one that comes back is taken again after it held for `settle` seconds, so that a loose
    contact does not make the value jump.

    Attributes:
        entity: what it became; its cause names the source.
        made_of: the sources, the best first.
    """

    how = "first"

    def __init__(self, host: PluginHost, item: Mapping[str, Any], written: Mapping[str, str]) -> None:
        self._host = host
        self._item = item
        self._written = written
        self._settle_s: float = item["settle"]
        self.made_of: Sequence[str] = item["entities"]
        self._chosen: int | None = None
        self._waiting: dict[int, Callable[[], None]] = {}
        self._like: Description | None = None
        self.entity: Entity = host.entities.add(self._describe(None))

    def start(self) -> None:
        """Follow the sources, and take the best that is live now."""
        for rank, entity_id in enumerate(self.made_of):
            self._host.states.on(entity_id, partial(self._on_report, rank))
        self._choose_live()

    def _on_report(self, rank: int, source: Entity, _old: State, new: State) -> None:
        if not new.available:
            self._wait_no_longer(rank)
            if rank == self._chosen:
                self._choose_live()
            return
        if rank == self._chosen:
            self._take(source, new)
        elif self._chosen is None:
            self._choose(rank)
        elif rank < self._chosen and rank not in self._waiting:
            self._waiting[rank] = self._host.schedule.after(self._settle_s, lambda: self._return_to(rank))

    def _return_to(self, rank: int) -> None:
        self._waiting.pop(rank, None)
        source = self._host.states.find(self.made_of[rank])
        if source is not None and source.state.available and (self._chosen is None or rank < self._chosen):
            self._choose(rank)

    def _choose_live(self) -> None:
        for rank, entity_id in enumerate(self.made_of):
            source = self._host.states.find(entity_id)
            if source is not None and source.state.available:
                self._choose(rank)
                return
        self._chosen = None
        self.entity.lose()

    def _choose(self, rank: int) -> None:
        self._chosen = rank
        for worse in [one for one in self._waiting if one >= rank]:
            self._wait_no_longer(worse)
        source = self._host.states.find(self.made_of[rank])
        if source is not None:
            self._take(source, source.state)

    def _take(self, source: Entity, state: State) -> None:
        if source.description is not self._like:
            self._like = source.description
            self._host.entities.describe(self.entity, self._describe(self._like))
        if isinstance(state.value, (int, float, str)) and not isinstance(state.value, bool):
            self.entity.set(state.value, Cause("plugin", source.id))

    def _wait_no_longer(self, rank: int) -> None:
        call_off = self._waiting.pop(rank, None)
        if call_off is not None:
            call_off()

    def _describe(self, like: Description | None) -> Description:
        return sensor_of(self._item, self._written, like)

"""What of an entity's reports is kept: the rules of `history: {record: …}`, and what deciding must remember. It has no clock.

Unless a rule says otherwise, of numbers every report is kept, and of switches and texts every change.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from autocore.core.clock import NS
from autocore.core.config.sections import Recording
from autocore.core.entities import Entity
from autocore.core.model import State

EVERYTHING = Recording("*")


def rule_for(rules: Sequence[Recording], entity: Entity) -> Recording:
    """Give the first rule that matches an entity by its kind, its id, or a pattern like `sensor.engine_*`."""
    for rule in rules:
        if rule.match in ("*", entity.kind) or fnmatchcase(entity.id, rule.match):
            return rule
    return EVERYTHING


class Track:
    """One entity as the history sees it.

    Args:
        number: of its series in the file.
        rule: what is kept.
    """

    __slots__ = ("_deadband", "_is_changes_only", "_kept_ns", "_kept_value", "_min_interval_ns", "_span", "is_kept", "number")

    def __init__(self, number: int, rule: Recording) -> None:
        self.number = number
        self.is_kept = rule.record != "never"
        self._is_changes_only = rule.record == "every change"
        self._deadband = rule.deadband
        self._min_interval_ns = round(rule.min_interval_s * NS)
        self._kept_ns = -(1 << 62)
        self._kept_value: float | None = None
        self._span = -1

    def takes(self, old: State, state: State, span: int) -> bool:
        """Say whether a report is kept; `span` is the stretch of the file that it would go into.

        The first report in each span is kept in any case, so that every hour knows what was; so is every change between
        available and not.
        """
        if old.available != state.available:
            self._keep(state, span)
            return True
        value = state.value
        is_number = type(value) in (float, int)
        if span != self._span:
            self._keep(state, span)
            return True
        if (not is_number or self._is_changes_only) and old.changed_ns == state.changed_ns and old.value == value:
            return False
        if state.updated_ns - self._kept_ns < self._min_interval_ns:
            return False
        if is_number and self._kept_value is not None and abs(value - self._kept_value) < self._deadband:  # type: ignore[operator]  # a number
            return False
        self._keep(state, span)
        return True

    def _keep(self, state: State, span: int) -> None:
        self._span = span
        self._kept_ns = state.updated_ns
        value = state.value
        self._kept_value = value if type(value) in (float, int) else None  # type: ignore[assignment]  # a number

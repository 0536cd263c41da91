"""Making a long series short without losing a spike. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Point(msgspec.Struct, frozen=True, gc=False):
    """One value of a series.

    Args:
        seq: its place in the order of everything.
        boot: the start of the gateway it belongs to.
        mono_ns: monotonic time within that boot.
        value: None where the entity became unavailable: a gap.
    """

    seq: int
    boot: int
    mono_ns: int
    value: float | int | str | bool | None


def down_sample(points: Sequence[Point], limit: int) -> list[Point]:
    """Give at most `limit` points in order: for each stretch the lowest and the highest, and always the first and last.

    Text keeps its newest points, because it has no lowest. Stretches have equal numbers of points: two boots have no
    common time.
    """
    if len(points) <= limit:
        return list(points)
    if any(isinstance(point.value, str) for point in points):
        return list(points[-limit:])
    inner = points[1:-1]
    stretches = max(1, (limit - 2) // 2)
    kept = [points[0]]
    for number in range(stretches):
        stretch = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        kept += _extremes(stretch)
    kept.append(points[-1])
    return kept


def _extremes(stretch: Sequence[Point]) -> list[Point]:
    valued = [point for point in stretch if point.value is not None]
    if not valued:
        return list(stretch[:1])
    lowest = min(valued, key=_height)
    highest = max(valued, key=_height)
    if lowest is highest:
        return [lowest]
    return [lowest, highest] if lowest.seq < highest.seq else [highest, lowest]


def _height(point: Point) -> float:
    return float(point.value or 0)

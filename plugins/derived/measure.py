"""What every item shares: its entity's face, taken from the section and, where that says nothing, from what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autocore.api import Description, Sensor, State, slug


def face(item: Mapping[str, Any], written: Mapping[str, str]) -> dict[str, Any]:
    """Give what a description takes of an item: name, icon, area, and where they stand."""
    return {"name": item["name"], "icon": item["icon"], "area": item["area"], "written": written}


def key_of(item: Mapping[str, Any]) -> str:
    """Give the key of an item's entity."""
    return str(item["id"] or slug(item["name"]))


def sensor_of(
    item: Mapping[str, Any], written: Mapping[str, str], like: Description | None = None, *, is_measured: bool = True
) -> Sensor:
    """Give a sensor's description; unit, device class and precision are those of `like` when the item says none."""

    def said(word: str) -> Any:
        return item[word] if item[word] is not None else getattr(like, word, None)

    return Sensor(
        key_of(item),
        unit=said("unit"),
        device_class=said("device_class"),
        precision=said("precision"),
        limits=item["limits"],
        state_class="measurement" if is_measured else None,
        **face(item, written),
    )


def number_of(state: State | None) -> float | None:
    """Give the number that a state holds and that is live, else None."""
    if state is None or not state.available or isinstance(state.value, bool) or not isinstance(state.value, (int, float)):
        return None
    return float(state.value)

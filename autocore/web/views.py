"""How the core's values look in JSON (interface.md). Pure functions of values."""

from __future__ import annotations

from typing import Any

from autocore.core.clock import Timeline
from autocore.core.devices import Device, DeviceRegistry
from autocore.core.entities import Entity
from autocore.core.plugins import PluginStatus
from autocore.moments import iso

__all__ = ["FORMULA", "LARGEST_SEQ", "device_view", "entity_view", "guarded", "iso", "plugin_view"]

LARGEST_SEQ = (1 << 63) - 1  # SQLite's largest whole number
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def guarded(cell: Any) -> Any:
    """Give a cell of a CSV file that no spreadsheet calculates: devices say what stands there. Numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def entity_view(entity: Entity, timeline: Timeline) -> dict[str, Any]:
    """Give an entity with its state."""
    state, about = entity.state, entity.description
    limits = about.limits
    attributes = dict(about.attributes or {})
    for name in ("device_class", "state_class", "area", "icon", "precision"):
        value = getattr(about, name, None)
        if value is not None:
            attributes[name] = value
    if limits is not None:
        attributes["limits"] = {
            name: getattr(limits, name)
            for name in ("warn_above", "warn_below", "critical_above", "critical_below", "hysteresis")
            if getattr(limits, name) is not None
        }
    if entity.level is not None:
        attributes["level"] = entity.level
    if not entity.is_recorded:
        attributes["recording"] = False
    for name in ("options", "minimum", "maximum", "step", "event_types"):
        value = getattr(about, name, None)
        if value is not None:
            attributes[name] = value
    return {
        "id": entity.id,
        "kind": entity.kind,
        "name": about.name or about.key,
        "value": state.value,
        "unit": getattr(about, "unit", None),
        "available": state.available,
        "changed_at": iso(timeline.wall_ns(state.boot, state.changed_ns)),
        "updated_at": iso(timeline.wall_ns(state.boot, state.updated_ns)),
        "seq": state.seq,
        "cause": None if state.cause is None else {"via": state.cause.via, "who": state.cause.who},
        "device": about.device,
        "plugin": entity.owner,
        "attributes": attributes,
    }


def device_view(device: Device, registry: DeviceRegistry, timeline: Timeline, boot: int) -> dict[str, Any]:
    """Give a device."""
    seen_ns = registry.seen_ns(device.id)
    return {
        "id": device.id,
        "name": device.label,
        "area": device.area or None,
        "type": device.type,
        "standing": device.standing.value,
        "status": device.presence.value,
        "is_welcomed": device.is_welcomed,
        "seen_at": None if seen_ns is None else iso(timeline.wall_ns(boot, seen_ns)),
        "mac": device.mac,
        "ip": device.ip,
        "firmware": device.firmware,
        "hardware": device.hardware,
        "capabilities": list(device.capabilities),
        "granted": list(device.granted),
        "channels": device.channels,
        "details": dict(device.details),
    }


def plugin_view(plugin: PluginStatus) -> dict[str, Any]:
    """Give a plugin."""
    return {
        "name": plugin.name,
        "status": plugin.condition.value,
        "reason": plugin.reason,
        "version": plugin.version,
        "topics": list(plugin.topics),
        "entities": plugin.entities,
        "services": list(plugin.services),
        "panels": list(plugin.panels),
        "calls": plugin.calls,
        "errors": plugin.errors,
        "seconds": plugin.seconds,
    }

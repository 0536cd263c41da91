"""The gateway's own figures as a service, for whoever watches it: a plugin, REST, the MQTT API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autocore.builtin.writes import WriteMeter
from autocore.core.clock import NS
from autocore.core.host import Core
from autocore.core.model import Role
from autocore.core.plugins import PluginStatus
from autocore.core.services import Service, ServiceCall


def add_service(core: Core, plugins: Callable[[], Iterable[PluginStatus]], writes: WriteMeter) -> None:
    """Offer `gateway.figures`; `plugins` gives those that run when somebody asks.

    It answers `{seconds, messages: {received, published, rejected}, plugins: {name: {calls, errors, seconds}}, written: {bytes:
    {gateway, broker}, bytes_per_hour}}`: counted since the start, `seconds` on the monotonic clock, so that two answers make a
    rate. What the kernel does not tell of the disk is left out, or None.
    """

    async def figures(_call: ServiceCall) -> Mapping[str, Any]:
        return {
            "seconds": core.clock.monotonic_ns() / NS,
            "messages": {
                "received": core.hub.counters.received,
                "published": core.hub.counters.published,
                "rejected": core.hub.rejections.total,
            },
            "plugins": {one.name: {"calls": one.calls, "errors": one.errors, "seconds": one.seconds} for one in plugins()},
            "written": {"bytes": dict(writes.totals()), "bytes_per_hour": writes.per_hour()},
        }

    words = "Give what the gateway counted since its start: messages, bytes on the disk, and what each plugin cost."
    core.services.add(Service("gateway.figures", figures, "core", None, Role.VIEWER, words, is_query=True))

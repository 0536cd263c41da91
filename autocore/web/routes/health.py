"""`/health`, `/ready` and `/metrics`: for whoever watches the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psutil
from litestar import Response, get
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autocore import __version__
from autocore.core.clock import NS
from autocore.core.devices import Presence
from autocore.core.model import Role
from autocore.core.plugins import Condition
from autocore.web.access import OPEN, needs
from autocore.web.live import Live
from autocore.web.parts import Parts
from autocore.web.patience import CUT


@get("/health", opt=OPEN, include_in_schema=False)
async def health() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok", "version": __version__}


@get("/ready", opt=OPEN, include_in_schema=False)
async def ready(parts: Parts) -> Response[dict[str, Any]]:
    """Say whether broker, database and plugins are up: 200 when all are, else 503 with what is not."""
    failed = sorted(one.name for one in parts.plugins if one.condition is not Condition.RUNNING)
    checks = {
        "broker": parts.hub.problem or ("ok" if parts.hub.is_connected else "connecting"),
        "database": "ok" if not parts.history.is_failing else "history cannot be written",
        "plugins": f"not running: {', '.join(failed)}" if failed else "ok",
    }
    is_ready = all(word == "ok" for word in checks.values())
    return Response({"ready": is_ready, "checks": checks}, status_code=200 if is_ready else 503)


@get("/metrics", opt=needs(Role.VIEWER, "read:metrics"), include_in_schema=False)
async def metrics(parts: Parts, live: Live) -> Response[bytes]:
    """Give everything that is counted, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collected(parts, live))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")


class _Collected(Collector):
    """Reads the parts' own counters when it is asked."""

    def __init__(self, parts: Parts, live: Live) -> None:
        self._parts = parts
        self._live = live

    def collect(self) -> Iterator[Metric]:
        """Give every metric."""
        parts = self._parts
        hub, history = parts.hub, parts.history
        gate = parts.boards.floods.gate
        uptime_s = (parts.clock.monotonic_ns() - parts.started_ns) / NS
        online = sum(one.presence is Presence.ONLINE for one in parts.devices)
        yield _gauge("autocore_uptime_seconds", "Since the start of the gateway.", uptime_s)
        yield _gauge("autocore_resident_memory_bytes", "Memory of the process.", psutil.Process().memory_info().rss)
        yield _gauge("autocore_entities", "Known entities.", len(parts.entities))
        yield _gauge("autocore_devices_online", "Devices that are there.", online)
        yield _gauge("autocore_mqtt_connected", "1 while the broker is connected.", int(hub.is_connected))
        for key, text in (("clients", "Clients of the broker."), ("memory_bytes", "Memory of the broker.")):
            if key in parts.broker.figures.known:
                yield _gauge(f"autocore_broker_{key}", text, float(parts.broker.figures.known[key]))
        yield _gauge("autocore_history_waiting_rows", "Rows that are not on disk yet.", history.waiting)
        for name, text, value in (
            ("autocore_mqtt_received", "Messages received.", hub.counters.received),
            ("autocore_mqtt_published", "Messages published.", hub.counters.published),
            ("autocore_mqtt_unsent", "Messages refused because the broker was away or did not read.", hub.counters.unsent),
            ("autocore_mqtt_unrouted", "Messages that nobody subscribed to.", hub.counters.unrouted),
            ("autocore_mqtt_failed", "Messages whose handler failed.", hub.counters.failed),
            ("autocore_mqtt_rejected", "Messages that were not as they should be.", hub.rejections.total),
            ("autocore_mqtt_flooded", "Messages left out because there were too many.", gate.dropped),
            ("autocore_devices_turned_away", "Messages of devices beyond the limit.", parts.devices.turned_away),
            ("autocore_history_rows", "Rows written.", history.rows_written),
            ("autocore_history_dropped_rows", "Rows lost because the disk took none.", history.dropped),
            ("autocore_events_dropped_rows", "Events lost because the disk took none.", parts.events.dropped),
            ("autocore_events_unwritten_lines", "Events counted in the log, not written.", parts.events.lines.left_out),
            ("autocore_cache_failures", "Times the cache was not there because of its disk.", parts.cache.failures),
            ("autocore_broker_dropped", "Messages that the broker dropped.", parts.broker.figures.dropped),
            ("autocore_live_left_out", "Events that clients of the live socket read too slowly for.", self._live.left_out),
            (
                "autocore_broker_thrown_off",
                "Clients of the broker thrown off because they did not read.",
                parts.broker.thrown_off,
            ),
            ("autocore_web_cut", "Connections that took nothing for a minute and were cut.", CUT.total),
            ("autocore_audit_dropped_rows", "Audit rows lost because the disk took none.", parts.audit.dropped),
        ):
            yield CounterMetricFamily(name, text, value=value)
        written = CounterMetricFamily("autocore_disk_written_bytes", "Written to disks.", labels=["process"])
        for name, amount in parts.writes.totals().items():
            written.add_metric([name], amount)
        if written.samples:
            yield written
        flooded = CounterMetricFamily("autocore_device_flooded", "Messages of a device that were left out.", labels=["device"])
        for name, amount in gate.by_device().items():
            flooded.add_metric([name], amount)
        if flooded.samples:
            yield flooded
        yield from self._plugins()

    def _plugins(self) -> Iterator[Metric]:
        calls = CounterMetricFamily("autocore_plugin_calls", "Calls into a plugin.", labels=["plugin"])
        errors = CounterMetricFamily("autocore_plugin_errors", "Calls that raised.", labels=["plugin"])
        seconds = CounterMetricFamily("autocore_plugin_seconds", "Time spent, from one call in 64.", labels=["plugin"])
        dropped = CounterMetricFamily("autocore_plugin_dropped", "Calls dropped because it is too slow.", labels=["plugin"])
        for one in self._parts.plugins:
            dropped.add_metric([one.name], one.dropped)
            calls.add_metric([one.name], one.calls)
            errors.add_metric([one.name], one.errors)
            seconds.add_metric([one.name], one.seconds)
        yield from (calls, errors, seconds, dropped)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


ROUTES = [health, ready, metrics]

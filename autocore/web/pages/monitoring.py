"""Monitoring: how the gateway itself is, with every counter of something that was dropped, and what each plugin costs."""

from __future__ import annotations

from typing import Any

import psutil
from litestar import Request, Response, get

from autocore.core.clock import NS
from autocore.core.devices import Presence
from autocore.core.model import Role
from autocore.core.names import N_
from autocore.core.panels import Slot
from autocore.web.access import needs
from autocore.web.live import Live
from autocore.web.pages.rendering import Pages
from autocore.web.parts import Parts
from autocore.web.patience import CUT


@get("/monitoring", opt=needs(Role.VIEWER, "pages:monitoring"), include_in_schema=False)
async def monitoring_page(request: Request[Any, Any, Any], pages: Pages, parts: Parts, live: Live) -> Response[str]:
    """Show it; the figures refresh themselves."""
    context = figures(parts, live)
    if request.headers.get("hx-request"):
        return await pages.fragment(request, "monitoring_figures.html", context)
    context["cards"] = await pages.cards(request, Slot.MONITORING)
    return await pages.page(request, "monitoring.html", context)


def figures(parts: Parts, live: Live) -> dict[str, Any]:
    """Give everything that is counted."""
    hub, history = parts.hub, parts.history
    uptime_s = (parts.clock.monotonic_ns() - parts.started_ns) / NS
    return {
        "uptime_s": uptime_s,
        "memory_mb": psutil.Process().memory_info().rss / 1e6,
        "entities": len(parts.entities),
        "online": sum(one.presence is Presence.ONLINE for one in parts.devices),
        "devices": len(parts.devices),
        "received": hub.counters.received,
        "rate": hub.counters.received / uptime_s if uptime_s else 0.0,
        "published": hub.counters.published,
        "waiting": history.waiting,
        "written": history.rows_written,
        "disk": dict(parts.writes.totals()),
        "disk_per_hour": parts.writes.per_hour(),
        "broker": parts.broker.figures.known,
        "plugins": sorted(parts.plugins, key=lambda one: -one.seconds),
        "drops": [
            (N_("Messages that were not as they should be"), hub.rejections.total),
            (N_("Messages left out because their device sends too much"), parts.boards.floods.gate.dropped),
            (N_("Messages that the broker dropped because a client takes too little"), parts.broker.figures.dropped),
            (N_("Messages not sent because the broker was away or did not read"), hub.counters.unsent),
            (N_("Messages that nobody subscribed to"), hub.counters.unrouted),
            (N_("Messages whose handler failed"), hub.counters.failed),
            (N_("History rows lost because the disk took none"), history.dropped),
            (N_("Audit rows lost because the disk took none"), parts.audit.dropped),
            (N_("Events lost because the disk took none"), parts.events.dropped),
            (N_("Events counted in the log instead of written, because they flood"), parts.events.lines.left_out),
            (N_("Notices left out because their source floods"), parts.notifications.left_out),
            (N_("Values made anew because the cache could not be used"), parts.cache.failures),
            (N_("Events that pages read too slowly for"), live.left_out),
            (N_("Calls dropped because their plugin is too slow"), sum(one.dropped for one in parts.plugins)),
            (N_("Clients of the broker thrown off because they did not read"), parts.broker.thrown_off),
            (N_("Connections of the web that took nothing for a minute and were cut"), CUT.total),
            (N_("Devices turned away because there are too many"), parts.devices.turned_away),
        ],
    }


ROUTES = [monitoring_page]

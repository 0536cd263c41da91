"""Everything that listens, put together: the buses, the DBC files, the chosen signals. What the plugin's hooks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autocore.api import PluginHost, ServiceCall

from . import publisher
from .bridges import Bridges
from .bus import Bus
from .choices import Choices, row_of
from .demo import DemoVehicle
from .hardware import Listener
from .section import CanSection
from .shelf import DbcFile, Shelf

COUNT_EVERY_S = 2.0
CHART_LINES = 4  # the chart has four colours
SHOWN_ROWS = 200  # of the raw traffic, on the page
MOST_ITEMS = 1_000  # of a REST list


class Station:
    """All that the plugin hears.

    Attributes:
        buses: those of the configuration, by name.
        is_ready: whether the DBC files have been read since the start.
    """

    def __init__(self, host: PluginHost, section: CanSection) -> None:
        self.host = host
        self.section = section
        self.is_ready = False
        self.shelf = Shelf(host, section.dbc, has_demo=section.demo)
        self.choices = Choices(host, section, self.shelf)
        self.buses = {one.name: Bus(host, one.name, one.bitrate, f"{one.interface} {one.channel}") for one in section.buses}
        self.bridges = Bridges(host, self.buses, self._attach)

    def start(self) -> None:
        """Listen to every bus and to MQTT; the DBC files are read meanwhile."""
        host = self.host
        self.bridges.start()
        for one in self.section.buses:
            host.spawn(Listener(host, one, self.buses[one.name]).run())
        host.spawn(self._load())
        host.schedule.every(COUNT_EVERY_S, self._count)
        if self.section.publish:
            host.schedule.every(publisher.EVERY_S, lambda: publisher.publish(host, self))
        if self.section.demo:
            virtual = next(one for one in self.section.buses if one.interface == "virtual")
            host.spawn(DemoVehicle(host, virtual).run())

    def __iter__(self) -> Iterator[Bus]:
        """Give every bus: the configured ones, then those over MQTT."""
        return iter((*self.buses.values(), *self.bridges.buses.values()))

    async def choose(self, call: ServiceCall) -> Mapping[str, Any]:
        """Switch a signal on or off as an entity."""
        outcome = await self.choices.choose(call.data)
        self._retap()
        return outcome

    async def forget_dbc(self, call: ServiceCall) -> Mapping[str, Any]:
        """Delete an uploaded DBC file and what was chosen of it."""
        name: str = call.data["dbc"]
        await self.shelf.forget(name)
        await self.choices.forget(name)
        self._retap()
        return {"dbc": name}

    async def upload(self, filename: str, content: bytes) -> DbcFile:
        """Take an uploaded DBC file; what was chosen of an older one of its name is looked for in it."""
        file = await self.shelf.add(filename, content)
        self.choices.renew()
        self._retap()
        return file

    def frames(self, limit: int) -> list[dict[str, Any]]:
        """Give the newest frame of each identifier, bus by bus, at most `limit`."""
        rows: list[dict[str, Any]] = []
        for bus in self:
            rows += bus.rows(limit - len(rows))
        return rows

    def signals(self, query: str, after: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Give the signals whose message or name holds `query`, from the one behind `after` on, and where to go on."""
        wanted = query.casefold()
        found = sorted(
            (one for one in self.shelf.signals() if wanted in f"{one[1].name}.{one[2].name}".casefold()),
            key=lambda one: (one[1].name, one[2].name, one[0].name),
        )
        names = [f"{message.name}.{signal.name}" for _, message, signal in found]
        start = next((place for place, name in enumerate(names) if name > after), len(names)) if after else 0
        part = found[start : start + limit]
        rows = [row_of(one, self.choices.find(f"{one[1].name}.{one[2].name}")) for one in part]
        return rows, names[start + limit - 1] if start + limit < len(names) else None

    def context(self) -> Mapping[str, Any]:
        """Give what the panel shows."""
        # What somebody chose on the page comes first: the chart has room for four.
        taps = sorted(self.choices, key=lambda tap: tap.choice.origin != "panel")
        measured = [tap.entity.id for tap in taps if getattr(tap.entity.description, "state_class", None) == "measurement"]
        return {
            "buses": list(self),
            "taps": taps,
            "lines": measured[:CHART_LINES],
            "frames": self.frames(SHOWN_ROWS),
            "problems": self.choices.problems if self.is_ready else [],
            "files": list(self.shelf),
        }

    def facts(self) -> dict[str, Any]:
        """Give what the support bundle tells."""
        return {
            "buses": [bus.facts() for bus in self],
            "dbc": [{"name": one.name, "origin": one.origin, "problem": one.problem} for one in self.shelf],
            "signals": [tap.choice.unique for tap in self.choices],
            "problems": self.choices.problems,
        }

    async def _load(self) -> None:
        await self.choices.restore()
        self._renew()  # hand-made signals wait for no file
        await self.shelf.load()
        self.is_ready = True
        self._renew()
        for problem in self.choices.problems:
            self.host.log.warning("a chosen signal is not shown: %s", problem)

    def _renew(self) -> None:
        self.choices.renew()
        self._retap()

    def _retap(self) -> None:
        for bus in self:
            self._attach(bus)

    def _attach(self, bus: Bus) -> None:
        bus.want(self.choices.taps_of(bus.name))

    def _count(self) -> None:
        for bus in self.buses.values():
            bus.count()
        self.bridges.count()

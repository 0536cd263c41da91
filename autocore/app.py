"""The composition root: builds every part once, starts them in order and stops them in reverse. Nothing else meets everything."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from autocore import __version__
from autocore.auth.accounts import HOUR_S
from autocore.auth.tokens import signing_key
from autocore.broker.filters import FilterMemory
from autocore.broker.mosquitto import Mosquitto
from autocore.broker.watch import watch_broker
from autocore.builtin import log as logs
from autocore.builtin.eventlog import EventLog
from autocore.builtin.journal import StateJournal
from autocore.builtin.keeper import RegistryKeeper
from autocore.builtin.notifications import Notifications
from autocore.builtin.outbox import Outbox
from autocore.builtin.parts import Builtin
from autocore.builtin.people import People
from autocore.builtin.permissions import Permissions
from autocore.builtin.setupcode import SetupCode
from autocore.builtin.storagewatch import StorageWatch, Writer
from autocore.builtin.timekeeper import BelievableClock, TimeKeeper
from autocore.builtin.witness import Witness, both
from autocore.builtin.zone import live_in
from autocore.check import faults_of
from autocore.core.bus import Bus
from autocore.core.cache import Cache
from autocore.core.clock import Clock, SystemClock, Timeline
from autocore.core.config import Config, read
from autocore.core.entities import EntityRegistry
from autocore.core.errors import ConfigFaults, UnknownName
from autocore.core.holds import Holds
from autocore.core.host import Core, Folders, PluginHost
from autocore.core.kinds import KINDS, Switch
from autocore.core.link import DeviceLink
from autocore.core.mqtt.connection import Connection
from autocore.core.mqtt.endpoint import Endpoint, parse_broker_url
from autocore.core.mqtt.hub import MqttHub
from autocore.core.notices import Severity
from autocore.core.panels import PanelRegistry
from autocore.core.plugins import Plugin, Plugins, PluginStatus
from autocore.core.safeguards import Safeguards
from autocore.core.scheduler import Every
from autocore.core.services import ServiceRegistry, add_verbs
from autocore.core.storage.state import BootInfo, DataFolder, KeyValue, StateStore
from autocore.core.wire import GatewayStatus
from autocore.damage import Damages
from autocore.doors import FOLDER, Doors, encrypts, import_web, names_now, outside_of, settled
from autocore.plugindatabase import open_plugin_database
from autocore.provisioning.desk import Provisioning, provisioning
from autocore.provisioning.wire import EnrolBroker
from autocore.records import (
    Records,
    Registries,
    keep_copies,
    open_audit,
    open_backups,
    open_history,
    open_registries,
    tell_of_loss,
    teller,
)
from autocore.shutdown import offer_power_down

EXPIRE_EVERY_S = 1.0
CONNECT_LIMIT_S = 3.0  # a broker of our own answers in milliseconds; one elsewhere may come later

log = logging.getLogger("autocore")


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run: what the command line said beside the configuration.

    Args:
        config: the configuration folder.
        data: the data folder.
        http_port: instead of `web.port`.
        mqtt_port: instead of `mqtt.port`.
        log_level: instead of `logging.level`.
        only: the plugins to start; None starts all that the configuration names.
    """

    config: Path
    data: Path
    http_port: int | None = None
    mqtt_port: int | None = None
    log_level: str | None = None
    only: frozenset[str] | None = None


class Gateway:
    """The running gateway.

    Args:
        settings: how to run.
        config: what the configuration says.
        clock: the machine's when None.
        connect: makes the connections to a broker that is none (tests); then no broker is started and no port taken, and
            `site` is asked instead.
        is_rehearsal: plugins are set up, but their background work is not begun, and nothing is served.
        damages: what was set aside before the start; people are told of it, and of what comes.
    """

    def __init__(
        self,
        settings: Settings,
        config: Config,
        clock: Clock | None = None,
        *,
        connect: Callable[..., Any] | None = None,
        is_rehearsal: bool = False,
        damages: Damages | None = None,
    ) -> None:
        self.settings = settings
        self.config = config
        self.setup_code: str | None = None
        """The one-time code while there is no administrator."""
        self.endpoint: Endpoint | None = None
        """The broker, once it is known."""
        self.http_port = settings.http_port or config.core.web.port
        self.mqtt_port = settings.mqtt_port or config.core.mqtt.port
        self.certificates: Any = None
        """What keeps the certificate of the ports, None where nothing is encrypted."""
        self.core: Core | None = None
        """The core's parts, once they run."""
        self.restart = asyncio.Event()
        """Set when the gateway shall stop, do what waits for it, and start again."""
        self.ended = asyncio.Event()
        """Set when the gateway shall stop for good."""
        self.site: Any = None
        """The web as an ASGI application, behind its gate."""
        self._permissions = Permissions(config.core.auth.permissions)
        self._connect_by = connect
        self._is_rehearsal = is_rehearsal
        self._damages = damages or Damages()
        self._clock = BelievableClock(clock or SystemClock())
        self._started_ns = self._clock.monotonic_ns()
        self._stack = AsyncExitStack()
        self._folder = DataFolder(settings.data)
        self._broker: Mosquitto | None = None
        self.plugins: Plugins | None = None

    async def start(self) -> None:
        """Start every part in order.

        Raises:
            AutocoreError: one of them cannot start; those before it are stopped again.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Stop every part, the last one started first."""
        await self._stack.aclose()

    def plugin(self, name: str) -> PluginStatus:
        """Give what became of a plugin; raises `UnknownName`."""
        if self.plugins is None:
            raise UnknownName("plugin", name)
        return self.plugins.get(name)

    async def reload(self) -> list[str]:
        """Read the configuration again and restart the plugins whose section changed; gives their names.

        Raises:
            ConfigFaults: it has faults; then nothing was touched.
        """
        if self.plugins is None or self.core is None:
            return []
        try:
            config = read(self.settings.config)
            changed = await self.plugins.apply(config)
        except ConfigFaults as error:
            self.core.bus.emit("config.refused", {"reason": str(error)})
            raise
        if config.core != self.config.core:
            log.warning("a section of the core itself changed; restart the gateway for it")
        self.core.bus.emit("config.reloaded", {"changed": changed})
        return changed

    async def _start(self) -> None:
        self._folder.hold()
        self._stack.callback(self._folder.let_go)
        if not self._is_rehearsal:
            self._stack.callback(live_in(self.config.core.autocore.timezone))
            self._stack.callback(self._start_log())
        # Importing the web takes longest; it can do so while the broker and the databases come up.
        web = asyncio.get_running_loop().run_in_executor(None, import_web) if not self._is_rehearsal else None
        doors = self._open_doors(web) if web is not None and self._connect_by is None else None
        if doors is not None and encrypts(self.config.core):
            await self._open_certificates()
        approves_itself = self.config.core.devices.approve == "automatic"
        known = await open_registries(
            self._stack, self.settings.data, self._clock, self._damages, approves_itself=approves_itself
        )
        self.endpoint = await self._start_broker(known)
        parts, records = await self._make_parts(self.endpoint, known)
        plugins = await self._start_plugins(parts)
        self.core = parts
        if web is None:
            return
        records.builtin.start(plugins)
        self._stack.push_async_callback(records.builtin.stop)
        self._damages.start(partial(parts.notify, title="AutoCore", severity=Severity.ERROR, source="gateway", key=None))
        told = records.builtin
        writers: dict[str, Writer] = {"history": records.history, "registry": records.keeper, "audit": records.audit}
        writers |= {"events": told.events, "notices": told.notifications}
        self._stack.callback(StorageWatch(writers, self._clock, parts.notify).start())
        boards = provisioning(
            parts,
            known.credentials,
            plugins,
            self.config.core,
            saved=records.keeper.saved,
            broker=self._broker_for_boards,
        )
        await self._connect(parts.hub, parts.link, boards)
        offer_power_down(parts, records, self.ended.set)
        self._keep_time(parts.bus, parts.entities, records)
        if self.certificates is not None:
            self.certificates.follow(parts.bus)
        await self._serve(web, doors, parts, plugins, records, boards)
        gc.collect()
        gc.freeze()  # what was made at the start lives for ever; no need to look at it at every collection

    async def _make_parts(self, endpoint: Endpoint, known: Registries) -> tuple[Core, Records]:
        """Build the core upon what is known, and open the rest of what is written down."""
        settings, core, clock = self.settings, self.config.core, self._clock
        store, boot, bus, sequence = known.store, known.boot, known.bus, known.sequence
        entities, devices = known.entities, known.devices
        timeline = Timeline(boot.offsets)
        if not self._is_rehearsal:
            keep_copies(self._stack, settings.data, bus, clock)
        audit = await open_audit(self._stack, known, settings.data, clock, core.audit, self._damages)
        witness = Witness(bus, clock)
        remember = both(audit.remember, witness.heard)
        services = ServiceRegistry(clock, remember, self._permissions.permit)
        accounts = await self._open_accounts(store, boot, bus, timeline)
        safeguards = Safeguards(accounts.check_pin)
        holds = Holds(clock, entities, remember, safeguards)
        holds.offer(services, Switch)
        for kind in KINDS.values():
            add_verbs(services, entities, kind, safeguards)
        keeper = RegistryKeeper(store, StateJournal(settings.data), entities, devices, bus, clock)
        keeper.start()
        self._stack.push_async_callback(keeper.stop)
        notifications, events = self._open_news(store, timeline, bus, boot)
        hub = self._make_hub(endpoint, boot)
        cache = Cache(settings.data / "cache")
        self._stack.callback(cache.close)
        tell = teller(bus, notifications, known.findings)
        tell_of_loss(audit, bus, notifications)
        history = await open_history(
            self._stack,
            hub,
            entities,
            is_suspect=not self._folder.was_clean,
            clock=clock,
            folder=settings.data,
            timeline=timeline,
            boot=boot.number,
            section=core.history,
            tell=tell,
        )
        parts = Core(
            clock,
            bus,
            entities,
            devices,
            services,
            holds,
            safeguards,
            hub,
            DeviceLink(hub, devices, bus, clock, epoch=boot.number, version=__version__),
            PanelRegistry(self._permissions.sees),
            lambda name: KeyValue(store, name),
            cache,
            notifications.send,
            Folders(settings.config, settings.data),
            vehicle=core.autocore.name,
            is_rehearsal=self._is_rehearsal,
        )
        builtin = Builtin(parts, core, notifications, events, timeline, witness, self._broker_pid)
        return parts, Records(store, keeper, boot, sequence, timeline, history, accounts, audit, builtin)

    def _broker_pid(self) -> int | None:
        return self._broker.pid if self._broker is not None else None

    def _start_log(self) -> Callable[[], None]:
        section = self.config.core.logging
        return logs.start(
            self.settings.log_level or section.level,
            section.levels,
            folder=self.settings.data if section.file else None,
            max_mb=section.max_mb,
            keep=section.keep,
            environ=os.environ,
        )

    def _open_doors(self, web: asyncio.Future[Any]) -> Doors:
        """Take the ports first: when one is in use nothing else should have started."""
        doors = Doors(self.config.core.web, self.http_port)
        doors.open()
        self._stack.callback(doors.close)
        self._stack.push_async_callback(settled, web)
        return doors

    async def _open_certificates(self) -> None:
        from autocore.tls.keeper import CertificateKeeper  # noqa: PLC0415  # only where something is encrypted

        core = self.config.core
        names = partial(names_now, core.web, core.mqtt)
        self.certificates = keeper = CertificateKeeper(self.settings.data / FOLDER, self._clock, names, self._damages)
        await keeper.start()
        self._stack.push_async_callback(keeper.stop)

    async def _start_broker(self, known: Registries) -> Endpoint:
        section = self.config.core.mqtt
        if self._connect_by:
            return Endpoint("localhost", self.mqtt_port)
        if section.broker != "auto":
            return parse_broker_url(section.broker)
        broker = self._broker = Mosquitto(
            self.settings.data / "broker",
            port=self.mqtt_port,
            allows_anonymous=section.anonymous == "loopback",
            damages=self._damages,
            accounts=lambda: known.credentials.accounts(known.devices, section.root),
            outside=outside_of(section, self.certificates),
        )
        if self.certificates is not None:
            self.certificates.on_renewed(broker.take_certificate)
            if section.tls is not None and section.tls.websockets is not None:
                self.certificates.on_ending(broker.begin_again)
        endpoint = await broker.start()
        self._stack.push_async_callback(broker.stop)
        return endpoint

    async def _open_accounts(self, store: StateStore, boot: BootInfo, bus: Bus, timeline: Timeline) -> People:
        section = self.config.core.auth
        if section.secret_key is not None:
            logs.hide(section.secret_key)
        setup = SetupCode(self._clock, self.settings.data)
        had_key = section.secret_key is not None or (self.settings.data / "session.key").exists()
        accounts = People(
            bus,
            store.database,
            self._clock,
            boot=boot.number,
            key=signing_key(section.secret_key, self.settings.data, self._damages.set_aside),
            session_s=section.session_hours * HOUR_S,
            setup=setup,
        )
        await accounts.start(timeline)
        self._stack.push_async_callback(accounts.stop)
        if not await accounts.has_administrator():
            self.setup_code = setup.open()
        elif not had_key:
            self._damages.note("session.key was gone and is made anew; everybody has to log in again")
        return accounts

    def _open_news(self, store: StateStore, timeline: Timeline, bus: Bus, boot: BootInfo) -> tuple[Notifications, EventLog]:
        minimum = Severity(self.config.core.notifications.minimum)
        outbox = Outbox(store.database, timeline, self._clock, boot.number)
        events = EventLog(store.database, bus, self._clock, boot.number)
        events.start()
        self._stack.push_async_callback(events.stop)
        return Notifications(outbox, bus, self._clock, minimum), events

    def _make_hub(self, endpoint: Endpoint, boot: BootInfo) -> MqttHub:
        root = self.config.core.mqtt.root
        will = msgspec.json.encode(GatewayStatus("offline", boot.number, __version__))
        if endpoint.password is not None:
            logs.hide(endpoint.password)
        memory = FilterMemory(self.settings.data / "mqtt-filters.json", self._damages)
        self._stack.push_async_callback(memory.close)
        status = (f"{root}/gateway/status", will)
        return MqttHub(self._clock, endpoint, root, will=status, memory=memory, connect=self._connect_by or Connection)

    async def _start_plugins(self, core: Core) -> Plugins:
        async def make_host(plugin: Plugin, definer: Callable[[Any], object] | None) -> PluginHost:
            database = None
            if definer is not None:
                database = await open_plugin_database(self.settings.data, plugin.name, plugin.folder, definer)
            return PluginHost(plugin.name, plugin.folder, core, database, plugin.section)

        plugins = self.plugins = Plugins(core.bus, make_host)
        plugins.load(self.config, self.settings.only)
        self._stack.push_async_callback(plugins.stop)
        await plugins.start()
        return plugins

    def _broker_for_boards(self) -> tuple[EnrolBroker, str | None]:
        """Give where boards find the broker: one of another by its address, ours where they found it."""
        endpoint, tls = self.endpoint, self.config.core.mqtt.tls
        if endpoint is not None and self._broker is None:
            return EnrolBroker(endpoint.host, endpoint.port, endpoint.tls), None
        if tls is not None and self.certificates is not None:
            return EnrolBroker(None, tls.port, tls=True), self.certificates.authority.file.read_text()
        return EnrolBroker(None, self.mqtt_port, tls=False), None

    async def _connect(self, hub: MqttHub, link: DeviceLink, boards: Provisioning) -> None:
        connected = asyncio.Event()
        remove = hub.on_connection(lambda is_connected: connected.set() if is_connected else None)
        self._stack.push_async_callback(hub.stop)
        link.start()
        self._stack.callback(link.stop)
        await boards.start()
        self._stack.push_async_callback(boards.stop)
        somebodys = None if self._broker or self._connect_by else self.endpoint
        self.broker_watch = watch_broker(self._stack, hub, self._broker, somebodys)
        hub.start()
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                await connected.wait()
        except TimeoutError:
            log.warning("the broker at %s does not answer yet; the gateway goes on trying", self.endpoint)
        remove()

    def _keep_time(self, bus: Bus, entities: EntityRegistry, records: Records) -> None:
        keeper = TimeKeeper(self._clock, records.timeline, bus, records.boot.number, records.store.learn_offset)
        keeper.start()
        self._stack.push_async_callback(keeper.stop)
        self._stack.callback(Every(self._clock, EXPIRE_EVERY_S, entities.expire).cancel)

    async def _serve(
        self, web: asyncio.Future[Any], doors: Doors | None, core: Core, plugins: Plugins, records: Records, boards: Provisioning
    ) -> None:
        modules = await web
        backups = await open_backups(self._stack, core, records, self.config.core, self.restart.set)
        parts = modules.Parts(
            config=self.config,
            clock=core.clock,
            timeline=records.timeline,
            bus=core.bus,
            entities=core.entities,
            devices=core.devices,
            services=core.services,
            holds=core.holds,
            panels=core.panels,
            plugins=plugins,
            history=records.history,
            accounts=records.accounts,
            permissions=self._permissions,
            stop_all=records.builtin.stop_all,
            audit=records.audit,
            events=records.builtin.events,
            notifications=records.builtin.notifications,
            backups=backups,
            writes=records.builtin.writes,
            cache=core.cache,
            hub=core.hub,
            link=core.link,
            boards=boards,
            broker=self.broker_watch,
            store=core.store("web"),
            folders=core.folders,
            certificates=self.certificates,
            http_port=self.http_port,
            started_ns=self._started_ns,
            reload=self.reload,
            saved=records.keeper.saved,
            check=lambda: faults_of(self.settings.config),
            restart=self.restart.set,
        )
        site = modules.Web(parts)
        self._stack.push_async_callback(site.close)
        await site.start()
        self.site = site.gate
        if doors is None:
            return
        await doors.serve(self._stack, modules, site, self.settings.data, self.certificates)
        doors.announce(self._stack, modules, core.clock, core.vehicle)

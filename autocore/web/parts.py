"""What the web is given of the gateway. Only references: every route gets just those that it names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from autocore.backup.desk import Backups
from autocore.broker.watch import BrokerWatch
from autocore.builtin.audit import Audit
from autocore.builtin.eventlog import EventLog
from autocore.builtin.notifications import Notifications
from autocore.builtin.people import People
from autocore.builtin.permissions import Permissions
from autocore.builtin.writes import WriteMeter
from autocore.core.bus import Bus
from autocore.core.cache import Cache
from autocore.core.clock import Clock, Timeline
from autocore.core.config import Config
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.holds import Holds
from autocore.core.host import Folders
from autocore.core.link import DeviceLink
from autocore.core.mqtt.hub import MqttHub
from autocore.core.panels import PanelRegistry
from autocore.core.plugins import Plugins
from autocore.core.services import ServiceRegistry
from autocore.core.storage.state import KeyValue
from autocore.history.history import History
from autocore.provisioning.desk import Provisioning
from autocore.safety.stop import StopAll
from autocore.tls.keeper import CertificateKeeper


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the gateway that the web shows."""

    config: Config
    clock: Clock
    timeline: Timeline
    bus: Bus
    entities: EntityRegistry
    devices: DeviceRegistry
    services: ServiceRegistry
    holds: Holds
    panels: PanelRegistry
    plugins: Plugins
    history: History
    accounts: People
    permissions: Permissions
    stop_all: StopAll
    audit: Audit
    events: EventLog
    notifications: Notifications
    backups: Backups
    writes: WriteMeter
    cache: Cache
    hub: MqttHub
    link: DeviceLink
    boards: Provisioning
    broker: BrokerWatch
    store: KeyValue
    """What the web itself keeps."""
    folders: Folders
    certificates: CertificateKeeper | None
    """What keeps the certificate of the ports, None where nothing is encrypted."""
    http_port: int
    """The port of the web without encryption."""
    started_ns: int
    reload: Callable[[], Awaitable[list[str]]]
    """Reads the configuration again and gives the names of the plugins that it touched."""
    saved: Callable[[], Awaitable[None]]
    """Returns once what is known of entities and devices is on disk; an answer that says so waits for it."""
    check: Callable[[], list[str]]
    """Reads the configuration as it stands in the files and gives every fault, nothing when it would run; it takes a while."""
    restart: Callable[[], None]
    """Stops the gateway, does what waits for it (a restore), and starts it again in this process."""

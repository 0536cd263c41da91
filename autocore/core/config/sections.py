"""The core's own sections of the configuration: what each may say, and what it says when it says nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from autocore.core.config.tree import MarkedDict
from autocore.core.config.types import duration, label, one_of, port, size, time_zone, whole
from autocore.core.config.validation import validate
from autocore.core.errors import ConfigError, ConfigFaults, InvalidData
from autocore.core.mqtt.endpoint import parse_broker_url
from autocore.core.mqtt.message import MAX_PAYLOAD_BYTES

LANGUAGES = ("en", "pt-BR")
LEVELS = ("debug", "info", "warning", "error")
SECRET_KEY_CHARS = 32  # RFC 7518, 3.2: an HS256 key has at least 256 bits


@dataclass(frozen=True, slots=True)
class AutocoreSection:
    """`autocore`: the vehicle itself."""

    name: str = "AutoCore"
    language: str = "en"
    units: str = "metric"
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class TlsListeners:
    """`mqtt: {tls: …}`: where the own broker speaks with encryption; `websockets` is None where it does not."""

    port: int = 8883
    websockets: int | None = 9001
    client_certificates: bool = False


@dataclass(frozen=True, slots=True)
class MqttSection:
    """`mqtt`: the broker."""

    broker: str = "auto"
    host: str = "127.0.0.1"
    port: int = 1883
    tls: TlsListeners | None = None
    plain_lan: bool = False
    root: str = "autocore"
    anonymous: str = "none"
    publish: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebSection:
    """`web`: where the admin listens."""

    host: str = "127.0.0.1"
    port: int = 8080
    https_port: int = 8443
    plain_lan: bool = False
    hostname: str = "autocore"
    names: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    mdns: bool = True

    @property
    def is_encrypted(self) -> bool:
        """Whether HTTPS is spoken: wherever others may come, unless the owner wants it plain."""
        return not self.plain_lan and not is_loopback(self.host)


@dataclass(frozen=True, slots=True)
class AuthSection:
    """`auth`: sessions, and what roles may."""

    session_hours: int = 24
    secret_key: str | None = None
    permissions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggingSection:
    """`logging`: how much is said, and how much of it is kept."""

    level: str = "info"
    levels: Mapping[str, str] = field(default_factory=dict)
    file: bool = True
    max_mb: int = 10
    keep: int = 10


@dataclass(frozen=True, slots=True)
class DevicesSection:
    """`devices`: who may take part, and how much one may send."""

    approve: str = "manual"
    messages_per_s: int = 500
    burst: int = 2_000
    config_bytes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recording:
    """A rule of `history: {record: …}`: what is kept of the entities that match."""

    match: str
    record: str = "every report"
    min_interval_s: float = 0.0
    deadband: float = 0.0


@dataclass(frozen=True, slots=True)
class HistorySection:
    """`history`: how readings are kept, and how many bytes they may take."""

    flush_s: float = 30.0
    quota: int = 500_000_000
    record: tuple[Recording, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditSection:
    """`audit`: how long it is kept who did what; `keep_days` is None where age takes nothing away."""

    keep_days: int | None = 400
    max_rows: int = 50_000


@dataclass(frozen=True, slots=True)
class BackupSection:
    """`backup`: the backups that the gateway makes by itself."""

    every: float = 86_400.0
    keep: int = 7
    history: bool = True


@dataclass(frozen=True, slots=True)
class NotificationsSection:
    """`notifications`: what the gateway tells people of by itself, and how much must matter to be delivered."""

    minimum: str = "info"
    gateway: bool = True
    broker: bool = True
    devices: bool = True
    limits: bool = True


@dataclass(frozen=True, slots=True)
class Sections:
    """All core sections."""

    autocore: AutocoreSection
    mqtt: MqttSection
    web: WebSection
    auth: AuthSection
    logging: LoggingSection
    devices: DevicesSection
    history: HistorySection
    audit: AuditSection
    backup: BackupSection
    notifications: NotificationsSection
    plugin_dirs: tuple[str, ...] = ()


def _broker(value: Any) -> str:
    if not isinstance(value, str):
        raise vol.Invalid("expected auto, or an address like mqtt://user:password@host:1883")
    if value != "auto":
        try:
            parse_broker_url(value)
        except InvalidData as error:
            raise vol.Invalid(error.message) from error
    return value


def _secret_key(value: Any) -> str:
    if isinstance(value, str) and len(value) >= SECRET_KEY_CHARS:
        return value
    raise vol.Invalid(f"the key has fewer than {SECRET_KEY_CHARS} characters; leave it out and one is made")


def _root(value: Any) -> str:
    if isinstance(value, str) and value and all(char.isalnum() or char in "_-/" for char in value) and not value.endswith("/"):
        return value
    raise vol.Invalid("expected the first level of the topics; write e.g. autocore")


def _address(value: Any) -> str:
    try:
        return value if value == "localhost" else str(ipaddress.ip_address(value))
    except ValueError:
        raise vol.Invalid("expected an address of this machine; write e.g. 127.0.0.1 or 0.0.0.0 for all") from None


def _hostname(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(_LABEL, value):
        return value
    raise vol.Invalid("expected a host name of a-z, 0-9 and -, without .local; write e.g. autocore")


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches what listens there."""
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def _tls(values: dict[str, Any] | None) -> TlsListeners:
    words: dict[str, Any] = {name: None if value == "never" else value for name, value in (values or {}).items()}
    return TlsListeners(**words)


def _mqtt(mqtt: dict[str, Any]) -> dict[str, Any]:
    if is_loopback(mqtt.get("host", "127.0.0.1")):
        return mqtt
    if mqtt.get("anonymous") == "loopback":
        words = "the broker would let everybody in the network in without a password; take it out, or take host out"
        raise vol.Invalid(words, path=["anonymous"])
    return {"tls": TlsListeners()} | mqtt


def _web(web: dict[str, Any]) -> dict[str, Any]:
    if web.pop("plain_http", False):
        web["plain_lan"] = True
    if web.get("port", 8080) == web.get("https_port", 8443):
        raise vol.Invalid("one port cannot be both; give https_port another number than port", path=["https_port"])
    return web


RHYTHM = "expected never, or 1h to 366d; write e.g. 1d"


def _never(value: Any) -> Any:
    if isinstance(value, (str, int, float)):
        return 0.0 if value == "never" else value
    raise vol.Invalid(RHYTHM)


def _no_limit(value: Any) -> Any:
    return None if value == "never" else value


def _sensible(every_s: float) -> float:
    if every_s == 0 or 3600 <= every_s <= 366 * 86_400:  # noqa: PLR2004  # an hour, a year
        return every_s
    raise vol.Invalid(RHYTHM)


PATTERNS = vol.All([vol.All(str, vol.Length(min=1, max=100))], vol.Length(max=100), vol.Coerce(tuple))

_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAMES = vol.All(
    [vol.All(str, vol.Match(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*$", msg="expected a name like van.example.org"))],
    vol.Length(max=20),
    vol.Coerce(tuple),
)


def _proxy(value: Any) -> str:
    try:
        network = ipaddress.ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        words = "expected the address of a proxy, e.g. 192.168.8.2, or a network of them, e.g. 172.18.0.0/16"
        raise vol.Invalid(words) from error
    if network.prefixlen == 0:
        raise vol.Invalid("this is everybody, and anybody could say who asks; name the proxies alone")
    return value  # type: ignore[no-any-return]  # a text, or it was refused


_PROXIES = vol.All([_proxy], vol.Length(max=20), vol.Coerce(tuple))
_TLS = {
    vol.Optional("port", description="TCP port of MQTT with encryption (8883)"): port,
    vol.Optional("websockets", description="TCP port of the same over WebSockets (9001); or never"): vol.Any(
        "never", port, msg="expected a port, or never"
    ),
    vol.Optional("client_certificates", description="true: who comes must show a certificate of this gateway too"): bool,
}

_RECORDING = vol.Schema(
    {
        vol.Required("match", description="a kind, an entity, or a pattern like sensor.engine_*"): vol.All(
            str, vol.Length(min=1, max=100)
        ),
        vol.Optional("record", description="what is kept"): one_of("every report", "every change", "roll-ups only", "never"),
        vol.Optional("min_interval", description="at most one reading in this time"): vol.All(
            duration, vol.Range(0, 86_400, msg="expected at most 24h")
        ),
        vol.Optional("deadband", description="a number that differs by less is left out"): vol.All(
            vol.Coerce(float), vol.Range(0, 1e12, msg="expected 0 or more")
        ),
    }
)


def _recording(value: Any) -> Recording:
    rule = dict(_RECORDING(value))
    interval_s = rule.pop("min_interval", 0.0)
    return Recording(min_interval_s=interval_s, **rule)


SCHEMAS: dict[str, vol.Schema] = {
    "autocore": vol.Schema(
        {
            vol.Optional("name", description="what the vehicle is called"): label,
            vol.Optional("language", description="of those whose browser asks for none"): one_of(*LANGUAGES),
            vol.Optional("units", description="of those who chose none themselves"): one_of("metric", "imperial"),
            vol.Optional("timezone", description="of the times that are shown, and of jobs; the machine's otherwise"): time_zone,
        }
    ),
    "mqtt": vol.Schema(
        vol.All(
            {
                vol.Optional("broker", description="auto runs a Mosquitto of its own; or the address of another"): _broker,
                vol.Optional("host", description="where the own broker is reached; beyond this machine encrypted"): _address,
                vol.Optional("port", description="TCP port of the own broker without encryption, on this machine only"): port,
                vol.Optional("tls", description="its encrypted ports; by themselves where host is more than loopback"): vol.All(
                    vol.Any(None, _TLS), _tls
                ),
                vol.Optional("plain_lan", description="true: port is open on host too, without encryption"): bool,
                vol.Optional("root", description="first level of every native topic"): _root,
                vol.Optional("anonymous", description="loopback: no password on this machine"): one_of("none", "loopback"),
                vol.Optional("publish", description="entities that also stand on MQTT, e.g. sensor.engine_*"): PATTERNS,
                vol.Optional("events", description="events that also go out on MQTT, e.g. device.*"): PATTERNS,
            },
            _mqtt,
        )
    ),
    "web": vol.Schema(
        vol.All(
            {
                vol.Optional("host", description="where the web listens; beyond this machine with encryption"): _address,
                vol.Optional("port", description="TCP port of the web; beyond this machine it only leads to https_port"): port,
                vol.Optional("https_port", description="TCP port of the web with encryption, beyond this machine"): port,
                vol.Optional("plain_lan", description="true: others may come to port, without encryption"): bool,
                vol.Optional("plain_http", description="the older word for plain_lan"): bool,
                vol.Optional("hostname", description="its name in the network, without .local"): _hostname,
                vol.Optional("names", description="further names under which it is reached, e.g. van.example.org"): _NAMES,
                vol.Optional("proxies", description="addresses or networks of proxies, believed about who asks"): _PROXIES,
                vol.Optional("mdns", description="false: the name is not announced"): bool,
            },
            _web,
        )
    ),
    "storage": vol.Schema({}),
    "auth": vol.Schema(
        {
            vol.Optional("session_hours", description="how long a log-in lasts, in hours"): whole(1, 24),
            vol.Optional("secret_key", description="signs log-ins, 32 characters or more; made by itself otherwise"): _secret_key,
            vol.Optional(
                "permissions", description="by role: services and panels it may, or may not, whatever their least role"
            ): dict,
        }
    ),
    "logging": vol.Schema(
        {
            vol.Optional("level", description="what matters less is not written"): one_of(*LEVELS),
            vol.Optional("levels", description="other levels for parts, e.g. autocore.mqtt: debug"): {str: one_of(*LEVELS)},
            vol.Optional("file", description="whether logs/autocore.log in the data folder is written too"): bool,
            vol.Optional("max_mb", description="size at which a new file begins, in MB"): whole(1, 1000),
            vol.Optional("keep", description="how many old files stay"): whole(1, 100),
        }
    ),
    "devices": vol.Schema(
        {
            vol.Optional("approve", description="automatic: a new board takes part at once"): one_of("manual", "automatic"),
            vol.Optional("messages_per_s", description="readings a second of one device; what is above is left out"): whole(
                1, 100_000
            ),
            vol.Optional("burst", description="how many of them at once, after silence"): whole(1, 1_000_000),
            vol.Optional("config_bytes", description="the largest configuration document of devices, by their type"): {
                str: whole(64, MAX_PAYLOAD_BYTES)
            },
        }
    ),
    "history": vol.Schema(
        {
            vol.Optional("flush_s", description="what a power cut may cost"): vol.All(
                duration, vol.Range(1, 300, msg="expected 1s to 300s")
            ),
            vol.Optional("quota", description="how many bytes the history may take, e.g. 500MB"): size(1_000_000, 10**12),
            vol.Optional("record", description="what is kept of which entities; the first rule that matches holds"): vol.All(
                [_recording], vol.Length(max=200), vol.Coerce(tuple)
            ),
        }
    ),
    "audit": vol.Schema(
        {
            vol.Optional("keep_days", description="rows older than so many days that the vehicle lived through go; or never"): (
                vol.All(vol.Any("never", whole(1, 36_500), msg="expected 1 to 36500 days, or never"), _no_limit)
            ),
            vol.Optional("max_rows", description="how many rows there are at most; the oldest go"): whole(1_000, 1_000_000),
        }
    ),
    "backup": vol.Schema(
        {
            vol.Optional("every", description="how often one is made; never makes none"): vol.All(_never, duration, _sensible),
            vol.Optional("keep", description="how many of them stay; the oldest goes"): whole(1, 100),
            vol.Optional("history", description="whether the readings are in them"): bool,
        }
    ),
    "notifications": vol.Schema(
        {
            vol.Optional("minimum", description="what matters less is only kept"): one_of("info", "warning", "error", "critical"),
            vol.Optional("gateway", description="tell that it starts and stops"): bool,
            vol.Optional("broker", description="tell that the broker does not answer, and that it is back"): bool,
            vol.Optional("devices", description="tell of boards that go, come back, flood or report an error"): bool,
            vol.Optional("limits", description="tell of values beyond a limit"): bool,
        }
    ),
    "plugin_dirs": vol.Schema([vol.All(str, vol.Length(min=1))]),
}
CORE_SECTIONS = tuple(SCHEMAS)

_TYPES: dict[str, Any] = {
    "autocore": AutocoreSection,
    "mqtt": MqttSection,
    "web": WebSection,
    "auth": AuthSection,
    "logging": LoggingSection,
    "devices": DevicesSection,
    "history": HistorySection,
    "audit": AuditSection,
    "backup": BackupSection,
    "notifications": NotificationsSection,
}


def sections_of(tree: Mapping[str, Any]) -> tuple[Sections, list[ConfigError]]:
    """Give the core's sections with their defaults, and the faults that they have; a faulty section has its defaults."""
    faults: list[ConfigError] = []
    made: dict[str, Any] = {}
    for name, schema in SCHEMAS.items():
        values = _checked(tree, name, schema, faults)
        if name in _TYPES:
            made[name] = _TYPES[name](**(values or {}))
        elif name == "plugin_dirs":
            made[name] = tuple(values or ())
    return Sections(**made), faults


def _checked(tree: Mapping[str, Any], name: str, schema: vol.Schema, faults: list[ConfigError]) -> Any:
    written = tree.get(name)
    if written is None:
        return None
    try:
        return validate(schema, written, path=name, at=tree.marks.get(name) if isinstance(tree, MarkedDict) else None)
    except ConfigFaults as error:
        faults.extend(error.faults)
        return None

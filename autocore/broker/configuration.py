"""The configuration of the gateway's own Mosquitto, as text. Pure: ports and paths in, lines out.

Always a port without encryption on loopback, for the gateway itself and programs beside it; others reach the broker where the
configuration says so, by TLS unless the owner wants it otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # where the owner says so; 127.0.0.1 is among it
MOST_CONNECTIONS = 500  # on each port; a vehicle has some dozens, and every one costs a file handle and memory
LARGEST_PACKET = 1_048_576  # bytes; the largest thing that is sent is a theme or a configuration
LARGEST_QUEUE = 100_000  # messages for one that is away; never 0: then every publish that the ACL denies disconnects its client
QUEUE_BYTES = 33_554_432
"""Of what waits for one that is away, and again of what one has and does not acknowledge (tried with 400 MB in QoS 1: it holds 42
and 137 MB instead of 406 and 795). `memory_limit` is not used: it throws off whoever speaks next, a relay board too."""
ALIASES = 10  # of topics, for each connection


@dataclass(frozen=True, slots=True)
class Encrypted:
    """The ports that speak TLS.

    Mosquitto 2.0 reads `pem` again on SIGHUP for `port`; the port of WebSockets shows what was there when the broker started.

    Args:
        port: of MQTT.
        websockets: of MQTT over WebSockets, None for none.
        pem: the file with key and certificate.
        trusted: whose certificates a client must show one of; None when it need not.
    """

    port: int
    websockets: int | None
    pem: Path
    trusted: Path | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """How others reach the broker.

    Args:
        host: the address of this machine on which these ports are open.
        is_plain: whether the port without encryption is open there too.
        encrypted: the encrypted ports, None for none.
    """

    host: str
    is_plain: bool = False
    encrypted: Encrypted | None = None


def configuration(folder: Path, plugin: Path, port: int, outside: Outside, *, allows_anonymous: bool, user: str) -> str:
    """Give the text that Mosquitto reads.

    Args:
        folder: where its state and its accounts lie; an absolute path.
        plugin: the dynamic-security plugin.
        port: of MQTT without encryption, on loopback.
        outside: how others reach it.
        allows_anonymous: whether clients need no password; never where others reach it.
        user: as whom it runs.
    """
    is_shared = outside.is_plain or (outside.encrypted is not None and outside.host not in (HOST, "::1", "localhost"))
    lines = [
        "per_listener_settings false",
        *_plain(port, outside),
        *_encrypted(outside),
        f"allow_anonymous {'true' if allows_anonymous and not is_shared else 'false'}",
        f"plugin {plugin}",
        f"plugin_opt_config_file {folder / 'accounts.json'}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 60",
        "allow_duplicate_messages false",
        "max_inflight_messages 0",  # with manual acknowledgement 20 would stop the flow
        f"max_queued_messages {LARGEST_QUEUE}",
        f"max_queued_bytes {QUEUE_BYTES}",
        f"max_inflight_bytes {QUEUE_BYTES}",
        f"max_packet_size {LARGEST_PACKET}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type notice",  # who connects, from where: see `slow`
        f"user {user}",
        "",
    ]
    return "\n".join(lines)


def _listener(port: int, host: str) -> list[str]:
    return [f"listener {port} {host}", f"max_connections {MOST_CONNECTIONS}", f"max_topic_alias {ALIASES}"]


def _plain(port: int, outside: Outside) -> list[str]:
    if outside.is_plain and outside.host == EVERYWHERE:
        return _listener(port, EVERYWHERE)
    further = _listener(port, outside.host) if outside.is_plain else []
    return [*_listener(port, HOST), *further]


def _encrypted(outside: Outside) -> list[str]:
    tls = outside.encrypted
    if tls is None:
        return []
    proof = [f"certfile {tls.pem}", f"keyfile {tls.pem}", "tls_version tlsv1.2"]
    if tls.trusted is not None:
        proof += [f"cafile {tls.trusted}", "require_certificate true"]
    lines = [*_listener(tls.port, outside.host), *proof]
    if tls.websockets is not None:
        lines += [*_listener(tls.websockets, outside.host), "protocol websockets", *proof]
    return lines

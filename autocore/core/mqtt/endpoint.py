"""Where a broker is and how to get in."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from autocore.core.errors import InvalidData

PORTS = {"mqtt": 1883, "mqtts": 8883}  # IANA


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker's address and the gateway's account there."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def parse_broker_url(url: str) -> Endpoint:
    """Give the endpoint of `mqtt://[user[:password]@]host[:port]` or `mqtts://…`.

    Raises:
        InvalidData: it is no such address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are no address of IPv6
        parts = urlsplit("")
    try:
        port = parts.port
    except ValueError:
        raise InvalidData("the port of the broker's address is no number from 1 to 65535") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InvalidData("write auto, or an address like mqtt://user:password@host:1883")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Endpoint(parts.hostname, port or PORTS[parts.scheme], user, password, parts.scheme == "mqtts")

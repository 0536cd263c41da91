"""The names and addresses for which the server certificate is good. Pure: what is known of the machine goes in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "::1")
MOST_ADDRESSES = 64  # a machine with many containers has hundreds; a certificate with all of them is too large for a board
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Names:
    """What stands in a server certificate: host names and addresses, each once, sorted."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...]

    def covers(self, other: Names) -> bool:
        """Say whether a certificate for these is good for the others too."""
        return set(other.hosts) <= set(self.hosts) and set(other.addresses) <= set(self.addresses)


def names_of(hostname: str, machine: str, further: Collection[str], addresses: Iterable[str]) -> Names:
    """Give the names of a gateway.

    Args:
        hostname: its name in the network, without `.local`.
        machine: the machine's own name; left out when it is none that DNS knows, e.g. with a `_`.
        further: names and addresses from the configuration.
        addresses: at which others reach it; what is no address is left out, and so are those beyond the limit.
    """
    wanted = {"localhost", *further}
    for name in (hostname, machine):
        wanted |= {name.lower(), f"{name.lower()}.local"}
    given = _addresses(further) - set(LOOPBACK)
    found = sorted(_addresses(addresses) - given - set(LOOPBACK))[:MOST_ADDRESSES]
    hosts = sorted(name for name in wanted if _HOST.fullmatch(name) and not _is_address(name))
    return Names(tuple(hosts), (*LOOPBACK, *sorted([*given, *found])))


def _addresses(texts: Iterable[str]) -> set[str]:
    return {str(ipaddress.ip_address(one)) for one in texts if _is_address(one)}


def _is_address(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified and "%" not in text
    except ValueError:
        return False

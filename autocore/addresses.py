"""The addresses of this machine, as others reach it."""

from __future__ import annotations

import ipaddress
import socket

import psutil


def addresses_of(host: str) -> list[str]:
    """Give the IPv4 addresses at which others reach what listens on `host`: those of all interfaces for `0.0.0.0` and `::`."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104  # it is compared, nothing is bound
        return [host]
    states = psutil.net_if_stats()
    found = [
        one.address
        for name, all_of_it in psutil.net_if_addrs().items()
        if name in states and states[name].isup
        for one in all_of_it
        if one.family is socket.AF_INET and not ipaddress.ip_address(one.address).is_loopback
    ]
    return sorted(found)

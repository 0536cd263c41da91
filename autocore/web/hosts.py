"""Under which names the gateway may be asked for: a name of somebody else that points here is refused (DNS rebinding)."""

from __future__ import annotations

import socket
from collections.abc import Callable

from autocore.addresses import addresses_of
from autocore.core.config.sections import WebSection, is_loopback

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def known_hosts(web: WebSection) -> Callable[[str | None], bool]:
    """Give what says whether a name, without port, is the gateway's: its own, and where others may come the machine's."""
    own = LOOPBACK | {web.host}
    if is_loopback(web.host):
        return (own | set(web.names) if web.proxies else own).__contains__  # a proxy passes on the name that was asked for
    machine = socket.gethostname().lower()
    own |= {web.hostname, f"{web.hostname}.local", machine, f"{machine}.local", *web.names}
    return lambda name: name in own or name in addresses_of(web.host)

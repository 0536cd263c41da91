"""The doors through which people come in: which ports are open, what stands behind each, and the name in the network."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from autocore.addresses import addresses_of
from autocore.broker.configuration import Encrypted, Outside
from autocore.control import CONTROL_SOCKET
from autocore.core.clock import Clock
from autocore.core.config.sections import MqttSection, Sections, WebSection, is_loopback
from autocore.tls.names import Names, names_of

FOLDER = "ca"  # in the data folder

log = logging.getLogger("autocore")


class Doors:
    """The ports of the web.

    Args:
        section: what the configuration says of the web.
        port: instead of `web.port`.
    """

    def __init__(self, section: WebSection, port: int) -> None:
        self._section = section
        self._port = port
        self._plain: socket.socket | None = None
        self._encrypted: socket.socket | None = None

    def open(self) -> None:
        """Take the ports; raises StartError when one is in use."""
        from autocore.web.ports import listen_tcp  # noqa: PLC0415  # the rest of the web is being imported beside

        host = self._section.host
        self._plain = listen_tcp(host, self._port)
        try:
            if self._section.is_encrypted:
                self._encrypted = listen_tcp(host, self._section.https_port, setting="web.https_port")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the ports back."""
        for listener in (self._plain, self._encrypted):
            if listener is not None:
                listener.close()

    async def serve(self, stack: AsyncExitStack, modules: Any, site: Any, data: Path, certificates: Any) -> None:
        """Let people in, until `stack` is closed.

        Args:
            stack: what closes it again.
            modules: the web's own.
            site: the web.
            data: the folder of the control socket.
            certificates: the keeper of the certificate, None where nothing is encrypted.
        """
        control = data / CONTROL_SOCKET
        gate = modules.BehindProxies(site.gate, self._section.proxies) if self._section.proxies else site.gate
        servers = [modules.Server(site.control, modules.listen_control(control))]
        if self._encrypted is not None:
            context = modules.server_context(certificates.authority.server_file)
            certificates.on_renewed(partial(context.load_cert_chain, certificates.authority.server_file))
            servers += [modules.Server(gate, self._encrypted, context), modules.Server(site.door, self._plain)]
        else:
            servers.append(modules.Server(gate, self._plain))
        stack.push_async_callback(lambda: asyncio.gather(*(server.stop() for server in servers)))
        for server in servers:
            await server.start()
        stack.callback(lambda: control.unlink(missing_ok=True))

    def announce(self, stack: AsyncExitStack, modules: Any, clock: Clock, vehicle: str) -> None:
        """Be found by name when others may come; and say so when what they send is not encrypted."""
        section = self._section
        if is_loopback(section.host):
            return
        if section.plain_lan:
            log.warning("the web listens on %s without encryption; use it in a network of your own only", section.host)
        if section.mdns:
            scheme, port = ("https", section.https_port) if section.is_encrypted else ("http", self._port)
            name = modules.NameInNetwork(clock, section.hostname, vehicle, (scheme, port), partial(addresses_of, section.host))
            name.start()
            stack.push_async_callback(name.stop)


def address_of(section: WebSection, port: int) -> str:
    """Give the address of the web, for whoever sits at the machine."""
    host = f"[{section.host}]" if ":" in section.host else section.host
    return f"https://{host}:{section.https_port}" if section.is_encrypted else f"http://{host}:{port}"


def encrypts(core: Sections) -> bool:
    """Say whether anything of the gateway speaks TLS, so that it needs a certificate."""
    return core.web.is_encrypted or (core.mqtt.broker == "auto" and core.mqtt.tls is not None)


def outside_of(section: MqttSection, certificates: Any) -> Outside:
    """Give what the own broker opens beside its port on loopback.

    Args:
        section: what the configuration says of it.
        certificates: the keeper of the certificate, None where nothing is encrypted.
    """
    encrypted = None
    if section.tls is not None and certificates is not None:
        tls, authority = section.tls, certificates.authority
        trusted = authority.file if tls.client_certificates else None
        encrypted = Encrypted(tls.port, tls.websockets, authority.server_file, trusted)
    is_open = section.plain_lan and not is_loopback(section.host)
    return Outside(section.host, is_plain=is_open, encrypted=encrypted)


def names_now(web: WebSection, mqtt: MqttSection) -> Names:
    """Give the names and addresses of the gateway at this moment."""
    addresses = {one for host in (web.host, mqtt.host) for one in addresses_of(host)}
    return names_of(web.hostname, socket.gethostname(), web.names, sorted(addresses))


def import_web() -> Any:
    """Import the web, half a second beside the start of the rest, and give its parts."""
    from autocore.web import serving  # noqa: PLC0415  # see above

    return serving


async def settled(web: asyncio.Future[Any]) -> None:
    """Return once the import of the web is over, however it ended."""
    await asyncio.wait([web])

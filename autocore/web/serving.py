"""What the composition root takes from the web, in one import."""

from autocore.tls.context import server_context
from autocore.web.app import Web
from autocore.web.mdns import NameInNetwork
from autocore.web.parts import Parts
from autocore.web.ports import listen_control
from autocore.web.proxies import BehindProxies
from autocore.web.server import Server

__all__ = ["BehindProxies", "NameInNetwork", "Parts", "Server", "Web", "listen_control", "server_context"]

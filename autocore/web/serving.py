"""What the composition root takes from the web, in one import."""

from autocore.web.app import Web
from autocore.web.mdns import NameInNetwork, addresses_of
from autocore.web.parts import Parts
from autocore.web.ports import listen_control
from autocore.web.server import Server

__all__ = ["NameInNetwork", "Parts", "Server", "Web", "addresses_of", "listen_control"]

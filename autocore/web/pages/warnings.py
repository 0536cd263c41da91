"""What everybody must know on every page."""

from __future__ import annotations

from autocore.core.config.sections import Sections, is_loopback
from autocore.core.names import N_

PLAIN_WEB = N_("The web is not encrypted (web.plain_lan): whoever is in this network can read what is sent, passwords too.")
PLAIN_MQTT = N_("MQTT is not encrypted (mqtt.plain_lan): whoever is in this network can read what boards send, passwords too.")


def warnings_of(core: Sections) -> list[str]:
    """Give the sentences, to be translated; none as the gateway is installed."""
    found = []
    if core.web.plain_lan and not is_loopback(core.web.host):
        found.append(PLAIN_WEB)
    if core.mqtt.plain_lan and core.mqtt.broker == "auto" and not is_loopback(core.mqtt.host):
        found.append(PLAIN_MQTT)
    return found

"""The composition root: builds every part once, starts them in order and stops them in reverse. Nothing else meets everything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autocore import __version__
from autocore.core import log as logs
from autocore.core.auth import Accounts, Audit
from autocore.core.bus import Bus
from autocore.core.clock import NS, Clock, Sequence, SystemClock, Timeline
from autocore.core.config import Config, load
from autocore.core.devices import DeviceRegistry
from autocore.core.entities import EntityRegistry
from autocore.core.errors import StartError
from autocore.core.host import Core, PluginHost
from autocore.core.link import DeviceLink
from autocore.core.model import Button, Quality, Switch
from autocore.core.mqtt.broker import Mosquitto
from autocore.core.mqtt.endpoint import Endpoint, parse_broker_url
from autocore.core.mqtt.hub import MqttHub
from autocore.core.panels import PanelRegistry
from autocore.core.plugins import Plugin, Plugins
from autocore.core.scheduler import Every
from autocore.core.services import ServiceRegistry, add_verbs
from autocore.core.storage import History, KeyValue, RegistryKeeper, StateStore, plugin_database

log = logging.getLogger("autocore")

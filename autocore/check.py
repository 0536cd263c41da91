"""Checking a configuration: the loader, every plugin's schema and every cross-reference, with nothing started."""

from __future__ import annotations

import os
from pathlib import Path

from autocore.core.bus import Bus
from autocore.core.clock import Sequence, SystemClock
from autocore.core.config import Config, load
from autocore.core.errors import ConfigError, ConfigFaults
from autocore.core.host import PluginHost
from autocore.core.plugins import Plugin, Plugins


def check_folder(folder: Path) -> list[str]:
    """Give the names of the plugins that would run.

    Raises:
        ConfigFaults: everything that is wrong, each with its place.
    """
    return check_config(load(folder, environ=os.environ))


def check_config(config: Config) -> list[str]:
    """Give the names of the plugins that would run with a configuration that is loaded; see `check_folder`."""
    plugins = Plugins(Bus(SystemClock(), Sequence(1, lambda _limit: None)), _no_host)
    plugins.load(config)
    problems = plugins.problems()
    if problems:
        raise ConfigFaults([ConfigError(sentence) for sentence in problems])
    return [status.name for status in plugins]


async def _no_host(plugin: Plugin, _definer: object) -> PluginHost:
    raise AssertionError(f"a check never starts {plugin.name}")

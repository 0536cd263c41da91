"""Checking a configuration: the loader, every plugin's schema and every cross-reference, with nothing started."""

from __future__ import annotations

import os
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

from autocore.builtin.permissions import faults_in
from autocore.core.bus import Bus
from autocore.core.clock import Sequence, SystemClock
from autocore.core.config import Config, read
from autocore.core.errors import ConfigError, ConfigFaults
from autocore.core.host import PluginHost
from autocore.core.plugins import Plugin, Plugins


def check_folder(folder: Path) -> list[str]:
    """Give the names of the plugins that would run.

    Raises:
        ConfigFaults: everything that is wrong, each with its place.
    """
    plugins = _loaded(read(folder, environ=os.environ), None)
    problems = plugins.problems()
    if problems:
        raise ConfigFaults([ConfigError(sentence) for sentence in problems])
    return [status.name for status in plugins]


def faults_of(folder: Path) -> list[str]:
    """Give everything that is wrong with a configuration, each with its place; nothing when it would run."""
    try:
        check_folder(folder)
    except ConfigFaults as error:
        return [str(fault) for fault in error.faults]
    return []


def load_checked(folder: Path, only: Container[str] | None = None) -> Config:
    """Give a configuration whose plugins' sections are right too; a plugin that cannot be imported is no fault of it.

    Raises:
        ConfigFaults: everything that is wrong, each with its place.
    """
    config = read(folder, environ=os.environ)
    _loaded(config, only)
    return config


def _loaded(config: Config, only: Container[str] | None) -> Plugins:
    plugins = Plugins(Bus(SystemClock(), Sequence(1, lambda _limit: None)), _no_host)
    plugins.load(replace(config, faults=(*config.faults, *faults_in(config.core.auth.permissions))), only)
    return plugins


async def _no_host(plugin: Plugin, _definer: object) -> PluginHost:
    raise AssertionError(f"a check never starts {plugin.name}")

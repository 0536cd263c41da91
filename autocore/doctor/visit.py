"""The whole visit, in the order in which things depend on each other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from autocore.core.clock import SystemClock
from autocore.core.config import read
from autocore.core.config.sections import Sections, sections_of
from autocore.core.errors import ConfigFaults
from autocore.doctor import audit, databases, encryption, folder, machine
from autocore.doctor.finding import Finding, problem
from autocore.doors import FOLDER, encrypts, names_now
from autocore.tls.keeper import moment


def visit(config: Path, data: Path) -> Iterator[Finding]:
    """Look at everything, and say each thing as soon as it is known.

    Args:
        config: the configuration folder.
        data: the data folder.
    """
    pid = machine.holder(data)
    yield from machine.look_at_gateway(data, pid)
    yield from machine.look_at_configuration(config)
    core = _sections(config)
    yield from machine.look_at_broker(core.mqtt)
    is_clock_right = SystemClock().wall_ns()[0] is not None
    if not data.is_dir():
        yield from machine.look_at_clock([])
        what = "is a file" if data.exists() else "is not there"
        yield problem("data folder", f"{data} {what}", "start the gateway once, or name the folder with --data")
        return
    if waits := list(folder.look_at_restore(data)):
        yield from waits  # what stands there is not what will stand there
        return
    yield from machine.look_at_clock(databases.boots(data / "state.db", is_running=pid is not None))
    yield from folder.look_at_permissions(data)
    now = moment(SystemClock())
    yield from encryption.look_at_certificates(data / FOLDER, names_now(core.web, core.mqtt) if encrypts(core) else None, now)
    yield from folder.look_at_room(data, core.history.quota)
    yield from databases.look_at_databases(data, config, is_running=pid is not None)
    yield from audit.look_at_audit(data, is_running=pid is not None)
    yield from folder.look_at_copies(data, is_clock_right=is_clock_right)


def _sections(config: Path) -> Sections:
    """Give what the configuration says, or what it says when it says nothing."""
    try:
        return read(config, environ=os.environ).core
    except ConfigFaults:
        return sections_of({})[0]

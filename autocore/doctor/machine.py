"""What is around the data: whether a gateway runs, the clock, the broker, and the configuration."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from autocore.broker.mosquitto import find_mosquitto, find_security_plugin
from autocore.check import faults_of
from autocore.control import ControlConnection
from autocore.core.clock import NS, SystemClock
from autocore.core.config.sections import MqttSection
from autocore.core.errors import BrokerError
from autocore.core.model import Quality
from autocore.core.mqtt.endpoint import parse_broker_url
from autocore.doctor.finding import Finding, age, ok, problem, warning

LIMIT_S = 3.0
JUMP_NS = 60 * NS  # a machine that sleeps, or drifts between two looks, is less off than that
Boot = tuple[int, str, int, int | None, str]


def holder(data: Path) -> int | None:
    """Give the process id of the gateway that holds the folder, None when none does.

    The kernel's list of locks is read: to try the lock would keep a gateway that starts at that moment from it.
    """
    file = data / "autocore.lock"
    try:
        inode = file.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        is_held = any(line.split()[1] == "FLOCK" and line.split()[5].rpartition(":")[2] == str(inode) for line in lines)
        return int(file.read_text()) if is_held else None
    except (OSError, ValueError, IndexError):
        return _answering(data)


def _answering(data: Path) -> int | None:
    """Give the process id where the kernel does not list its locks: a gateway that answers runs."""
    try:
        _ask(data, "/health")
        return int((data / "autocore.lock").read_text())
    except (OSError, ValueError, http.client.HTTPException):
        return None


def look_at_gateway(data: Path, pid: int | None) -> Iterator[Finding]:
    """Say whether a gateway runs on the folder, and how it is."""
    if pid is None:
        yield ok("gateway", "none runs on this folder")
        return
    try:
        ready: dict[str, Any] = _ask(data, "/ready")
    except (OSError, ValueError, http.client.HTTPException) as error:
        todo = "look at its log; if it stays so, restart it: sudo systemctl restart autocore"
        yield problem("gateway", f"it runs (pid {pid}) but does not answer on control.sock: {error}", todo)
        return
    wrong = [f"{name}: {word}" for name, word in ready.get("checks", {}).items() if word != "ok"]
    if wrong:
        yield warning("gateway", f"it runs (pid {pid}), but {'; '.join(wrong)}", "see the pages Plugins and Logs")
    else:
        yield ok("gateway", f"it runs (pid {pid}) and everything in it is ready")


def look_at_clock(boots: Sequence[Boot]) -> Iterator[Finding]:
    """Say how far the clock can be trusted, and whether it jumped between the last starts of the gateway."""
    wall_ns, quality = SystemClock().wall_ns()
    now = "" if wall_ns is None else f" ({datetime.fromtimestamp(wall_ns / NS, UTC):%Y-%m-%d %H:%M} UTC)"
    if quality is Quality.UNSET:
        todo = "connect it to a network with a time server, or fit a clock battery; until then records have an order but no time"
        yield warning("clock", "it is not set", todo)
    elif quality is Quality.RTC:
        yield ok("clock", f"it comes from the battery and was not synchronised since the start{now}")
    else:
        yield ok("clock", f"it is synchronised{now}")
    jumps = list(_jumps(boots))
    if jumps:
        todo = "a clock battery that is empty, or two sources of time that differ; records keep their order all the same"
        yield warning("clock", f"it jumped between starts: {'; '.join(jumps[-3:])}", todo)
    unknown = sum(one[3] is None for one in boots[:-1])
    if unknown:
        yield ok("starts", f"of the last {len(boots)} starts {unknown} never knew the time; their records have an order only")


def look_at_broker(section: MqttSection) -> Iterator[Finding]:
    """Say whether the broker that the configuration names is there."""
    if section.broker != "auto":
        endpoint = parse_broker_url(section.broker)
        try:
            socket.create_connection((endpoint.host, endpoint.port), LIMIT_S).close()
        except OSError as error:
            yield problem("broker", f"{endpoint} does not answer: {error}", "start it, or correct mqtt.broker")
        else:
            yield ok("broker", f"{endpoint} answers")
        return
    try:
        program = find_mosquitto()
        find_security_plugin()
    except BrokerError as error:
        yield problem("broker", str(error), "sudo apt-get install mosquitto")
        return
    yield ok("broker", f"{_version(program)} at {program}")


def look_at_configuration(folder: Path) -> Iterator[Finding]:
    """Say every fault in the configuration, as `autocore check` does."""
    faults = faults_of(folder)
    for fault in faults:
        yield problem("configuration", fault, "correct that place; autocore check looks again")
    if not faults:
        yield ok("configuration", f"{folder / 'config.yaml'} is valid")


def _jumps(boots: Sequence[Boot]) -> Iterator[str]:
    """Give where wall time and the machine's own time do not go together."""
    for before, after in pairwise(boots):
        if before[3] is None or after[3] is None:
            continue
        # In one run of the machine its own time went on; between two, forward is a vehicle that stood still.
        is_same = before[1] == after[1]
        jump_ns = after[3] - before[3] if is_same else min(0, after[2] + after[3] - (before[2] + before[3]))
        if abs(jump_ns) > JUMP_NS:
            yield f"{age(abs(jump_ns) / NS)} {'forward' if jump_ns > 0 else 'back'} from start {before[0]} to {after[0]}"


def _version(program: str) -> str:
    try:
        said = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=LIMIT_S, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return "mosquitto"
    return said.partition("\n")[0].strip() or "mosquitto"


def _ask(data: Path, what: str) -> Any:
    connection = ControlConnection(data, LIMIT_S)
    try:
        connection.request("GET", what)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()

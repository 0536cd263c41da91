"""Mosquitto as a child of the gateway: private, supervised, with a configuration in memory.

It ends with the gateway, also when the gateway is killed (PDEATHSIG), and an orphan of an earlier run is found by its pid file.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import pwd
import shutil
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autocore.broker.accounts import GATEWAY, Account, document, new_password, seal
from autocore.broker.configuration import HOST, Outside, configuration
from autocore.broker.slow import LONGEST_ID, Crowd, throw_off, unread
from autocore.child import die_with_parent
from autocore.core.disk import write_file
from autocore.core.errors import BrokerError
from autocore.core.mqtt.endpoint import Endpoint
from autocore.damage import Damages

READY_LIMIT_S = 5.0
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
ORPHAN_LIMIT_S = 2.0
LOOK_S = 1.0  # for clients that do not read
HEARD_BYTES = 4_096  # of what it said last, for the sentence when it ends at once
STEADY_S = 60.0  # one that ran for so long is started again at once

SHORTEST_PASSWORD = 20  # of those that are made here: 43 characters
LISTS = ("clients", "groups", "roles")
LOST = {
    "mosquitto.db": "messages that the broker kept are gone; the gateway publishes its own again",
    "accounts.json": "it is made anew; only accounts that were added to it by hand are gone",
}

log = logging.getLogger("autocore.broker")


class _Ended(BrokerError):
    """It ended instead of listening."""


class Mosquitto:
    """One Mosquitto on loopback.

    Args:
        folder: where its state, its accounts and its pid file lie; made when it is missing.
        port: the port on 127.0.0.1.
        allows_anonymous: whether clients on this machine need no password (the demo).
        damages: hears of files that could not be used.
        accounts: gives the accounts of the devices, at every start of the broker.
        outside: where others reach it; nowhere unless said.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        allows_anonymous: bool,
        damages: Damages | None = None,
        accounts: Callable[[], Sequence[Account]] = tuple,
        outside: Outside | None = None,
    ) -> None:
        self._outside = outside or Outside(HOST)
        self._damages = damages or Damages()
        self._folder = folder
        self._port = port
        self._allows_anonymous = allows_anonymous
        self._accounts = accounts
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._begins_again = False
        self._crowd = Crowd()
        self._hearing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._said = b""
        self.thrown_off = 0
        """How often a client was, because it did not read."""
        self.restarts = 0
        self.on_return: Callable[[], object] = lambda: None
        """Called when it was started again: what devices say before the gateway is there, one that came back empty forgets."""

    async def start(self) -> Endpoint:
        """Start it and give its address with the gateway's account; it is started again when it dies.

        Raises:
            BrokerError: Mosquitto is not installed, the port is in use, or it did not come up.
        """
        program = find_mosquitto()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await asyncio.to_thread(self._end_orphan)
        try:
            password = self._password()
        except OSError as error:
            raise BrokerError(f"{self._folder} cannot be written: {error.strerror}; the broker needs its accounts") from error
        await self._launch_without_damage(program, password)
        endpoint = Endpoint(HOST, self._port, GATEWAY, password)
        self._task = asyncio.get_running_loop().create_task(self._supervise(program))
        self._watching = asyncio.get_running_loop().create_task(self._watch(endpoint))
        return endpoint

    async def stop(self) -> None:
        """End it; it writes its state first."""
        for task in (self._task, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                async with asyncio.timeout(1.0):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._hearing is not None:
            await self._hearing
        self._pid_file.unlink(missing_ok=True)

    def take_certificate(self) -> None:
        """Show another certificate to whoever connects from now on; the encrypted port does so at once, see `Outside`."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    def begin_again(self) -> None:
        """End it; it is started again at once, and every port shows the certificate that stands in the file now."""
        if self._process is not None and self._process.returncode is None:
            self._begins_again = True
            self._process.terminate()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def _pid_file(self) -> Path:
        return self._folder / "mosquitto.pid"

    async def _supervise(self, program: str) -> None:
        attempt = 0
        while self._process is not None:
            started = time.monotonic()
            code = await self._process.wait()
            if time.monotonic() - started > STEADY_S:
                attempt = 0
            if self._begins_again:
                self._begins_again = False
                log.info("mosquitto begins again with the certificate that stands in its file")
            else:
                log.error("mosquitto ended with code %s; starting it again in %s s", code, _pause_s(attempt))
                await asyncio.sleep(_pause_s(attempt))
                attempt += 1
            attempt += await self._launch_again(program, attempt)

    async def _watch(self, endpoint: Endpoint) -> None:
        """Throw off who does not read."""
        encrypted = self._outside.encrypted
        ports = {self._port} if encrypted is None else {self._port, encrypted.port, encrypted.websockets or self._port}
        while True:
            await asyncio.sleep(LOOK_S)
            for name in self._crowd.late(unread(ports), time.monotonic()):
                try:
                    await throw_off(endpoint, name)
                except BrokerError as error:
                    log.debug("%s cannot be thrown off: %s", name, error)
                else:
                    self.thrown_off += 1
                    log.warning("%s does not read what it asked the broker for and was thrown off; it may come back", name)

    async def _hear(self, stream: asyncio.StreamReader) -> None:
        """Read all it says; else it would stand still after some thousand lines, when nobody has taken them."""
        rest = b""
        while piece := await stream.read(HEARD_BYTES):
            self._said = (self._said + piece)[-HEARD_BYTES:]
            *lines, rest = (rest + piece).split(b"\n")
            rest = rest[-2 * LONGEST_ID :]
            for line in lines:
                self._crowd.hear(line.decode(errors="replace"))

    async def _launch_again(self, program: str, attempt: int) -> int:
        """Launch it, however long that takes, and give how often it could not be; every reason is said once."""
        failures, said = 0, ""
        while True:
            try:
                await self._launch_without_damage(program, self._password())
            except (BrokerError, OSError) as error:  # no program, no memory, no descriptors: none of that lasts for ever
                why = str(error) if isinstance(error, BrokerError) else f"mosquitto cannot be started: {error.strerror}"
                if why != said:
                    log.error("%s; trying again every %s s", why, BACK_OFF_S[-1])  # noqa: TRY400  # a sentence, no trace
                said = why
            else:
                self.restarts += 1
                self.on_return()
                if said:
                    log.warning("mosquitto runs again, after it could not be started %s times", failures)
                return failures
            await asyncio.sleep(_pause_s(attempt + failures))
            failures += 1

    async def _launch_without_damage(self, program: str, password: str) -> None:
        """Launch it; a file that it cannot be launched with is set aside, first the one that it complains of."""
        spare = ["mosquitto.db", "accounts.json"]
        while True:
            self._check_free()  # another program on the port is no damage of a file
            self._write_accounts(password)
            try:
                await self._launch(program)
                return
            except _Ended as error:
                if "dynamic" in error.args[0] or "dynsec" in error.args[0]:
                    spare.reverse()
                while spare and not (self._folder / spare[0]).exists():
                    spare.pop(0)
                if not spare:
                    raise
                log.error("%s", error)  # noqa: TRY400  # a sentence, no trace
                name = spare.pop(0)
                self._damages.set_aside(self._folder / name, LOST[name])

    async def _launch(self, program: str) -> None:
        # A file in memory: Mosquitto reads its configuration again, by name and from its beginning, when it is told to (SIGHUP).
        reading = os.memfd_create("mosquitto.conf")
        try:
            os.write(reading, self._configuration().encode())
            process = await asyncio.create_subprocess_exec(
                program,
                "-c",
                "/dev/stdin",
                stdin=reading,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
                preexec_fn=die_with_parent,
                cwd=self._folder,
            )
        finally:
            os.close(reading)
        self._process = process
        self._said = b""
        if process.stderr is not None:  # it is a pipe
            self._hearing = asyncio.get_running_loop().create_task(self._hear(process.stderr))
        with contextlib.suppress(OSError):  # a full disk: then only an orphan would not be found
            self._pid_file.write_text(str(process.pid))
        await self._until_it_listens(process)

    async def _until_it_listens(self, process: asyncio.subprocess.Process) -> None:
        """Return when the port answers; raises BrokerError with what Mosquitto said when it ended instead."""
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline:
            if process.returncode is not None:
                if self._hearing is not None:
                    await self._hearing
                said = self._said.decode(errors="replace").strip()
                raise _Ended(f"mosquitto ended at once: {said or f'code {process.returncode}'}")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, self._port)
                writer.close()
                return
            await asyncio.sleep(0.004)
        process.kill()
        raise BrokerError(f"mosquitto did not listen on port {self._port} within {READY_LIMIT_S:g} s")

    def _configuration(self) -> str:
        return configuration(
            self._folder.resolve(),
            find_security_plugin(),
            self._port,
            self._outside,
            allows_anonymous=self._allows_anonymous,
            user=pwd.getpwuid(os.getuid()).pw_name,  # dropping to another user would lose PDEATHSIG
        )

    def _check_free(self) -> None:
        """Say which of the ports is in use, and what changes it."""
        outside = self._outside
        wanted = [(HOST, self._port, "mqtt.port or --mqtt-port to a free one, or mqtt.broker to that broker")]
        if outside.is_plain:
            wanted[0] = (outside.host, *wanted[0][1:])
        if outside.encrypted is not None:
            wanted.append((outside.host, outside.encrypted.port, "mqtt.tls.port to a free one"))
            if outside.encrypted.websockets is not None:
                wanted.append((outside.host, outside.encrypted.websockets, "mqtt.tls.websockets to a free one"))
        for host, port, todo in wanted:
            _check_free(host, port, todo)

    def _password(self) -> str:
        file = self._folder / "gateway.secret"
        if file.exists():
            password = file.read_text(errors="replace").strip()
            if len(password) >= SHORTEST_PASSWORD and password.isascii() and password.isprintable():
                return password
            self._damages.set_aside(file, "the gateway has a new password for its broker")
        password = new_password()
        write_file(file, password.encode())
        return password

    def _write_accounts(self, password: str) -> None:
        """Write what the dynamic-security plugin reads at its start: who may enter, and what each may do."""
        file = self._folder / "accounts.json"
        known = self._known_accounts(file)
        whole = document(seal(password), self._accounts(), known, allows_anonymous=self._allows_anonymous)
        try:
            write_file(file, json.dumps(whole, indent=1).encode())
        except OSError as error:
            if not file.exists():
                raise BrokerError(f"{file} cannot be written: {error.strerror}; the broker needs its accounts") from error
            log.warning("%s cannot be written: %s; the broker starts with the one that is there", file, error.strerror)

    def _known_accounts(self, file: Path) -> dict[str, list[dict[str, Any]]]:
        """Give the clients, groups and roles of the file; when they cannot be read it is set aside."""
        try:
            document = json.loads(file.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            document = None
        if isinstance(document, dict) and all(_is_list_of_objects(document.get(name, [])) for name in LISTS):
            return {name: document.get(name, []) for name in LISTS}
        self._damages.set_aside(file, LOST["accounts.json"])
        return {}

    def _end_orphan(self) -> None:
        """End the Mosquitto that an earlier gateway left behind, and only that one."""
        try:
            pid = int(self._pid_file.read_text())
            is_ours = (
                b"mosquitto" in Path(f"/proc/{pid}/cmdline").read_bytes()
                and Path(f"/proc/{pid}/cwd").resolve() == self._folder.resolve()
            )
        except (OSError, ValueError):
            return
        if not is_ours:
            return
        log.warning("ending the broker that an earlier run left behind (pid %s)", pid)
        for word in (signal.SIGTERM, signal.SIGKILL):  # one that hangs hears the second only
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, word)
            deadline = time.monotonic() + ORPHAN_LIMIT_S
            while _runs(pid) and time.monotonic() < deadline:
                time.sleep(0.01)


def find_mosquitto() -> str:
    """Give the path of the program; raises BrokerError when it is not installed."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BrokerError(
            "mosquitto is not installed: install it with `apt install mosquitto`, or name another broker in mqtt.broker"
        )
    return found


def find_security_plugin() -> Path:
    """Give the path of Mosquitto's dynamic-security plugin; raises BrokerError when there is none."""
    name = "mosquitto_dynamic_security.so"
    for pattern in (f"lib/*/{name}", f"lib/{name}", f"local/lib/{name}", f"lib/mosquitto/{name}"):
        for file in Path("/usr").glob(pattern):
            return file
    raise BrokerError("mosquitto's dynamic-security plugin is missing: install Debian's package mosquitto, 2.0 or newer")


def _runs(pid: int) -> bool:
    """Say whether a process has not ended; one that waits for its parent to notice has."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def _pause_s(attempt: int) -> float:
    return BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]


def _check_free(host: str, port: int, todo: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used on {host} ({error.strerror})"
            raise BrokerError(f"port {port} for the broker {why}; set {todo}") from error


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)

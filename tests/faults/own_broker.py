"""The gateway's own Mosquitto as a test takes it away: killed, emptied, kept from starting."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from autocore.broker.mosquitto import find_mosquitto
from tests.faults.gateway import HOST, until


def link_program(folder: Path) -> Path:
    """Put Mosquitto into a folder of its own, from which it can be taken away; give its path there."""
    folder.mkdir(parents=True)
    program = folder / "mosquitto"
    program.symlink_to(find_mosquitto())
    return program


class OwnBroker:
    """The broker of one gateway.

    Args:
        folder: where the gateway keeps it.
        port: where it listens.
        program: the link that it is started by.
    """

    def __init__(self, folder: Path, port: int, program: Path) -> None:
        self.folder = folder
        self._port = port
        self._program = program

    @property
    def pid(self) -> int:
        """The process, as its pid file names it."""
        return int((self.folder / "mosquitto.pid").read_text())

    @property
    def password(self) -> str:
        """The password of the gateway's own account."""
        return password_of(self.folder)

    def kill(self) -> None:
        """Kill it, and return when it is gone."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_running(pid), 5, "the broker outlives SIGKILL")

    def save(self) -> None:
        """Let it write down what it knows, as it does every minute."""
        file = self.folder / "mosquitto.db"
        before = file.stat().st_mtime_ns if file.exists() else 0
        os.kill(self.pid, signal.SIGUSR1)
        until(lambda: file.exists() and file.stat().st_mtime_ns > before, 5, "the broker does not save what it knows")

    def forget(self) -> None:
        """Delete what it wrote down, and its accounts."""
        for name in ("mosquitto.db", "accounts.json"):
            (self.folder / name).unlink(missing_ok=True)

    def listens(self) -> bool:
        """Say whether somebody answers on its port."""
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self._port)) == 0

    @contextlib.contextmanager
    def shut_out(self) -> Iterator[None]:
        """Have its port, and end every connection as a program does that knows no MQTT."""
        with socket.socket() as guest:
            guest.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            until(lambda: _is_bound(guest, self._port), 5, "the port cannot be taken")
            guest.listen()
            thread = threading.Thread(target=_turn_away, args=(guest,), daemon=True)
            thread.start()
            yield
            guest.shutdown(socket.SHUT_RDWR)
            thread.join()

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Have no program of that name."""
        target = self._program.readlink()
        self._program.unlink()
        yield
        self._program.symlink_to(target)


def password_of(folder: Path) -> str:
    """Give the password of the gateway's own account, from where the gateway keeps its broker."""
    return (folder / "gateway.secret").read_text().strip()


def is_running(pid: int) -> bool:
    """Say whether a process has not ended; one that waits for its parent to notice has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _is_bound(guest: socket.socket, port: int) -> bool:
    try:
        guest.bind((HOST, port))
    except OSError:
        return False
    return True


def _turn_away(guest: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            guest.accept()[0].close()

"""A real gateway as a process of its own that can be killed, and a broker that outlives it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from autocore.broker.mosquitto import find_mosquitto
from tests.faults.record import ROOT
from tests.ports import free_port

USER = "ana"
PASSWORD = "three random words"
HOST = "127.0.0.1"


class OutsideBroker:
    """A Mosquitto that belongs to the test: what it keeps for the gateway survives the gateway."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "mosquitto.conf"
        words = ["allow_anonymous true", "persistence false", "max_inflight_messages 0", "max_queued_messages 1000000"]
        file.write_text("\n".join([f"listener {self.port} {HOST}", *words, "set_tcp_nodelay true", ""]))
        command = [find_mosquitto(), "-c", str(file)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: _listens(self.port), 5, "the broker does not listen")

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=10)


class GatewayProcess:
    """`autocore run` on a folder, with ports that stay the same over its lives.

    Args:
        folder: holds config.yaml and data.
        config: what to write as config.yaml; `{broker}` in it is an address that this makes of `broker`.
        environ: of the process; the test's own when None.
        module: what Python runs instead of `autocore`.
    """

    def __init__(self, folder: Path, config: str, *, environ: Mapping[str, str] | None = None, module: str = "autocore") -> None:
        self.folder = folder
        self.data = folder / "data"
        self.http_port, self.mqtt_port = free_port(), free_port()
        self.base = f"http://{HOST}:{self.http_port}"
        self.spawned = 0.0
        self._said = folder.with_name(f"{folder.name}.said")
        self._environ = dict(os.environ if environ is None else environ)
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(config)

    def spawn(self) -> None:
        """Start it, and do not wait."""
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        command = [sys.executable, "-m", self._module, "run", "--config", str(self.folder), *ports]
        self._environ["PYTHONPATH"] = str(ROOT)
        self.spawned = time.monotonic()
        said = self._said.open("ab")
        self._process = subprocess.Popen(command, stdout=said, stderr=said, env=self._environ, cwd=ROOT)
        said.close()

    def await_answer(self, path: str = "/health", limit_s: float = 30.0) -> float:
        """Give the seconds from the start until `path` answers 200; raises AssertionError when it does not."""

        def answers() -> bool:
            if not self.is_alive:
                raise AssertionError(f"the gateway ended with {self.code}: {self.said()[-2000:]}")
            return _answers(self.http_port, path)

        until(answers, limit_s, f"{path} does not answer: {self.said()[-2000:]}")
        return time.monotonic() - self.spawned

    def start(self, limit_s: float = 30.0) -> float:
        """Start it, and give the seconds until it answers."""
        self.spawn()
        return self.await_answer(limit_s=limit_s)

    def kill(self) -> None:
        """End it as a power cut would end the process: SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def end(self) -> None:
        """End it in good order."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        return self._process.returncode if self._process is not None else None

    def said(self) -> str:
        """Give what it said on its terminal, over all its lives."""
        return self._said.read_text(errors="replace") if self._said.exists() else ""

    def admit(self) -> httpx.Client:
        """Make the first administrator, or log in, and give a client with a token that outlives the session."""
        client = httpx.Client(base_url=f"{self.base}/api/v1", timeout=30)
        file = self.data / "autocore-setup.txt"
        body = {"username": USER, "password": PASSWORD}
        if file.exists():
            answer = client.post("/auth/setup", json={**body, "code": file.read_text().strip()})
        else:
            answer = client.post("/auth/login", json=body)
        answer.raise_for_status()
        client.cookies.clear()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        made = client.post("/auth/tokens", json={"name": "the test"})
        made.raise_for_status()
        client.headers["Authorization"] = f"Bearer {made.json()['token']}"
        return client


def metrics(client: httpx.Client) -> dict[str, float]:
    """Give the gateway's counters without labels, by name."""
    text = client.get(str(client.base_url).replace("/api/v1/", "/metrics")).text
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#") and "{" not in line]
    return {words[0].removesuffix("_total"): float(words[1]) for words in lines}


def everything(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    """Give all items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: Any = None
    while True:
        answer = client.get(path, params={} if cursor is None else {"cursor": cursor})
        answer.raise_for_status()
        page = answer.json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def integrity_of(file: Path) -> str:
    """Give what SQLite finds in a copy of a database whose owner was killed: `ok` when nothing is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for ending in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{file}{ending}", f"{copy}{ending}")
        if not copy.exists():
            return "ok"
        connection = sqlite3.connect(copy)
        try:
            return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.Error as error:
            return str(error)
        finally:
            connection.close()


def until(claim: Any, limit_s: float, otherwise: str) -> Any:
    """Give the first true answer of `claim`; raises AssertionError with `otherwise` when there is none in time."""
    deadline = time.monotonic() + limit_s
    while not (answer := claim()):
        if time.monotonic() > deadline:
            raise AssertionError(otherwise)
        time.sleep(0.01)
    return answer


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _answers(port: int, path: str) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1) as line:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
            return b" 200 " in line.recv(64)
    except OSError:
        return False


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="autocore-faults-") as folder:
        yield Path(folder)

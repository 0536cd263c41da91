"""What the benchmarks share: a gateway as a process of its own, its cost, and the line of JSON at the end."""

from __future__ import annotations

import json
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

CONFIG = """
mqtt: {anonymous: loopback}
devices: {approve: automatic}
logging: {level: warning}
telemetry:
relays:
  boards:
    - device: relay_board_1
      channels: {1: {name: Bench}}
"""


def free_port() -> int:
    """Give a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gateway:
    """`autocore run` in a folder of its own."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        self.http_port, self.mqtt_port = free_port(), free_port()
        (folder / "config.yaml").write_text(config)
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        started = time.perf_counter()
        command = [sys.executable, "-m", "autocore", "run", "--config", str(folder), *ports]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._until_it_answers()
        self.start_s = time.perf_counter() - started
        self.ps = psutil.Process(self.process.pid)

    def token(self) -> str:
        """Make a user and give a token of it."""
        data = str(self.folder / "data")
        autocore = [sys.executable, "-m", "autocore"]
        user = [*autocore, "user", "add", "bench", "--role", "admin", "--password-stdin", "--data", data]
        subprocess.run(user, input="three random words\n", text=True, check=True, capture_output=True)
        made = [*autocore, "token", "create", "bench", "--user", "bench", "--data", data]
        return subprocess.run(made, text=True, check=True, capture_output=True).stdout.strip()

    def cpu_s(self) -> float:
        """Give the processor time that the gateway has used, without its broker."""
        times = self.ps.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Give the memory that it holds."""
        return float(self.ps.memory_info().rss / 1e6)

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=10)

    def _until_it_answers(self) -> None:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/health", timeout=1):
                    return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit("the gateway did not start") from None
                time.sleep(0.005)


@contextmanager
def gateway(config: str = CONFIG) -> Iterator[Gateway]:
    """Run a gateway while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        made = Gateway(Path(folder), config)
        try:
            yield made
        finally:
            made.end()


def percentile(values: list[float], share: float) -> float:
    """Give the value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def report(name: str, unit: str, runs: list[float], **more: Any) -> None:
    """Print the figure, the median of the runs, as one line of JSON."""
    libraries = ("paho-mqtt", "litestar", "uvicorn", "pony", "msgspec")
    print(
        json.dumps(
            {
                "benchmark": name,
                "figure": round(statistics.median(runs), 3),
                "unit": unit,
                "runs": [round(run, 3) for run in runs],
                **{key: round(value, 3) if isinstance(value, float) else value for key, value in more.items()},
                "versions": {"python": platform.python_version(), **{one: version(one) for one in libraries}},
            }
        )
    )

"""The demonstration: a gateway on loopback with its own broker, and a virtual vehicle as a program of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from autocore.child import die_with_parent

FOLDER = Path("autocore-demo")


def prepare(folder: Path) -> None:
    """Put the demonstration's configuration into its data folder, unless there is one; other files there are left alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    target = folder / "config.yaml"
    if not target.exists():
        target.write_text(files("autocore").joinpath("demo.yaml").read_text(encoding="utf-8"), encoding="utf-8")


@asynccontextmanager
async def virtual_vehicle(host: str, port: int, root: str) -> AsyncIterator[None]:
    """Keep the virtual vehicle on the air; it ends with the gateway, also when that is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "autocore.simulator",
        "--host",
        host,
        "--port",
        str(port),
        "--root",
        root,
        start_new_session=True,  # Ctrl-C goes to the gateway alone, which ends the vehicle in its turn
        preexec_fn=die_with_parent,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(1.0):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

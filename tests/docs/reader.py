"""Plays a page as a reader would: its files are written, its lines are run, and what it promises is looked for."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from autocore.app import Gateway, Settings
from autocore.cli import commands
from autocore.core.config import load
from autocore.testing import Car
from tests.conftest import AS_AN_AUTHOR
from tests.docs.markdown import Block, Prose
from tests.docs.promises import Promises

BIN = Path(sys.executable).parent
LIMIT_S = 180


class Reader:
    """Somebody who does what the page says, in a folder of their own, and does not believe it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.car = Car(folder)
        self.env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **AS_AN_AUTHOR}
        self.output = ""
        self.done: Counter[str] = Counter()
        self._promises = Promises(self.car)
        self.kept = self._promises.kept

    async def read(self, part: Prose | Block) -> None:
        if isinstance(part, Prose):
            await self._promises.believe(part)
            return
        acts = {"file": self.write, "plugin": self.drop_in, "run": self.run, "says": self.compare, "test": self.test}
        act = acts.get(part.purpose)
        assert act is not None, f"line {part.line}: a block that nobody runs"
        await act(part)
        self.done[part.purpose] += 1

    async def write(self, block: Block) -> None:
        target = self.folder / block.about
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")

    async def drop_in(self, block: Block) -> None:
        """Write a plugin (`<!-- plugin: plugins/door.py | door: {topic: a} -->`) and start a gateway with its section alone."""
        file, _, section = block.about.partition(" | ")
        await self.write(replace(block, about=file))
        (self.folder / "config.yaml").write_text(f"devices: {{approve: automatic}}\n{section}\n")
        await self.start()
        name = section.partition(":")[0]
        assert self.car.plugin(name).reason is None, f"line {block.line}: {self.car.plugin(name).reason}"

    async def test(self, block: Block) -> None:
        """Run a file of tests by itself, beside the plugin that it is about."""
        target = self.folder / "plugins" / block.about
        await self.write(replace(block, about=str(target.relative_to(self.folder))))
        (self.folder / "plugins/pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
        code, output = await asyncio.to_thread(self.shell, f"pytest -q {target}")
        assert (code, " passed" in output, "skipped" in output) == (0, True, False), f"line {block.line}:\n{output}"

    async def run(self, block: Block) -> None:
        self.output = ""
        lines = block.text.splitlines()
        for number, line in enumerate(lines, 1):
            assert line.startswith("$ "), f"line {block.line + number}: {line}"
            code = await self.command(line[2:])
            should_fail = block.about == "fails" and number == len(lines)
            assert bool(code) is should_fail, f"line {block.line + number}: {line}\n{self.output}"

    async def compare(self, block: Block) -> None:
        wanted = ".*".join(re.escape(piece) for piece in block.text.strip().split("…"))
        assert re.fullmatch(wanted, self.output.strip(), re.DOTALL), f"line {block.line}: it says\n{self.output}"

    async def command(self, line: str) -> int:
        """Do one line for the shell and give its exit code; what it prints is added to `output`."""
        words = shlex.split(line)
        if words[:2] == ["autocore", "run"]:
            return await self.start()
        if words[0] == "mosquitto_pub":
            return await self.publish(words)
        if words[0] == "curl":
            return await self.curl(words)
        if words[:2] == ["autocore", "reload"] or words[:3] == ["autocore", "plugin", "reload"]:
            return await asyncio.to_thread(self.ask, words[1:], asyncio.get_running_loop())
        if words[:2] == ["pip", "install"]:
            return await asyncio.to_thread(self.install, words[2])
        export = re.fullmatch(r"export (\w+)=\$\((.*)\)", line)
        code, output = await asyncio.to_thread(self.shell, export[2] if export else line)
        if export:
            self.env[export[1]] = output.strip()
        else:
            self.output += output
        return code

    async def publish(self, words: list[str]) -> int:
        said = {word: words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-t", "-m")}
        self.car.publish(said["-t"], said["-m"].encode())
        await self.car.settle()
        return 0

    async def start(self) -> int:
        await self.car.stop()
        settings = Settings(self.folder, self.folder / "data")
        gateway = Gateway(settings, load(self.folder), self.car.clock, connect=self.car.air.connection)
        self.car._gateway = gateway
        await gateway.start()
        await self.car.settle()
        await self.car.web()  # makes the first administrator
        return 0

    async def curl(self, words: list[str]) -> int:
        for name, value in self.env.items():
            words = [one.replace(f"${name}", value) for one in words]
        said = {word: words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-H", "-d")}
        url = words[-1]
        header, _, value = said["-H"].partition(": ")
        assert self.car._gateway is not None
        transport = httpx.ASGITransport(self.car._gateway.site)
        async with httpx.AsyncClient(transport=transport, headers={header: value}) as client:
            answer = await client.request("POST" if "-d" in said else "GET", url, content=said.get("-d"))
        self.output += answer.text + "\n"
        return 0

    def ask(self, words: list[str], loop: asyncio.AbstractEventLoop) -> int:
        """Run a command that asks the gateway; the way there is the web of the car instead of a socket."""

        async def request(method: str, path: str) -> Any:
            answer = await (await self.car.web()).request(method, path)
            answer.raise_for_status()
            return answer.json()

        def through_the_web(_data: Path, method: str, path: str) -> Any:
            return asyncio.run_coroutine_threadsafe(request(method, path), loop).result(LIMIT_S)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("autocore.cli.plugins.ask", through_the_web)
            answer = CliRunner().invoke(commands, words)
        self.output += answer.output
        return answer.exit_code

    def shell(self, line: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        return done.returncode, done.stdout

    def install(self, source: str) -> int:
        """Install a distribution for the reader's programs only, without asking the internet for what is here already."""
        pip = f"{shlex.quote(sys.executable)} -m pip --quiet --disable-pip-version-check"
        code, output = self.shell(
            f"{pip} wheel --no-deps --no-build-isolation --wheel-dir wheels {source}"
            f" && {pip} install --no-deps --target site wheels/*.whl"
        )
        self.env["PYTHONPATH"] = str(self.folder / "site")
        self.output += output
        return code

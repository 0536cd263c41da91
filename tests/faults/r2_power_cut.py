"""R2: the power is cut at every moment that matters: the gateway starts again, and knows what it had acknowledged.

A gateway in memory (the real parts, a broker that is a dictionary) works behind the shim, which writes down every write, sync,
name and promise. From that record the disk is made as a cut would have left it: before and after every sync, and at moments
between, once with nothing of what was not synced, once with all of it, and with random parts of it, torn into sectors of 512 or
4 096 bytes (`disk.py` has the rules). On every such disk a gateway is started: it must start, and every user, token, name,
setting, notice, section of the configuration and reading that was acknowledged before the cut must be there. The chain of the
audit must be intact before and after that start: a power cut is no forgery.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import yaml

from autocore.audit.verdict import sentence as told
from autocore.audit.verify import verify_folder
from autocore.testing.car import Car
from tests.faults import shim
from tests.faults.disk import Disk, lay_out
from tests.faults.gateway import scratch
from tests.faults.promise import Promises
from tests.faults.record import ROOT, Findings, run_as_command
from tests.faults.workload import CONFIG, found_in

ACTS = 120
CHECKS_PER_WORKER = 60  # a gateway freezes what it made at its start, so a process holds only so many
LIMIT_S = 60.0

Case = tuple[str, dict[str, bytes | None], Promises, str | None]
"""(what it is, the files, what was promised before the cut, a token of the administrator)"""


def recorded(folder: Path, seed: int, acts: int) -> list[shim.Op]:
    """Let the workload work behind the shim, and give what it did."""
    library = shim.build(folder)
    environ = shim.environment(library, folder / "root", log=folder / "log") | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.faults.workload", str(folder / "root"), str(seed), str(acts)]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"the workload failed: {done.stderr[-3000:]}")
    return list(shim.read_log(folder / "log"))


def cases(ops: list[shim.Op], root: Path, dice: random.Random, share: float) -> Iterator[Case]:
    """Give the disks of cuts: before and after every sync and between, a `share` (0 to 1) of all."""
    disk, promises, token = Disk(root), Promises(), None
    for number, op in enumerate(ops):
        lucks = ["none", "some", "some", "some", "all"] if op.is_sync else ["some"] if dice.random() < 0.1 else []
        for luck in lucks:
            if dice.random() < share:
                yield f"before {number} {op.kind}, {luck}", disk.cut(dice, luck), _copy(promises), token
        if op.kind == "A":
            word, rest = op.data.decode().split(" ", 1)
            name, _, value = _split(rest)
            if name == "secret":
                token = str(value)
            elif word == "ask":
                promises.ask(name, value)
            else:
                promises.keep(name, value)
        disk.apply(op)
    yield "at the end", disk.cut(dice, "none"), _copy(promises), token


def check(case: Case) -> tuple[str, list[str]]:
    """Start a gateway on the disk of a cut, and give what is wrong."""
    what, files, promises, token = case
    with scratch() as folder:
        lay_out(files, folder)
        try:
            return what, asyncio.run(asyncio.wait_for(_look(folder, promises, token), LIMIT_S))
        except Exception as error:  # noqa: BLE001  # whatever it is, the gateway did not come up
            return what, [f"it does not start: {type(error).__name__}: {error}"]


async def _look(folder: Path, promises: Promises, token: str | None) -> list[str]:
    wrong = _suspected(folder, "before the start")
    car = Car(folder)
    try:
        wrong += await _asked(car, promises, token)
    finally:
        await car.stop()
    return wrong + _suspected(folder, "afterwards")


def _suspected(folder: Path, when: str) -> list[str]:
    """Give what the audit's chain is suspected of; a power cut is no forgery."""
    if not (folder / "data" / "state.db").exists():
        return []
    return [f"the audit, {when}: {told(one)}" for one in verify_folder(folder / "data").faults]


async def _asked(car: Car, promises: Promises, token: str | None) -> list[str]:
    await car.start(CONFIG)
    if token is None:
        return []
    assert car._gateway is not None
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(car._gateway.site)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        found = await found_in(car, client)
        found["config/system"] = await _section(client)
    not_running = [f"plugin {name} does not run" for name in ("telemetry", "telegram") if car.plugin(name).reason]
    return [*promises.broken(found), *not_running]


async def _section(client: httpx.AsyncClient) -> Any:
    answer = await client.get("/api/v1/config")
    answer.raise_for_status()
    texts = {one["name"]: one["text"] for one in answer.json()["files"]}
    text = texts.get("config.d/system.yaml")
    return None if text is None else yaml.safe_load(text)


def run(seed: int, *, acts: int = ACTS, share: float = 1.0, lanes: int = 1, most: int | None = None) -> Findings:
    """Record one workload and try every cut of it (at most `most`), `lanes` at a time; 0 lanes tries them in this process."""
    found = Findings()
    dice = random.Random(seed)
    with scratch() as folder:
        ops = recorded(folder, seed, acts)
        found.figures["operations"] = len(ops)
        found.figures["syncs"] = sum(op.is_sync for op in ops)
        found.figures["promises"] = sum(op.kind == "A" and op.data.startswith(b"keep") for op in ops)
        made = cases(ops, folder / "root", dice, share)
        if lanes == 0:
            for number, case in enumerate(made):
                if most is not None and number >= most:
                    break
                _take(found, check(case), seed)
            return found
        with ProcessPoolExecutor(lanes, mp_context=get_context("spawn"), max_tasks_per_child=CHECKS_PER_WORKER) as pool:
            waiting: list[Future[tuple[str, list[str]]]] = []
            for number, case in enumerate(made):
                if most is not None and number >= most:
                    break
                waiting.append(pool.submit(check, case))
                while len(waiting) > 4 * lanes:
                    _take(found, waiting.pop(0).result(), seed)
            for one in waiting:
                _take(found, one.result(), seed)
    return found


def _take(found: Findings, answer: tuple[str, list[str]], seed: int) -> None:
    found.runs += 1
    what, wrong = answer
    for sentence in wrong[:3]:
        found.fail(f"seed {seed}, {what}: {sentence}")


def _copy(promises: Promises) -> Promises:
    copy = Promises()
    copy._known = dict(promises._known)
    copy._asked = {name: list(values) for name, values in promises._asked.items()}
    return copy


def _split(text: str) -> tuple[str, str, Any]:
    """Give the name and the value of a promise: the value is the JSON behind the last place where one can begin."""
    for place in range(len(text)):
        if text[place] == " ":
            try:
                return text[:place], " ", json.loads(text[place + 1 :])
            except json.JSONDecodeError:
                continue
    raise ValueError(text)


def full(options: argparse.Namespace) -> Findings:
    """Record workloads with other dice until there were enough cuts."""
    found = Findings()
    seed = options.seed
    while found.runs < options.runs and len(found.failures) < 50:
        found.take(run(seed, lanes=options.lanes, most=options.runs - found.runs))
        found.add("workloads")
        seed += 1
    return found


if __name__ == "__main__":
    run_as_command("R2", __doc__, full, runs=3_000)

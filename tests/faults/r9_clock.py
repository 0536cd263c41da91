"""R9: a clock at 1970, fifty years on, two weeks back, at the ends of summer time, or going to and fro, harms nothing.

A vehicle drives for a while, its clock jumps, its gateway is started again; at every step something happens: an event, a notice,
a reading, a job that is due. Afterwards each of them is there once, whoever logged in is still in, and what is due is done.

`python -m tests.faults.r9_clock --full` plays many journeys and writes docs/reliability/R9.json.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from zoneinfo import ZoneInfo

from autocore.core.bus import Event
from autocore.core.clock import NS
from autocore.core.model import Quality
from autocore.testing import Car

ROOT = Path(__file__).parents[2]
ZONE = ZoneInfo("Europe/Lisbon")
DAY_NS = 86_400 * NS
CONFIG = "telemetry:\ntick:\nlogging: {level: error}\n"
TICK = """
from autocore.api import hookimpl

@hookimpl
def setup(host, config):
    host.schedule.cron("0 3 * * *", lambda: host.events.emit("daily"))
    host.schedule.cron("30 1 * * *", lambda: host.events.emit("nightly"))
    host.schedule.cron("*/10 * * * *", lambda: host.events.emit("often"))
"""
JOBS = ("tick.daily", "tick.nightly", "tick.often")


@dataclass(frozen=True)
class Drive:
    """Time passes."""

    s: int


@dataclass(frozen=True)
class Jump:
    """The machine's clock says another time; None: it was never set."""

    to: datetime | None
    quality: Quality = Quality.NTP


@dataclass(frozen=True)
class Back:
    """The clock goes back to what it said when the journey began, plus what passed: it is right again."""

    quality: Quality = Quality.NTP


@dataclass(frozen=True)
class Restart:
    """The gateway stops and starts."""


Act = Drive | Jump | Back | Restart
START = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPRING = datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 0, 29, 30, tzinfo=UTC)
TWO_WEEKS = timedelta(days=14)
JUMPS = (
    Jump(None, Quality.UNSET),
    Jump(datetime(1970, 1, 1, tzinfo=UTC)),
    Jump(datetime(1970, 1, 1, tzinfo=UTC), Quality.RTC),
    Jump(START + timedelta(days=365 * 50)),
    Jump(START + timedelta(days=365 * 25), Quality.RTC),
    Jump(START - TWO_WEEKS),
    Jump(START - TWO_WEEKS, Quality.RTC),
    Jump(START + timedelta(days=21), Quality.RTC),
    Jump(SPRING),
    Jump(AUTUMN),
    Jump(AUTUMN + timedelta(hours=1)),
    Jump(datetime(2026, 6, 2, 1, 59, 40, tzinfo=UTC)),  # 20 s before three o'clock in Lisbon
    Jump(datetime(2026, 6, 2, 1, 58, 40, tzinfo=UTC)),
    Jump(datetime(2038, 1, 19, 3, 14, tzinfo=UTC)),  # 32 bits are full a moment later
)
NAMED: dict[str, tuple[Act, ...]] = {
    "1970": (Jump(datetime(1970, 1, 1, tzinfo=UTC)), Drive(600), Restart(), Drive(600)),
    "fifty years on": (Jump(START + timedelta(days=365 * 50)), Drive(600), Restart(), Drive(600)),
    "two weeks back": (Drive(700), Jump(START - TWO_WEEKS), Drive(700), Restart(), Drive(100)),
    "summer time ends": (Jump(AUTUMN), Drive(4_000)),
    "summer time begins": (Jump(SPRING), Drive(3_000)),
    "to and fro": (*(act for jump in JUMPS[11:13] * 4 for act in (jump, Drive(90))),),
    "a battery that is empty at every start": (
        *(act for _ in range(3) for act in (Jump(None, Quality.UNSET), Restart(), Drive(60), Back(), Drive(30))),
    ),
    "a better source": (Jump(START - TWO_WEEKS, Quality.RTC), Restart(), Drive(60), Back(), Drive(60), Restart()),
}


class Journey:
    """One vehicle on its way, and what was promised to it."""

    def __init__(self, folder: Path) -> None:
        self.faults: list[str] = []
        self._car = Car(folder)
        self._car.clock.set_wall(_ns(START))
        self._right_ns = _ns(START) - self._car.clock.monotonic_ns()  # true time minus monotonic time
        self._marks = 0
        self._boot = 0
        self._done: dict[tuple[int, str, str], int] = {}
        self._ticks: Counter[str] = Counter()
        self._session = ""
        (folder / "plugins").mkdir()
        (folder / "plugins" / "tick.py").write_text(TICK)

    async def play(self, acts: Sequence[Act]) -> list[str]:
        """Play it, and give what was not as it must be."""
        await self._start()
        web = await self._car.web()
        self._session = web.headers["Authorization"]
        await self._mark()
        for act in acts:
            if isinstance(act, Drive):
                await self._drive(act.s)
            elif isinstance(act, Restart):
                await self._restart()
            elif isinstance(act, Back):
                self._set_right(act.quality)
            else:
                self._car.clock.set_wall(None if act.to is None else _ns(act.to), act.quality)
            await self._mark()
            if self._boot == 1:  # in a later start a wrong clock may say that it is over; a right one says that it is not
                await self._expect_in(f"after {act}")
        await self._arrive()
        await self._car.stop()
        return self.faults

    async def _arrive(self) -> None:
        """Put the clock right, and look whether everything is there."""
        self._set_right(Quality.NTP)
        await self._drive(60)
        await self._expect_in("at the end")
        await self._expect_log_in()
        there = {"event": await self._events(), "notice": await self._notices(), "reading": await self._readings()}
        for what, found in there.items():
            for number in range(1, self._marks + 1):
                if found[number] != 1:
                    self.faults.append(f"{what} {number} of {self._marks} is there {found[number]} times")
        before = Counter(self._ticks)
        self._car.clock.set_wall(_ns(datetime(2027, 2, 1, 2, 55, tzinfo=UTC)))
        await self._drive(900)
        for job in ("tick.daily", "tick.often"):
            if self._ticks[job] == before[job]:
                self.faults.append(f"{job} is not done any more")

    async def _start(self) -> None:
        self._boot += 1
        await self._car.start(CONFIG)
        for job in JOBS:
            self._car.core.bus.on(job, self._on_tick)

    async def _restart(self) -> None:
        await self._car.stop()
        await self._start()

    async def _drive(self, s: int) -> None:
        for _ in range(0, s, 600):
            await self._car.advance(min(600, s))

    def _set_right(self, quality: Quality) -> None:
        self._car.clock.set_wall(self._car.clock.monotonic_ns() + self._right_ns, quality)

    async def _mark(self) -> None:
        """Let something happen that must be found again, once."""
        self._marks += 1
        self._car.core.bus.emit("journey.mark", {"number": self._marks})
        await self._car.call("notify.send", {"text": f"mark {self._marks}"})
        self._car.publish("autocore/telemetry/cabin/data", {"mark": self._marks})
        await self._car.advance(10)

    def _on_tick(self, event: Event) -> None:
        wall_ns, _ = self._car.clock.wall_ns()
        self._ticks[event.type] += 1
        if wall_ns is None:
            self.faults.append(f"{event.type} was done while the clock was not set")
            return
        moment = datetime.fromtimestamp(wall_ns // NS, UTC)
        # A job at a named hour is due once on a day of the place, one of every hour at each moment of the world.
        shown = moment if event.type == "tick.often" else moment.astimezone(ZONE).replace(tzinfo=None)
        due = (self._boot, event.type, f"{shown:%Y-%m-%d %H:%M}")
        now_ns = self._car.clock.monotonic_ns()
        if now_ns - self._done.get(due, -DAY_NS) < DAY_NS:
            self.faults.append(f"{event.type} was done twice for {due[2]}")
        self._done[due] = now_ns

    async def _expect_in(self, when: str) -> None:
        web = await self._car.web()
        answer = await web.get("/api/v1/auth/session", headers={"Authorization": self._session})
        if answer.status_code != 200:
            self.faults.append(f"the session is over {when}: {answer.text}")

    async def _expect_log_in(self) -> None:
        web = await self._car.web()
        body = {"username": "ana", "password": "three random words"}
        answer = await web.post("/api/v1/auth/login", json=body)
        if answer.status_code != 200:
            self.faults.append(f"nobody can log in: {answer.text}")

    async def _events(self) -> Counter[int]:
        web = await self._car.web()
        lines = (await web.get("/api/v1/events/export?type=journey.")).text.splitlines()
        return Counter(json.loads(line)["data"]["number"] for line in lines)

    async def _notices(self) -> Counter[int]:
        web = await self._car.web()
        items = (await web.get("/api/v1/notices?limit=1000")).json()["items"]
        found: Counter[int] = Counter()
        for one in items:
            if one["text"].startswith("mark "):
                found[int(one["text"].split()[1])] += one["count"]
        return found

    async def _readings(self) -> Counter[int]:
        web = await self._car.web()
        answer = await web.get("/api/v1/entities/sensor.cabin_mark/history?format=csv&from=0&to=2700000000")
        return Counter(round(float(row["value"])) for row in csv.DictReader(io.StringIO(answer.text)) if row["value"])


def play(acts: Sequence[Act]) -> list[str]:
    """Play a journey in a folder of its own, in Lisbon."""
    with (
        tempfile.TemporaryDirectory(prefix="autocore-r9-") as folder,
        patch("apscheduler.triggers.cron.get_localzone", lambda: ZONE),
    ):
        return asyncio.run(Journey(Path(folder)).play(acts))


def drawn(chance: random.Random) -> Iterator[Act]:
    """Give the acts of a journey by chance."""
    driven_s = 0
    for _ in range(chance.randint(3, 12)):
        kind = chance.random()
        if kind < 0.35:
            s = chance.choice((5, 40, 100, 700, 3_700))
            driven_s += s
            if driven_s < 20 * 3_600:  # a session lasts a day
                yield Drive(s)
        elif kind < 0.7:
            yield chance.choice(JUMPS)
        elif kind < 0.8:
            yield Jump(datetime.fromtimestamp(chance.randrange(4_102_444_800), UTC), chance.choice((Quality.RTC, Quality.NTP)))
        elif kind < 0.9:
            yield Back(chance.choice((Quality.RTC, Quality.NTP)))
        else:
            yield Restart()


def main() -> None:
    """Play journeys and write down what they showed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="play 400 journeys and write docs/reliability/R9.json")
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=9)
    options = parser.parse_args()
    runs = options.runs if options.full else min(options.runs, 10)
    began, failures, acts = time.monotonic(), [], Counter()
    journeys = [*NAMED.values(), *(tuple(drawn(random.Random(options.seed + number))) for number in range(runs))]
    for number, journey in enumerate(journeys):
        acts.update(type(act).__name__.lower() for act in journey)
        for fault in play(journey):
            sentence = f"journey {number}: {fault}"
            failures.append(sentence)
            print(f"FAILED: {sentence}", flush=True)
    document = {
        "id": "R9",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "seed": options.seed,
        "runs": len(journeys),
        "failures": len(failures),
        "failed": failures[:20],
        "seconds": round(time.monotonic() - began),
        "figures": dict(sorted(acts.items())),
    }
    print(json.dumps(document, indent=2))
    if options.full:
        file = ROOT / "docs" / "reliability" / "R9.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=2) + "\n")


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _ns(moment: datetime) -> int:
    return round(moment.timestamp()) * NS


if __name__ == "__main__":
    main()

"""R2's workload, run behind the shim: a gateway in memory whose every promise is written into the record.

`python -m tests.faults.workload FOLDER SEED ACTS`. A promise is a line `ask <name> <json>` before and `keep <name> <json>` after.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import random
import sys
from pathlib import Path
from typing import Any

from autocore.core.mqtt.message import Message
from autocore.core.mqtt.topics import matches
from autocore.testing.air import Air, MemoryConnection
from autocore.testing.car import PASSWORD, Car
from tests.faults.promise import GONE

CONFIG = "telemetry:\ntelegram:\n"
SENSORS = 4
SETTLED_S = 5.0


def mark(word: str, name: str, value: Any) -> None:
    """Write a line into the record of the shim; without a shim nothing happens."""
    library = ctypes.CDLL(None)
    if hasattr(library, "autocore_mark"):
        library.autocore_mark(f"{word} {name} {json.dumps(value)}".encode())


class _Confirming(MemoryConnection):
    """A connection that numbers what it delivers and hears what is acknowledged."""

    def take(self, message: Message) -> None:
        if self.is_connected and any(matches(one, message.topic) for one in self.filters):
            number = 0
            if message.qos and isinstance(self._air, ConfirmingAir):
                number = self._air.number(message)
            self._on_message(message, number)

    def acknowledge(self, message_id: int) -> None:
        if isinstance(self._air, ConfirmingAir):
            self._air.acknowledged(message_id)


class ConfirmingAir(Air):
    """An air that knows which QoS 1 messages the gateway acknowledged."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.unacknowledged: dict[int, tuple[str, Any]] = {}
        self._numbers = 0

    def connection(self, _clock: Any, _endpoint: Any, client_id: str, on_message: Any, on_change: Any, **_options: Any) -> Any:
        made = _Confirming(self, client_id, on_message, on_change)
        self._connections.append(made)
        return made

    def number(self, message: Message) -> int:
        self._numbers += 1
        device = message.topic.split("/")[-2]
        self.unacknowledged[self._numbers] = (f"sample/{device}", message.json()["n"])
        return self._numbers

    def acknowledged(self, number: int) -> None:
        name, value = self.unacknowledged.pop(number)
        mark("keep", f"{name}/{value}", True)


class Owner:
    """Does things to a car at random, and notes what was promised."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.car = Car(folder)
        self.car.air = self.air = ConfirmingAir(self.car.clock)
        self._number = 0
        self._tokens: dict[str, str] = {}
        self._users: list[str] = []

    async def live(self, acts: int) -> None:
        """Start, do `acts` things with one restart between, and stop."""
        await self._start()
        for number in range(acts):
            if number == acts // 2:
                await self.car.stop()
                await self._start()
            act = self.dice.choice(
                (
                    self._token,
                    self._user,
                    self._rename,
                    self._config,
                    self._samples,
                    self._samples,
                    self._notice,
                    self._setting,
                    self._call,
                )
            )
            await act()
            if self.dice.random() < 0.1:
                await self.car.advance(30.0)
        await self.car.stop()

    async def _start(self) -> None:
        await self.car.start(CONFIG)
        mark("keep", "user/ana", "admin") if self._number else mark("ask", "user/ana", "admin")
        self.client = await self.car.web()
        mark("keep", "user/ana", "admin")
        if not self._number:
            answer = await self._do("POST", "/auth/tokens", {"name": "first"}, "token/first", True)
            mark("keep", "secret", answer.json()["token"])
        await self._samples()

    async def _do(self, method: str, path: str, body: Any, name: str, value: Any) -> Any:
        mark("ask", name, value)
        answer = await self.client.request(method, f"/api/v1{path}", json=body)
        answer.raise_for_status()
        mark("keep", name, value)
        return answer

    async def _token(self) -> None:
        if len(self._tokens) > 3:
            name, token = self._tokens.popitem()
            await self._do("DELETE", f"/auth/tokens/{token}", None, f"token/{name}", GONE)
            return
        name = f"t{self._next()}"
        answer = await self._do("POST", "/auth/tokens", {"name": name}, f"token/{name}", True)
        self._tokens[name] = answer.json()["id"]

    async def _user(self) -> None:
        if len(self._users) > 1:
            name = self._users.pop(0)
            await self._do("DELETE", f"/users/{name}", {"own_password": PASSWORD}, f"user/{name}", GONE)
            return
        name = f"guest{self._next()}"
        body = {"username": name, "password": PASSWORD, "role": "viewer", "own_password": PASSWORD}
        await self._do("POST", "/users", body, f"user/{name}", "viewer")
        self._users.append(name)

    async def _rename(self) -> None:
        entity = f"sensor.car_{self.dice.randrange(SENSORS)}_n"
        text = f"Sensor {self._next()}"
        await self._do("PATCH", f"/entities/{entity}", {"name": text}, f"name/{entity}", text)

    async def _config(self) -> None:
        every = f"{self.dice.randint(2, 90)}s"
        if self.dice.random() < 0.2:
            every = GONE
        name, value = "config/system", None if every is GONE else {"every": every}
        if value is None:
            await self._do("PUT", "/config/system", {"every": "1s"}, name, {"every": "1s"})
            await self._do("DELETE", "/config/system", None, name, GONE)
        else:
            await self._do("PUT", "/config/system", value, name, value)

    async def _samples(self) -> None:
        for _ in range(self.dice.randint(1, 20)):
            device = f"car_{self.dice.randrange(SENSORS)}" if self._number > SENSORS else f"car_{self._number % SENSORS}"
            self.air.publish(f"autocore/telemetry/{device}/data", {"n": self._next()}, qos=1)
        while self.air.unacknowledged:
            await self.car.advance(1.0)
            await asyncio.sleep(0.002)

    async def _notice(self) -> None:
        text = f"Something happened {self._next()}"
        mark("ask", f"notice/{text}", True)
        self.car.core.notify(text, title="", severity=_info(), source="test", key=None)
        async with asyncio.timeout(SETTLED_S):
            while text not in await self._notices():  # noqa: ASYNC110  # what threads do has no event
                await asyncio.sleep(0.005)
        mark("keep", f"notice/{text}", True)

    async def _call(self) -> None:
        """Call services, which the audit remembers; it writes them within half a second."""
        for _ in range(self.dice.randint(1, 5)):
            answer = await self.client.post("/api/v1/services/notify/send", json={"text": f"Call {self._next()}"})
            answer.raise_for_status()
        await self.car.advance(self.dice.choice((0.6, 6.0)))

    async def _notices(self) -> set[str]:
        answer = await self.client.get("/api/v1/notices", params={"limit": 1000})
        return {one["text"] for one in answer.json()["items"]}

    async def _setting(self) -> None:
        name, value = f"setting/{self.dice.randrange(3)}", self._next()
        mark("ask", name, value)
        await self.car.core.store("test").set(name, value)
        mark("keep", name, value)

    def _next(self) -> int:
        self._number += 1
        return self._number


def _info() -> Any:
    from autocore.core.notices import Severity  # noqa: PLC0415  # beside its only use

    return Severity.INFO


async def found_in(car: Car, client: Any) -> dict[str, Any]:
    """Give what a car that was started again knows, by the names of the promises."""

    async def items(path: str) -> list[dict[str, Any]]:
        answer = await client.get(f"/api/v1{path}", params={"limit": 1000} if path == "/notices" else {})
        answer.raise_for_status()
        return list(answer.json()["items"])

    found: dict[str, Any] = {f"user/{one['username']}": one["role"] for one in await items("/users")}
    found |= {f"token/{one['name']}": True for one in await items("/auth/tokens")}
    found |= {f"notice/{one['text']}": True for one in await items("/notices")}
    for entity in await items("/entities"):
        found[f"name/{entity['id']}"] = entity["name"]
        if entity["id"].startswith("sensor.car_"):
            device = entity["id"].removeprefix("sensor.").removesuffix("_n")
            for value in await values_of(client, entity["id"]):
                found[f"sample/{device}/{value}"] = True
    for number in range(3):
        found[f"setting/setting/{number}"] = await car.core.store("test").get(f"setting/{number}")
        found[f"setting/{number}"] = found.pop(f"setting/setting/{number}")
    return found


async def values_of(client: Any, entity: str) -> list[int]:
    """Give every number in the history of an entity."""
    params = {"format": "csv", "from": "2000-01-01", "to": "2100-01-01"}
    answer = await client.get(f"/api/v1/entities/{entity}/history", params=params)
    answer.raise_for_status()
    rows = (line.split(",") for line in answer.text.splitlines()[1:])
    return [round(float(row[1])) for row in rows if row[1]]


def main() -> None:
    folder, seed, acts = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    asyncio.run(Owner(folder, seed).live(acts))


if __name__ == "__main__":
    main()

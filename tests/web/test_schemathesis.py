"""REST against its own document: whatever fits the schema, or just does not, no mistake of the gateway's and no surprise."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from autocore.testing.car import BASE, Car

CONFIG = "telemetry:\nsystem:\nrelays: {boards: [{device: main, channels: {1: {name: Light bar}}}]}\nthemes:\ncan: {demo: true}\n"
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
THERE = {
    "entity_id": "switch.light_bar",
    "device_id": "main",
    "name": "system",
    "username": "ana",
    "domain": "switch",
    "service": "turn_on",
}
T = TypeVar("T")


class Gateway:
    """A gateway on a loop of its own, so that tests that know no loop can ask it."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway")
        self._thread.start()
        self._car = Car(folder)
        self.document = self._do(self._start())

    def ask(self, case: schemathesis.Case) -> httpx.Response:
        """Send what was made up, through the gate."""
        made = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
        headers = {name: value for name, value in made.headers.items() if name.lower() not in ("authorization", "host", "cookie")}
        assert made.url is not None
        return self._do(self._send(made.method or "GET", made.url, headers, made.body))

    def stop(self) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self) -> dict[str, Any]:
        await self._car.start(CONFIG)
        self._car.board("main", channels=1)
        web = await self._car.web()
        token = (await web.post("/api/v1/auth/tokens", json={"name": "tester"})).json()["token"]
        web.headers["Authorization"] = f"Bearer {token}"  # a log-out ends no token
        found: dict[str, Any] = (await web.get("/schema/openapi.json")).json()
        return found

    async def _send(self, method: str, url: str, headers: dict[str, str], body: Any) -> httpx.Response:
        web = await self._car.web()
        content = body.encode() if isinstance(body, str) else body
        return await web.request(method, url, headers=headers, content=content)

    async def _stop(self) -> None:
        await self._car.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("schemathesis"))
    yield made
    made.stop()


MADE_UP = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.no_cover  # three times as fast
def test_every_answer_is_as_the_document_says(gateway: Gateway) -> None:
    wrong: dict[str, str] = {}
    asked = 0
    for found in schemathesis.openapi.from_dict(gateway.document).get_all_operations():
        operation = found.ok()

        @MADE_UP
        @given(case=operation.as_strategy())
        def answers_as_documented(case: schemathesis.Case) -> None:
            nonlocal asked
            asked += 1
            if asked % 2:  # what is there must be asked too, not only what nobody knows
                case.path_parameters = {name: THERE.get(name, value) for name, value in (case.path_parameters or {}).items()}
            answer = gateway.ask(case)
            assert answer.status_code != 500, answer.text  # 503: there is no broker here that lets boards in
            case.validate_response(answer, checks=CHECKS)

        try:
            answers_as_documented()
        except FailureGroup as error:
            wrong[operation.label] = str(error)
    assert "\n".join(f"{label}: {what}" for label, what in wrong.items()) == ""
    assert asked > 400


def test_every_refusal_is_documented_as_a_problem(gateway: Gateway) -> None:
    operations = [one for path in gateway.document["paths"].values() for one in path.values()]
    assert len(operations) > 50
    for one in operations:
        assert {"400", "401", "403", "404"} <= set(one["responses"])
        assert "application/problem+json" in one["responses"]["403"]["content"]

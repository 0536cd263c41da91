"""The MQTT API: the services and the queries of REST, with the same permissions, over `{root}/api/{client}/request|response`.

A query goes through the same routes as a request over HTTP, so both give the same. A request bears an API token; without one it
is a viewer's where the broker lets anonymous clients in (loopback only), and refused elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from autocore.auth.accounts import Accounts
from autocore.builtin.apiwire import ApiRequest, ApiResponse
from autocore.core.errors import AutocoreError, InvalidData, NotAuthenticated, Refused
from autocore.core.model import Caller, Cause, Role
from autocore.core.mqtt.hub import MqttHub
from autocore.core.mqtt.message import MAX_PAYLOAD_BYTES, Message
from autocore.core.services import ServiceRegistry
from autocore.web.errors import problem_of
from autocore.web.gate import CALLER, TOKEN

OWNER = "core"
AT_ONCE = 64
LONGEST_CLIENT = 200
VIA = "mqtt"
ROOM = 1_024  # bytes of a response beside its result


class MqttApi:
    """Answers requests.

    Args:
        app: gives the application that HTTP requests go through, as it is now.
        allows_anonymous: whether a request without a token is a viewer's.
    """

    def __init__(
        self,
        hub: MqttHub,
        services: ServiceRegistry,
        accounts: Accounts,
        app: Callable[[], Any],
        *,
        allows_anonymous: bool,
    ) -> None:
        self._hub = hub
        self._services = services
        self._accounts = accounts
        self._app = app
        self._allows_anonymous = allows_anonymous
        self._tasks: set[asyncio.Task[None]] = set()
        self._undo: list[Callable[[], None]] = []

    def start(self) -> None:
        """Answer from now on."""
        self._undo = [
            self._hub.claim(f"{self._hub.root}/api/+/response", OWNER),
            self._hub.subscribe(f"{self._hub.root}/api/+/request", self._on_request, qos=1, urgent=True),
        ]

    async def stop(self) -> None:
        """Answer no more; what is under way is let go."""
        for undo in self._undo:
            undo()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_request(self, message: Message) -> None:
        if message.retain or not message.payload:
            return  # a kept request would be done again at every connection
        client = message.topic.split("/")[-2]
        if len(client) > LONGEST_CLIENT:  # the topic of its answer could be longer than MQTT carries
            self._hub.reject(message.topic, client, "topic", f"the name of a client has at most {LONGEST_CLIENT} characters")
            return
        try:
            request = message.decode(ApiRequest)
        except InvalidData as error:
            self._hub.reject(message.topic, client, error.field, error.message)
            self._answer(client, ApiResponse(None, ok=False, status=400, code="invalid", detail=str(error)))
            return
        if len(self._tasks) >= AT_ONCE:
            busy = "too many requests at once; wait for an answer"
            self._answer(client, ApiResponse(request.id, ok=False, status=429, code="busy", detail=busy))
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(client, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, client: str, request: ApiRequest) -> None:
        try:
            caller = await self._caller(client, request.token)
            if request.service is not None:
                answer = await self._services.call(request.service, request.data, caller)
                response = ApiResponse(request.id, ok=True, result=dict(answer))
            elif request.get is not None:
                response = await self._read(request, caller)
            else:
                raise InvalidData("say either service or get", field="service")
        except AutocoreError as error:
            response = _problem(request.id, problem_of(error))
        self._answer(client, response)

    async def _caller(self, client: str, token: str | None) -> Caller:
        if token is not None:
            return await self._accounts.authenticate(token, VIA, client)
        if not self._allows_anonymous:
            raise NotAuthenticated("send an API token as `token`")
        return Caller(Cause(VIA, client), Role.VIEWER)

    async def _read(self, request: ApiRequest, caller: Caller) -> ApiResponse:
        path, _, query = (request.get or "").partition("?")
        path = "/api/v1/" + path.removeprefix("/api/v1/").lstrip("/")
        status, body = await _ask(self._app(), unquote(path), path, query, caller)
        decoded = msgspec.json.decode(body) if body else None
        if status >= 400:  # noqa: PLR2004  # HTTP's own border
            return _problem(request.id, decoded if isinstance(decoded, dict) else {"status": status})
        return ApiResponse(request.id, ok=True, result=decoded, status=status)

    def _answer(self, client: str, response: ApiResponse) -> None:
        body = msgspec.json.encode(response)
        if len(body) > MAX_PAYLOAD_BYTES - ROOM:
            detail = "the answer has more than 64 KiB; ask for less, with limit, points or a filter"
            body = msgspec.json.encode(ApiResponse(response.id, ok=False, status=413, code="too_large", detail=detail))
        try:
            self._hub.publish(f"{self._hub.root}/api/{client}/response", body, qos=1, owner=OWNER)
        except Refused:
            return  # the broker is away, and so is who asked


def _problem(request_id: str | int, problem: Mapping[str, Any]) -> ApiResponse:
    return ApiResponse(
        request_id,
        ok=False,
        status=problem.get("status"),
        code=problem.get("code"),
        detail=problem.get("detail"),
        nearest=problem.get("nearest"),
        field=problem.get("field"),
    )


async def _ask(app: Any, path: str, raw: str, query: str, caller: Caller) -> tuple[int, bytes]:
    """Give status and body of a GET, as the application answers the caller."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept", b"application/json")],
        "client": None,
        "server": None,
        CALLER: caller,
        TOKEN: None,
    }
    status, parts = 500, []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, b"".join(parts)
